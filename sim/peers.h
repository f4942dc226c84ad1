#pragma once
// The receivers, and the network in between.

#include <functional>
#include <map>
#include <string>

#include "env/http_sender.h"
#include "sim/clock.h"
#include "sim/oracle.h"
#include "sim/plan.h"
#include "sim/random.h"

namespace posthorn::sim {

/// What a host does with one request.
struct Answer {
  env::ExchangeResult result = env::ExchangeResult::ok;
  int status = 200;
  bool reaches_peer = true;
  Millis there{1}, back{1};
  std::vector<env::Header> headers;
};

class Peers {
 public:
  Peers(const Plan& plan, std::uint64_t seed) : plan_(plan), random_(seed, "peers") {}

  Answer answer(const std::string& host, Millis limit);
  /// From now on all of the host's requests fail, or none does because of that.
  void set_outage(const std::string& host, bool out) { outages_[host] = out; }
  /// Nothing fails any more.
  void heal() { healed_ = true; }

 private:
  const Plan& plan_;
  SimRandom random_;
  std::map<std::string, bool> outages_;
  bool healed_ = false;
};

/// The network as one process sees it. When the process dies, what has not reached a peer never
/// will.
class ProcessNet final : public env::HttpSender {
 public:
  struct Hooks {
    Peers& peers;
    Oracle& oracle;
    Life& life;
    std::function<bool(DeliveryId)> is_poison;
    std::function<void()> kill;
  };
  ProcessNet(Hooks hooks, ProcessClock& clock) : hooks_(std::move(hooks)), clock_(clock) {}

  task<env::Exchange> send(env::OutgoingRequest request) override;
  void die() { dead_ = true; }

 private:
  Hooks hooks_;
  ProcessClock& clock_;
  bool dead_ = false;
};

}  // namespace posthorn::sim

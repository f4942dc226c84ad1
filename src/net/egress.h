#pragma once
// The egress guard's connecting half: resolves, vets, pins, dials and caps. Everything that leaves
// goes through it, and egress.cc is the one place that calls connect().

#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "egress/policy.h"
#include "env/http_sender.h"
#include "net/egress_deadline.h"
#include "net/egress_wire.h"
#include "net/resolver.h"
#include "net/tls_client.h"

namespace posthorn::net {

struct SocketAddress {
  egress::Address address;
  std::uint16_t port = 0;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
  /// "203.0.113.7:443", "[2001:db8::1]:443".
  [[nodiscard]] std::string text() const;
};

struct EgressConfig {
  /// Where this process listens: never sent to, whatever the policy allows. 0.0.0.0 and :: stand
  /// for every address of this machine.
  std::vector<SocketAddress> own_listeners;
  int handshakes_per_second = 200;  ///< New TLS handshakes; 0: unlimited.
  std::string proxy;  ///< "http://host:port" for CONNECT; empty: none. The environment is ignored.
};

/// What a name stands for and what may be dialled of it.
struct Vetted {
  text::Url url;
  std::vector<egress::Address> addresses;  ///< At least one; each of them allowed.
};

/// Why there is no connection.
struct ConnectFailure {
  env::ExchangeResult result = env::ExchangeResult::connect_failed;
  std::string detail;          ///< One sentence for people.
  std::string remote_address;  ///< The address dialled last; may be empty.
};
template <class T>
using Connected = std::expected<T, ConnectFailure>;

/// One per io_context, used on its thread only; dial_blocking() alone may be called anywhere.
class Egress {
 public:
  /// The references outlive it. An invalid `config.proxy` is a refusal of every connection.
  Egress(asio::io_context& context, const egress::Policy& policy, Resolver& resolver,
         TlsClient& tls, EgressConfig config = {});

  /// Vets `url`, looks its host up once (a literal not at all), dials only what was vetted, in
  /// order, checks the peer's address, and for https puts TLS on. `session` may be nullptr. Fills
  /// the phases of `timings`. Done by the deadline.
  task<Connected<std::unique_ptr<Wire>>> connect(text::Url url, std::shared_ptr<TlsSession> session,
                                                 Deadline& deadline, env::ExchangeTimings& timings);

  /// The first half of connect(): what may be dialled.
  task<Connected<Vetted>> vet(text::Url url, Deadline& deadline);

  [[nodiscard]] const egress::Policy& policy() const { return policy_; }
  [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
  [[nodiscard]] asio::io_context& context() { return context_; }

 private:
  task<Connected<std::unique_ptr<Wire>>> dial(std::vector<egress::Address> addresses,
                                              std::uint16_t port, Deadline& deadline);
  task<Connected<std::unique_ptr<Wire>>> dial_one(SocketAddress where, Deadline& deadline);
  task<Connected<std::unique_ptr<Wire>>> dial_proxy(SocketAddress target, Deadline& deadline);
  task<bool> take_handshake_turn(Deadline& deadline);

  asio::io_context& context_;
  const egress::Policy& policy_;
  Resolver& resolver_;
  TlsClient& tls_;
  EgressConfig config_;
  Deadlines deadlines_;
  SteadyClock::time_point next_handshake_{};
};

/// Dials one of `addresses`, which the caller has vetted, in the calling thread: the connected,
/// non-blocking descriptor, to be closed by the caller. Gives up soon after `stop` becomes true.
/// Errors: io, timed_out, cancelled.
Result<int> dial_blocking(const std::vector<egress::Address>& addresses, std::uint16_t port,
                          Millis limit, const std::atomic<bool>& stop);

}  // namespace posthorn::net

#pragma once
// One `posthorn serve` of a world: the engine and all that would be lost with its process.

#include <functional>
#include <memory>
#include <vector>

#include "crypto/vault.h"
#include "deliver/engine.h"
#include "deliver/metrics.h"
#include "sim/faulty_store.h"
#include "sim/journal.h"
#include "sim/peers.h"

namespace posthorn::sim {

class Process {
 public:
  enum class Phase : std::uint8_t { starting, running, stopping, gone };

  struct Machine {
    asio::io_context& context;
    SimClock& clock;
    SimJournal& journal;
    Peers& peers;
    Oracle& oracle;
    const Truth& truth;
    const StoreFaults& faults;
    const crypto::Vault& vault;
    std::function<store::MemoryStore&()> rows;
    std::function<void(std::exception_ptr)> on_bug;
  };
  Process(Machine machine, int number, std::uint64_t seed, deliver::EngineConfig config);

  /// Reads the endpoints and starts the engine; ends in `running`, or `gone` when that failed.
  void start(std::vector<int> shards);
  /// Ends it like kill -9: nothing that it does from here on has an effect.
  void kill();
  /// Ends it like SIGTERM; `gone` follows.
  void stop();

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool serves() const { return phase_ == Phase::running; }
  [[nodiscard]] bool is_dead() const { return dead_; }
  [[nodiscard]] const Life& life() const { return life_; }
  FaultyStore& store() { return store_; }
  publish::RoutingTable& routing() { return routing_; }
  const publish::Publisher& publisher() const { return publisher_; }
  publish::Publisher& publisher() { return publisher_; }
  deliver::Engine& engine() { return *engine_; }
  [[nodiscard]] const deliver::Engine& engine() const { return *engine_; }
  const env::Timeline& timeline() const { return timeline_; }

 private:
  task<> run(std::vector<int> shards);
  task<> end();
  void load_routing();

  Machine machine_;
  ProcessClock clock_;
  env::Timeline timeline_;
  Life life_;
  SimRandom random_;
  ProcessJournal journal_;
  FaultyStore store_;
  ProcessNet net_;
  publish::RoutingTable routing_;
  publish::Publisher publisher_;
  env::NullLog log_;
  env::MetricRegistry registry_;
  deliver::Metrics metrics_;
  std::unique_ptr<deliver::Engine> engine_;
  Phase phase_ = Phase::starting;
  bool dead_ = false;
};

}  // namespace posthorn::sim

#pragma once
// Takes due deliveries lane by lane, sends them, and records what came of it. See docs/delivery.md.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "env/http_sender.h"
#include "env/inflight_journal.h"
#include "env/log.h"
#include "env/random.h"
#include "env/task_group.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::deliver {

struct Metrics;

struct EngineConfig {
  int in_flight_max = 512;                    ///< Over all lanes.
  int window_rows_max = 4096;                 ///< Pending deliveries of one lane held in memory.
  int ordered_rows_max = 256;                 ///< The same of a lane that keeps an order.
  std::size_t payload_bytes_max = 64u << 20;  ///< Event payloads held in memory over all lanes.
  int per_target_max = 64;                    ///< Attempts at once to one host over all workspaces.
  Millis retry_probe_gap_max = 5min;          ///< Longest gap of a probing lane.
  Millis drain_limit = 15s;                   ///< How long stop() lets attempts in flight end.
  std::vector<std::string> admin_mails;       ///< Who is told about disabled endpoints.
};

/// What a lane is doing, for explain and the console.
enum class LaneState : std::uint8_t { idle, flowing, probing, held };

struct LaneView {
  LaneState state = LaneState::idle;
  int in_flight = 0;
  int concurrency = 0;  ///< The adaptive limit now.
  int waiting = 0;      ///< Rows in the window.
  std::optional<Instant> next_probe_at;
};

/// Everything runs on `context`; only notify(), lane_view() and metrics are thread-safe.
class Engine {
 public:
  struct Ports {
    asio::io_context& context;
    const env::Clock& clock;
    env::Clock& sleeper;  ///< The same clock, for sleeping.
    const env::Timeline& timeline;
    env::Random& random;
    env::HttpSender& sender;
    store::Store& store;
    publish::RoutingTable& routing;
    publish::Publisher& publisher;
    env::InflightJournal& journal;
    env::Log& log;
    Metrics& metrics;
  };
  Engine(Ports ports, EngineConfig config);
  ~Engine();

  /// Leases the shards, deals with what the last process left in flight, and begins. `paused`:
  /// takes nothing until resume().
  task<Result<>> start(std::string node, std::vector<int> shards, bool paused = false);
  void resume();
  /// Takes nothing new, lets what is in flight end within drain_limit, cancels the rest (they stay
  /// pending).
  task<> stop();

  /// A test attempt: not stored, no state changes. Sends the event as it would be sent to the
  /// endpoint.
  task<env::Exchange> send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                std::shared_ptr<const model::Event> event);

  /// The endpoint was enabled, disabled, changed or deleted (already committed, routing updated).
  /// Any thread.
  void endpoint_changed(EndpointId id);
  [[nodiscard]] LaneView lane_view(EndpointId id) const;
  /// The lease under which it writes; after start().
  [[nodiscard]] store::EpochsPtr epochs() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace posthorn::deliver

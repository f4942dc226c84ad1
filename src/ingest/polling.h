#pragma once
// The polling backstop: asks the providers' APIs for what their webhooks did not bring. What it
// finds goes the way of a webhook from Intake::keep on. Where it stands is kept, after what it
// found, so that a crash finds things again and loses none.

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "env/alarm.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/random.h"
#include "env/task_group.h"
#include "ingest/fetcher.h"
#include "ingest/intake.h"
#include "ingest/poll_metrics.h"
#include "ingest/poll_position.h"
#include "ingest/poll_settings.h"
#include "ingest/source_index.h"
#include "store/store.h"

namespace posthorn::ingest {

struct PollingConfig {
  int in_flight_max = 16;      ///< Looks at one time.
  int long_polls_max = 256;    ///< Beside them, those that wait at the provider by design.
  int questions_of_look = 50;  ///< Then it is another source's turn.
  Millis rescan{5'000};        ///< A change of a source is seen after so long at the latest.
  Millis failure_first{5'000}, failure_max{300'000};  ///< Waits, doubled with each failure.
};

/// Runs on one io_context. Construct, start(), and stop() before the context ends.
class Polling {
 public:
  struct Ports {
    asio::io_context& context;
    env::Clock& clock;
    env::Random& random;
    store::Store& store;
    SourceIndex& sources;
    Intake& intake;
    Fetcher& fetcher;
    env::Log& log;
    PollMetrics& metrics;
  };
  explicit Polling(Ports ports, PollingConfig config = {});
  ~Polling();

  /// Reads where it stood and begins. Errors: those of the store; corrupt.
  task<Result<>> start();
  /// A question under way is given up.
  task<> stop();

  /// {"last_polled_at", "last_error", "behind", "next_poll_at"} since the start: `behind` while
  /// more is known to wait at the provider, or the last complete look is older than two intervals.
  /// Null for a source that is not polled. Any thread.
  [[nodiscard]] json::value health(SourceId source) const;

 private:
  using SettingsPtr = std::shared_ptr<const PollSettings>;
  struct Entry {
    std::int64_t version = 0;  ///< Of the source that the settings are of.
    SettingsPtr settings;      ///< Null: not to be polled now.
    PollPosition position;
    Tick due;
    bool running = false;
    int failures = 0;
    int page_size = 0;  ///< 0: the poller's.
  };
  struct Health {
    std::optional<Instant> polled_at;
    std::string error;
    bool more = false;
    Tick complete;  ///< The last complete look, or when polling began.
    Millis interval{0};
    Tick due;
  };
  /// What one look came to.
  struct Outcome {
    bool failed = false;
    bool more = false;
    std::optional<Millis> wait;  ///< That the provider asks for.
    std::string error;           ///< Or what had to be left out; empty: nothing to say.
  };

  task<> run();
  task<> scan();
  void take_over(const LiveSourcePtr& live, Entry& entry);
  task<> turn(LiveSourcePtr live, SettingsPtr settings);
  task<Outcome> look(LiveSourcePtr live, SettingsPtr settings, Entry& entry);
  task<Result<>> keep(LiveSourcePtr live, std::vector<pollers::Item> items, std::string remote);
  task<Result<>> save(LiveSourcePtr live, PollPosition& position, json::object cursor);
  task<Result<>> forget(PollPosition& position);
  void settle(const PollSettings& settings, SourceId id, const Outcome& outcome);
  [[nodiscard]] Millis wait_after(const PollSettings& settings, const Entry& entry,
                                  const Outcome& outcome);

  Ports ports_;
  const PollingConfig config_;
  std::map<SourceId, Entry> entries_;
  int looks_ = 0, long_polls_ = 0;
  env::Alarm alarm_;
  env::TaskGroup tasks_;
  std::shared_ptr<void> listening_;
  bool stopping_ = false;

  mutable std::mutex health_mutex_;
  std::map<SourceId, Health> health_;
};

}  // namespace posthorn::ingest

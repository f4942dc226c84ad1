#pragma once
// Every source in memory, ready to verify, so that a call needs no query.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "env/clock.h"
#include "env/fair_gate.h"
#include "env/rate_bucket.h"
#include "env/task.h"
#include "ingest/source.h"
#include "model/schema.h"
#include "store/store.h"

namespace posthorn::ingest {

/// A request rate for each client address. Bounded: when it is full, it starts anew, which lets a
/// client through that would have waited. Thread-safe.
class ClientRates {
 public:
  env::RateVerdict take(std::string_view client, int per_minute, Tick now);

 private:
  static constexpr std::size_t clients_max = 10'000;
  std::mutex mutex_;
  std::unordered_map<std::string, env::RateBucket> clients_;
};

/// What a source has been doing; the same object over all versions of it, while the process lives.
struct SourceActivity {
  env::GateShare receiving;
  env::RateBucket rate, refusals;
  ClientRates clients;
  std::atomic<std::int64_t> last_received_ms{
      0};  ///< Of a verified request; 0: none since the start.
  std::atomic<std::uint64_t> received{0}, duplicates{0}, refused{0}, refused_unkept{0};
};

/// A source with what its calls need. Immutable but for its activity.
struct LiveSource {
  Source source;
  providers::Settings settings;  ///< Of live_config at the time it was made.
  std::optional<Instant> settings_until;
  std::optional<model::Schema> schema;
  std::shared_ptr<SourceActivity> activity;
};
using LiveSourcePtr = std::shared_ptr<const LiveSource>;

/// Thread-safe. load() comes first.
class SourceIndex {
 public:
  SourceIndex(store::Store& store, const crypto::Vault& vault, const env::Clock& clock)
      : store_(store), vault_(vault), clock_(clock) {}

  /// Reads all sources. Errors: those of the store; corrupt; unsupported.
  task<Result<>> load();

  [[nodiscard]] LiveSourcePtr by_slug(std::string_view slug) const;
  [[nodiscard]] LiveSourcePtr by_id(SourceId id) const;
  [[nodiscard]] std::size_t count(WorkspaceId workspace) const;
  /// Of one workspace, or of one provider in it, by id.
  [[nodiscard]] std::vector<LiveSourcePtr> all(
      std::optional<WorkspaceId> workspace = std::nullopt) const;

  /// Takes over what was stored; an older version than the kept one is ignored.
  void upsert(Source source);
  void remove(SourceId id);

  /// For Store::listen: remembers which sources changed. Returns at once.
  void note(const store::CommitNotice& notice);
  [[nodiscard]] bool has_changes() const { return changed_.load(std::memory_order_acquire); }
  /// Reads what note() remembered. Errors: those of the store; what is left is tried next time.
  task<Result<>> refresh_changed();

 private:
  [[nodiscard]] LiveSourcePtr make(Source source, std::shared_ptr<SourceActivity> activity) const;
  /// The same source with its settings as they are now, when a previous secret has ended.
  LiveSourcePtr current(LiveSourcePtr live) const;

  store::Store& store_;
  const crypto::Vault& vault_;
  const env::Clock& clock_;
  mutable std::shared_mutex mutex_;
  mutable std::map<SourceId, LiveSourcePtr> sources_;
  std::unordered_map<std::string, SourceId> slugs_;
  std::atomic<bool> changed_{false};
  std::mutex changes_mutex_;
  std::vector<SourceId> changes_;
};

}  // namespace posthorn::ingest

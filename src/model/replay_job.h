#pragma once
// Many deliveries sent again, or many received requests worked on again, by filter and time range.

#include <boost/json/object.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/delivery.h"
#include "model/faults.h"
#include "model/names.h"
#include "model/objects.h"
#include "model/received_request.h"

namespace posthorn::model {

enum class ReplayState : std::uint8_t { running, paused, completed, cancelled, failed };
inline constexpr std::array<Named<ReplayState>, 5> replay_states{
    {{ReplayState::running, "running"},
     {ReplayState::paused, "paused"},
     {ReplayState::completed, "completed"},
     {ReplayState::cancelled, "cancelled"},
     {ReplayState::failed, "failed"}}};
constexpr std::string_view to_string(ReplayState value) { return name_of(replay_states, value); }

/// Which deliveries; what is empty does not restrict.
struct ReplayFilter {
  std::optional<EndpointId> endpoint{};
  std::optional<EventId> event{};
  std::vector<DeliveryState> states{DeliveryState::exhausted};
  std::vector<std::string> event_types;     ///< With wildcards.
  std::vector<int> status_codes;            ///< Of the last attempt.
  std::optional<Instant> since{}, until{};  ///< created_at: since <= t < until.
};

/// Which received requests; what is empty does not restrict.
struct RequestReplayFilter {
  std::optional<SourceId> source{};
  std::string provider;  ///< Of the sources of this provider that are there.
  std::vector<RequestState> states{RequestState::parked};
  std::optional<Instant> since{}, until{};  ///< received_at: since <= t < until.
  bool force = false;                       ///< What they say happens anew.
};

struct ReplayCounts {
  std::int64_t seen = 0;      ///< Deliveries (or requests) looked at that match.
  std::int64_t replayed = 0;  ///< New deliveries made, or requests set to received; 0: dry run.
  /// Could not be replayed: the endpoint or the payload is gone; the source or the body of a
  /// request is gone, or it still does not verify.
  std::int64_t skipped = 0;
  std::int64_t total = -1;  ///< That matched when the job was made; -1: too many to count then.
};

struct ReplayJob {
  ReplayJobId id;
  WorkspaceId workspace;
  ReplayFilter filter;
  std::optional<RequestReplayFilter> requests{};  ///< Then `filter` is none.
  bool dry_run = false;                           ///< Only counts.
  double rate_per_second = 50;                    ///< New deliveries, or requests; 0.1 to 10000.
  ReplayState state = ReplayState::running;
  ReplayCounts counts;
  std::uint64_t cursor = 0;  ///< Page::after of the next page; 0: from the start.
  std::string actor;         ///< "key:key_…" of who asked.
  std::string error;         ///< Of a failed one.
  std::optional<Instant> finished_at{};
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

Object to_object(const ReplayJob& job);
/// Error: corrupt.
Result<ReplayJob> replay_job_from(const Object& object);
json::object to_api(const ReplayJob& job);
/// The body of a POST: {endpoint_id, event_id, statuses, event_types, status_codes, since, until,
/// dry_run, rate}. Statuses are exhausted unless given; pending ones cannot be replayed. Fault: no
/// endpoint_id, event_id, event_types or since, so that nobody replays everything by mistake.
ReplayJob read_replay_job(const json::object& input, Faults& faults, ReplayJob base);

}  // namespace posthorn::model

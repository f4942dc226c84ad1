#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "env/http_sender.h"

namespace posthorn::model {

/// pending covers waiting, due, being sent, retrying and held: the difference is derived (explain).
enum class DeliveryState : std::uint8_t {
  pending = 0,
  succeeded = 1,
  exhausted = 2,  ///< All attempts failed: the dead letters.
  cancelled =
      3,  ///< By a person, by deletion of the endpoint, or not recovered after it was disabled.
  parked = 4,  ///< In flight three times in a row when the process died: waits for a person.
};

/// Why an attempt was made. Tests and replays by hand never count as failures.
enum class Trigger : std::uint8_t { schedule = 0, replay = 1, test = 2, probe = 3 };

/// One event for one endpoint.
struct Delivery {
  DeliveryId id;
  EventId event;
  EndpointId endpoint;
  WorkspaceId workspace;
  DeliveryState state = DeliveryState::pending;
  int attempts = 0;            ///< Finished attempts.
  Instant due_at;              ///< On the timeline; meaningful while pending.
  Instant created_at;          ///< Wall clock.
  std::uint64_t key_hash = 0;  ///< Of the event's key, for Ordering::key; 0: no key.
  int crashes = 0;             ///< Times in a row that it was in flight when the process died.
  AttemptId last_attempt;      ///< Head of the chain of attempts; none before the first.
  int last_status = 0;         ///< HTTP status of the last attempt; 0: none was read.
  env::ExchangeResult last_result = env::ExchangeResult::ok;  ///< Meaningful when attempts > 0.
  DeliveryId replay_of;                                       ///< Set on a replay.
  Trigger trigger = Trigger::schedule;
};

/// One HTTP exchange.
struct Attempt {
  AttemptId id;
  DeliveryId delivery;
  EndpointId endpoint;
  int number = 0;  ///< From 1.
  Trigger trigger = Trigger::schedule;
  Instant started_at;  ///< Wall clock.
  env::ExchangeResult result = env::ExchangeResult::ok;
  int status = 0;
  bool success = false;  ///< The verdict: 2xx.
  env::ExchangeTimings timings;
  std::string remote_address;
  std::string tls;
  std::string detail;
  std::vector<env::Header> response_headers;
  std::string response_body;  ///< At most 4096 bytes.
  bool response_truncated = false;
  std::optional<Instant> retry_at;  ///< What was decided; none: settled.
  std::string decision;  ///< In words: "retry 2 of 6 in 5 s", "Retry-After 120 s", "410 Gone:
                         ///< endpoint disabled".
  AttemptId previous;    ///< The attempt before, of the same delivery.
};

/// The durable state of an endpoint's queue.
struct Lane {
  EndpointId endpoint;
  std::optional<Instant>
      next_due;  ///< A lower bound of its pending deliveries' due times; none: nothing is pending.
  int failures = 0;          ///< Consecutive counted failures.
  Instant first_failure_at;  ///< Timeline moment when the run began; meaningful when failures > 0.
  Instant counted_until;     ///< End (timeline) of the last counted attempt: a later one must begin
                             ///< after it.
  bool failing_told = false;  ///< endpoint.failing was published for this run.
  bool held = false;          ///< The endpoint is disabled: nothing is taken.
};

/// Deliveries of a disabled endpoint, as ranges of ids rather than rewritten rows. While open, what
/// is pending from `from` on is held. On enabling it is closed: deliveries in [from, until) that
/// are still pending and whose creation is before `recover_since` are cancelled, the others go on.
struct HeldInterval {
  EndpointId endpoint;
  DeliveryId from;
  std::optional<DeliveryId> until;
  std::optional<DeliveryId>
      recover_from;  ///< Recovered are ids from here on; equal to `until`: none.
};

}  // namespace posthorn::model

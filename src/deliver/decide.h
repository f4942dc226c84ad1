#pragma once
// What happens after an attempt: pure functions of values. The engine (engine.h) carries them out.

#include <optional>
#include <string>
#include <string_view>

#include "env/http_sender.h"
#include "model/delivery.h"
#include "model/endpoint.h"

namespace posthorn::deliver {

inline constexpr Millis retry_after_max = 24h;

/// `Retry-After` as a span from `now`: seconds or an HTTP date. Nonsense, negative or past:
/// nullopt. Capped at retry_after_max.
std::optional<Millis> parse_retry_after(std::string_view value, Instant now);

/// True for 2xx.
bool is_success(const env::Exchange& exchange);

/// What becomes of the delivery.
struct Verdict {
  bool success = false;
  model::DeliveryState state = model::DeliveryState::pending;
  std::optional<Millis> retry_in;  ///< From the attempt's end; set exactly when state is pending.
  bool gone = false;               ///< 410: disable the endpoint at once.
  std::string words;               ///< "retry 2 of 6 in 5 s", for the attempt's record and explain.
};

/// `attempts_made` counts this one (from 1). `jitter` in [0, 1) lengthens the wait by up to 10 %.
/// `Retry-After` only lengthens.
Verdict decide(const env::Exchange& exchange, int attempts_made, const model::RetryPolicy& policy,
               double jitter, Instant wall_now);

/// What an attempt does to its lane's counter.
struct LaneEffect {
  model::Lane lane;
  bool disable = false;       ///< The limit was reached: disable in the same transaction.
  bool tell_failing = false;  ///< Half the limit was reached for the first time in this run.
  bool changed = false;       ///< The row must be written.
};

/// An attempt of `trigger` that ran from `started` to `ended` (timeline). Tests change nothing; a
/// successful replay resets, a failed one does not count; an attempt counts only if it began after
/// the previously counted one ended.
LaneEffect count_attempt(const model::Lane& lane, const model::Endpoint& endpoint,
                         model::Trigger trigger, bool success, Instant started, Instant ended);

}  // namespace posthorn::deliver

#include "deliver/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/names.h"

namespace posthorn::deliver {

namespace {

std::string in_words(Instant at, Instant now) {
  if (at <= now) return "now";
  const Millis span = at - now;
  return "in " + to_human(span < 1s ? span : std::chrono::floor<std::chrono::seconds>(span));
}

std::string tries(int attempts) {
  return fmt::format("{} attempt{}", attempts, attempts == 1 ? "" : "s");
}

std::string ended(const model::Delivery& delivery) {
  switch (delivery.state) {
    case model::DeliveryState::succeeded:
      return fmt::format("delivered with HTTP {} after {}", delivery.last_status,
                         tries(delivery.attempts));
    case model::DeliveryState::exhausted:
      return fmt::format("failed: all retries are used after {}; replay it by hand",
                         tries(delivery.attempts));
    case model::DeliveryState::cancelled:
      return fmt::format("cancelled after {}", tries(delivery.attempts));
    default:
      return "parked: it was in flight three times in a row when the process died; replay it by "
             "hand";
  }
}

}  // namespace

std::string where_it_stands(const Standing& standing, Instant now) {
  const auto& delivery = standing.delivery;
  if (delivery.state != model::DeliveryState::pending) return ended(delivery);
  if (!standing.endpoint) return "the endpoint was deleted: about to be cancelled";
  if (!standing.endpoint->enabled)
    return fmt::format("held: the endpoint is disabled ({})",
                       model::to_string(standing.endpoint->disabled_reason));
  const bool by_hand = static_cast<bool>(delivery.replay_of);
  if (standing.blocked_by && *standing.blocked_by < delivery.id && !by_hand)
    return fmt::format("waits: {} of the same key is exhausted and blocks it",
                       standing.blocked_by->text());
  if (standing.ahead && !by_hand)
    return fmt::format("waits for its turn behind {} of the same key", standing.ahead->text());
  if (delivery.due_at > now)
    return fmt::format("waits for its due time: {} {}",
                       delivery.attempts == 0 ? std::string("first attempt")
                                              : fmt::format("attempt {}", delivery.attempts + 1),
                       in_words(delivery.due_at, now));
  if (standing.lane.state == LaneState::probing)
    return fmt::format(
        "waits: the endpoint is probing, next probe {}",
        standing.lane.next_probe_at ? in_words(*standing.lane.next_probe_at, now) : "now");
  if (standing.lane.in_flight > 0 && standing.lane.in_flight >= standing.lane.concurrency)
    return fmt::format("due: waits for a free slot, {} of {} attempts at once are under way",
                       standing.lane.in_flight, standing.lane.concurrency);
  if (standing.endpoint->rate_per_second && standing.lane.waiting > 0)
    return fmt::format("due: waits for the rate limit of {} a second",
                       *standing.endpoint->rate_per_second);
  return "due: being sent or about to be";
}

}  // namespace posthorn::deliver

#include "api/delivery_words.h"

#include <fmt/format.h>

namespace posthorn::api {

namespace {

std::string attempts_in_words(int count) {
  return count == 1 ? "1 attempt" : fmt::format("{} attempts", count);
}

std::string last_outcome(const model::Delivery& delivery) {
  if (delivery.attempts == 0) return "it was not tried yet";
  if (delivery.last_result != env::ExchangeResult::ok)
    return fmt::format("the last attempt ended as {}", env::to_string(delivery.last_result));
  return fmt::format("the last answer was {}", delivery.last_status);
}

std::string pending_in_words(const Context& context, const model::Delivery& delivery) {
  const auto endpoint = context.ports.routing.current()->endpoint(delivery.endpoint);
  if (!endpoint) return "will be cancelled: its endpoint was deleted";
  if (!endpoint->enabled)
    return fmt::format("held: the endpoint is disabled; {}", last_outcome(delivery));
  const auto lane = context.ports.delivery.lane_view(delivery.endpoint);
  const auto now = context.ports.timeline.now();
  const auto tried = last_outcome(delivery);
  if (delivery.due_at > now)
    return fmt::format("waits for its time, in {}; {}", to_human(delivery.due_at - now), tried);
  if (lane.state == deliver::LaneState::probing)
    return fmt::format("waits: the endpoint is probing{}; {}",
                       lane.next_probe_at && *lane.next_probe_at > now
                           ? fmt::format(", next in {}", to_human(*lane.next_probe_at - now))
                           : "",
                       tried);
  if (!context.ports.delivery.is_delivering()) return "waits: deliveries are paused on this server";
  if (endpoint->ordering == model::Ordering::key && delivery.key_hash != 0)
    return fmt::format("due; goes out after earlier deliveries of the same key; {}", tried);
  if (endpoint->rate_per_second)
    return fmt::format("due; goes out within the endpoint's rate limit of {} a second; {}",
                       *endpoint->rate_per_second, tried);
  return fmt::format("due: {} in flight and {} waiting on this endpoint; {}", lane.in_flight,
                     lane.waiting, tried);
}

}  // namespace

std::string words_of(const Context& context, const model::Delivery& delivery) {
  switch (delivery.state) {
    case model::DeliveryState::pending:
      return pending_in_words(context, delivery);
    case model::DeliveryState::succeeded:
      return fmt::format("delivered after {}; {}", attempts_in_words(delivery.attempts),
                         last_outcome(delivery));
    case model::DeliveryState::exhausted:
      return fmt::format("given up after {}; {}; it can be replayed",
                         attempts_in_words(delivery.attempts), last_outcome(delivery));
    case model::DeliveryState::cancelled:
      return fmt::format("cancelled; {}", last_outcome(delivery));
    case model::DeliveryState::parked:
      return "parked: it was in flight three times in a row when the server stopped; replay or "
             "cancel it";
  }
  return "in a state that this server does not know";
}

}  // namespace posthorn::api

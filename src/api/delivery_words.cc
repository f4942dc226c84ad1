#include "api/delivery_words.h"

#include "deliver/explain.h"

namespace posthorn::api {

task<Result<std::string>> words_of(Context& context, model::Delivery delivery) {
  const auto endpoint = context.ports.routing.current()->endpoint(delivery.endpoint);
  deliver::Standing standing{
      .delivery = delivery, .endpoint = endpoint.get(), .lane = {}, .ahead = {}, .blocked_by = {}};
  if (delivery.state == model::DeliveryState::pending && endpoint) {
    if (endpoint->enabled && !context.ports.delivery.is_delivering())
      co_return std::string("waits: deliveries are paused on this server");
    standing.lane = context.ports.delivery.lane_view(delivery.endpoint);
    if (endpoint->ordering == model::Ordering::key && delivery.key_hash != 0) {
      PH_CO_TRY(const auto ahead, co_await context.ports.store.pending_of_key(
                                      delivery.endpoint, delivery.key_hash, delivery.id, 1));
      if (!ahead.empty()) standing.ahead = ahead.front().id;
      if (endpoint->on_exhausted == model::OnExhausted::block) {
        PH_CO_TRY(standing.blocked_by,
                  co_await context.ports.store.blocking_head(delivery.endpoint, delivery.key_hash));
      }
    }
  }
  co_return deliver::where_it_stands(standing, context.ports.timeline.now());
}

}  // namespace posthorn::api

#include <algorithm>

#include "api/delivery_shapes.h"
#include "api/delivery_words.h"
#include "api/handlers.h"
#include "model/event_json.h"
#include "model/members.h"

namespace posthorn::api {

namespace {

/// The event of a delivery with its payload; a Problem when it cannot be sent again.
task<std::expected<std::shared_ptr<const model::Event>, Problem>> event_to_replay(Context& context,
                                                                                  EventId id) {
  std::vector<EventId> wanted{id};
  const auto events = co_await context.ports.store.events(std::move(wanted));
  if (!events) co_return std::unexpected(problem_of(events.error()));
  if (events->empty() || !events->front()->data)
    co_return std::unexpected(
        conflict("payload_gone", "the event's payload was removed, so it cannot be sent again"));
  co_return events->front();
}

struct DeliveryWithAttempts {
  model::Delivery delivery;
  std::vector<model::Attempt> attempts;
};

/// Both of one moment: an attempt that is recorded between the two reads is newer than the row that
/// was read, and the row is read again.
task<std::expected<DeliveryWithAttempts, Problem>> read_with_attempts(Context& context,
                                                                      const Call& call) {
  constexpr int tries_max = 5;
  for (int tries = 1;; ++tries) {
    auto delivery = co_await own_delivery(context, call);
    if (!delivery) co_return std::unexpected(std::move(delivery).error());
    auto attempts = co_await context.ports.store.attempts(delivery->id);
    if (!attempts) co_return std::unexpected(problem_of(attempts.error()));
    const bool is_newer = std::ranges::any_of(
        *attempts, [&](const auto& attempt) { return attempt.number > delivery->attempts; });
    if (!is_newer || tries == tries_max)
      co_return DeliveryWithAttempts{*std::move(delivery), *std::move(attempts)};
  }
}

}  // namespace

task<Answer> list_deliveries(Context& context, Call& call) {
  return list_deliveries_of(context, call, delivery_filter(call));
}

task<Answer> get_delivery(Context& context, Call& call) {
  const auto read = co_await read_with_attempts(context, call);
  if (!read) co_return read.error();
  std::vector<model::Delivery> one{read->delivery};
  PH_CO_TRY(auto shapes, co_await delivery_shapes(context, std::move(one)));
  auto& shape = shapes.front();
  auto& listed = shape["attempts"].emplace_array();
  for (const auto& attempt : read->attempts) listed.push_back(model::to_api(attempt));
  PH_CO_TRY(shape["state_in_words"], co_await words_of(context, read->delivery));
  co_return json_response(200, shape);
}

task<Answer> list_delivery_attempts(Context& context, Call& call) {
  const auto delivery = co_await own_delivery(context, call);
  if (!delivery) co_return delivery.error();
  PH_CO_TRY(const auto attempts, co_await context.ports.store.attempts(delivery->id));
  ListText list;
  for (const auto& attempt : attempts) list.add(model::to_api(attempt));
  co_return std::move(list).finish(std::nullopt);
}

task<Answer> replay_delivery(Context& context, Call& call) {
  const auto delivery = co_await own_delivery(context, call);
  if (!delivery) co_return delivery.error();
  model::Faults faults;
  model::Members(call.body, faults).refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  if (!context.ports.routing.current()->endpoint(delivery->endpoint))
    co_return conflict("endpoint_gone", "the endpoint of this delivery was deleted");
  const auto event = co_await event_to_replay(context, delivery->event);
  if (!event) co_return event.error();

  store::NewDelivery again;
  again.event = delivery->event;
  again.endpoint = delivery->endpoint;
  again.workspace = delivery->workspace;
  again.due_at = context.ports.timeline.now();
  again.key_hash = delivery->key_hash;
  again.replay_of = delivery->id;
  store::Batch batch;
  batch.deliveries.push_back(again);
  batch.audit.push_back(context.audit(call, delivery->id.text(), {}, {}));
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  PH_CO_TRY(const auto made, co_await context.ports.store.delivery(applied.deliveries.front()));
  if (!made) co_return not_found("delivery");
  std::vector<model::Delivery> one{*made};
  PH_CO_TRY(const auto shapes, co_await delivery_shapes(context, std::move(one)));
  co_return json_response(202, shapes.front());
}

task<Answer> cancel_delivery(Context& context, Call& call) {
  const auto delivery = co_await own_delivery(context, call);
  if (!delivery) co_return delivery.error();
  model::Faults faults;
  model::Members(call.body, faults).refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  if (delivery->state != model::DeliveryState::pending &&
      delivery->state != model::DeliveryState::parked)
    co_return conflict("delivery_settled", "only pending and parked deliveries can be cancelled");
  store::DeliveryChange change;
  change.delivery = delivery->id;
  change.only_if = delivery->state;
  change.state = model::DeliveryState::cancelled;
  store::Batch batch;
  batch.changes.push_back(change);
  batch.audit.push_back(context.audit(call, delivery->id.text(), {}, {}));
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  static_cast<void>(applied);
  PH_CO_TRY(const auto after, co_await context.ports.store.delivery(delivery->id));
  if (!after) co_return not_found("delivery");
  if (after->state != model::DeliveryState::cancelled)
    co_return conflict("delivery_settled", "the delivery was settled meanwhile");
  std::vector<model::Delivery> one{*after};
  PH_CO_TRY(const auto shapes, co_await delivery_shapes(context, std::move(one)));
  co_return json_response(200, shapes.front());
}

}  // namespace posthorn::api

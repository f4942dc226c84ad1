#include "api/delivery_shapes.h"

#include <algorithm>
#include <map>

#include "model/event_json.h"
#include "model/names.h"

namespace posthorn::api {

namespace {

bool is_held(const publish::Routing& routing, const model::Delivery& delivery) {
  if (delivery.state != model::DeliveryState::pending) return false;
  const auto endpoint = routing.endpoint(delivery.endpoint);
  return endpoint && !endpoint->enabled;
}

}  // namespace

store::DeliveryFilter delivery_filter(const Call& call) {
  store::DeliveryFilter filter;
  filter.workspace = call.workspace();
  filter.event = call.query.id<EventId>("event_id");
  filter.endpoint = call.query.id<EndpointId>("endpoint_id");
  for (const auto& name : call.query.list("status")) {
    // What is held is pending to the store; list_deliveries_of tells them apart.
    const auto state = name == held_status ? std::optional(model::DeliveryState::pending)
                                           : model::value_of(model::delivery_states, name);
    if (state && std::ranges::find(filter.states, *state) == filter.states.end())
      filter.states.push_back(*state);
  }
  filter.event_types = call.query.list("type");
  filter.status_codes = call.query.numbers("code");
  filter.since = call.query.moment("since");
  filter.until = call.query.moment("until");
  return filter;
}

task<Result<std::vector<json::object>>> delivery_shapes(Context& context,
                                                        std::vector<model::Delivery> deliveries) {
  constexpr std::size_t group = 16;
  std::map<EventId, std::string> types;
  std::vector<EventId> wanted;
  for (const auto& delivery : deliveries)
    if (std::ranges::find(wanted, delivery.event) == wanted.end()) wanted.push_back(delivery.event);
  for (std::size_t begin = 0; begin < wanted.size(); begin += group) {
    const auto end = std::min(begin + group, wanted.size());
    std::vector<EventId> some(wanted.begin() + static_cast<std::ptrdiff_t>(begin),
                              wanted.begin() + static_cast<std::ptrdiff_t>(end));
    PH_CO_TRY(const auto events, co_await context.ports.store.events(std::move(some)));
    for (const auto& event : events) types[event->id] = event->type;
  }
  std::vector<json::object> shapes;
  const auto routing = context.ports.routing.current();
  for (const auto& delivery : deliveries) {
    auto shape = model::to_api(delivery);
    if (is_held(*routing, delivery)) {
      shape["status"] = held_status;
      shape["next_attempt_at"] = nullptr;
    }
    const auto type = types.find(delivery.event);
    shape["event_type"] = type == types.end() ? json::value(nullptr) : json::value(type->second);
    shapes.push_back(std::move(shape));
  }
  co_return shapes;
}

task<Answer> list_deliveries_of(Context& context, Call& call, store::DeliveryFilter filter) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  const auto statuses = call.query.list("status");
  const auto routing = context.ports.routing.current();
  const auto asked = [&](const model::Delivery& delivery) {
    if (statuses.empty() || delivery.state != model::DeliveryState::pending) return true;
    const std::string_view name = is_held(*routing, delivery) ? held_status : "pending";
    return std::ranges::find(statuses, name) != statuses.end();
  };
  PH_CO_TRY(auto found, co_await gather<model::Delivery>(
                            [&context, &filter](store::Page part) {
                              return context.ports.store.list_deliveries(filter, part);
                            },
                            *page, asked));
  PH_CO_TRY(const auto shapes, co_await delivery_shapes(context, std::move(found.rows)));
  ListText list;
  for (const auto& shape : shapes) list.add(shape);
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<std::expected<model::Delivery, Problem>> own_delivery(Context& context, const Call& call) {
  const auto id = parse_delivery_id(call.path.front());
  if (!id) co_return std::unexpected(not_found("delivery"));
  const auto found = co_await context.ports.store.delivery(*id);
  if (!found) co_return std::unexpected(problem_of(found.error()));
  if (!*found || (*found)->workspace != call.workspace())
    co_return std::unexpected(not_found("delivery"));
  co_return **found;
}

}  // namespace posthorn::api

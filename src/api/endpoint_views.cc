#include <fmt/format.h>

#include <algorithm>

#include "api/delivery_shapes.h"
#include "api/endpoint_parts.h"
#include "api/handlers.h"
#include "deliver/message.h"
#include "model/names.h"

namespace posthorn::api {

namespace {

constexpr int stats_rows_max = 20'000;
constexpr Millis stats_window{24h};

std::string_view to_string(deliver::LaneState state) {
  switch (state) {
    case deliver::LaneState::idle:
      return "idle";
    case deliver::LaneState::flowing:
      return "flowing";
    case deliver::LaneState::probing:
      return "probing";
    case deliver::LaneState::held:
      return "held";
  }
  return "unknown";
}

json::object lane_shape(const deliver::LaneView& view, const std::optional<model::Lane>& lane) {
  return {{"state", to_string(view.state)},
          {"in_flight", view.in_flight},
          {"concurrency", view.concurrency},
          {"waiting", view.waiting},
          {"consecutive_failures", lane ? lane->failures : 0},
          {"next_probe_at", view.next_probe_at ? json::value(to_rfc3339(*view.next_probe_at))
                                               : json::value(nullptr)}};
}

struct Tally {
  std::array<std::int64_t, model::delivery_states.size()> of_state{};
  std::int64_t all = 0, attempts = 0, first_try = 0;
  bool complete = true;
};

task<Result<Tally>> tally_of(Context& context, store::DeliveryFilter filter) {
  Tally tally;
  store::Page page{.after = 0, .limit = 500, .oldest_first = false};
  while (tally.all < stats_rows_max) {
    PH_CO_TRY(const auto found, co_await context.ports.store.list_deliveries(filter, page));
    for (const auto& delivery : found.rows) {
      ++tally.of_state[std::min(static_cast<std::size_t>(delivery.state),
                                tally.of_state.size() - 1)];
      ++tally.all;
      tally.attempts += delivery.attempts;
      if (delivery.state == model::DeliveryState::succeeded && delivery.attempts == 1)
        ++tally.first_try;
    }
    if (!found.next) co_return tally;
    page.after = *found.next;
  }
  tally.complete = false;
  co_return tally;
}

/// One delivery as its receiver would have got it.
json::object feed_item(const model::Endpoint& endpoint, const model::Event& event,
                       const model::Delivery& delivery, Instant now, deliver::HmacCache& cache) {
  const auto body = deliver::format_body(event, endpoint.format);
  json::object headers;
  const auto sent = deliver::message_headers(event, endpoint, delivery.id,
                                             std::max(1, delivery.attempts), now, body, cache);
  for (const auto& header : sent) headers[header.name] = header.value;
  return {{"object", "missed_event"},
          {"event_id", event.id.text()},
          {"type", event.type},
          {"delivery_id", delivery.id.text()},
          {"status", model::to_string(delivery.state)},
          {"created_at", to_rfc3339(event.created_at)},
          {"headers", std::move(headers)},
          {"body", *body.bytes}};
}

}  // namespace

task<Answer> endpoint_stats(Context& context, Call& call) {
  const auto endpoint = routed_endpoint(context, call);
  if (!endpoint) co_return not_found("endpoint");
  store::DeliveryFilter filter;
  filter.workspace = call.workspace();
  filter.endpoint = endpoint->id;
  filter.since = call.query.moment("since").value_or(call.now - stats_window);
  const auto since = *filter.since;
  PH_CO_TRY(const auto tally, co_await tally_of(context, std::move(filter)));
  PH_CO_TRY(const auto lane, co_await context.ports.store.lane(endpoint->id));
  json::object counts;
  for (std::size_t i = 0; i < tally.of_state.size(); ++i)
    counts[model::to_string(static_cast<model::DeliveryState>(i))] = tally.of_state[i];
  // As the lists of deliveries tell them apart.
  counts[held_status] = 0;
  if (!endpoint->enabled) std::swap(counts["pending"], counts[held_status]);
  co_return json_response(
      200,
      json::object{{"object", "endpoint_stats"},
                   {"endpoint_id", endpoint->id.text()},
                   {"since", to_rfc3339(since)},
                   {"until", to_rfc3339(call.now)},
                   {"deliveries", std::move(counts)},
                   {"attempts", tally.attempts},
                   {"succeeded_at_first_try", tally.first_try},
                   {"complete", tally.complete},
                   {"lane", lane_shape(context.ports.delivery.lane_view(endpoint->id), lane)}});
}

task<Answer> endpoint_deliveries(Context& context, Call& call) {
  const auto id = call.id<EndpointId>();
  const auto endpoint = routed_endpoint(context, call);
  if (!endpoint) co_return not_found("endpoint");
  auto filter = delivery_filter(call);
  filter.endpoint = *id;
  co_return co_await list_deliveries_of(context, call, std::move(filter));
}

task<Answer> endpoint_feed(Context& context, Call& call) {
  const auto endpoint = routed_endpoint(context, call);
  if (!endpoint) co_return not_found("endpoint");
  auto page = context.page_of(call);
  if (!page) co_return page.error();
  page->oldest_first = true;
  store::DeliveryFilter filter;
  filter.workspace = call.workspace();
  filter.endpoint = endpoint->id;
  filter.since = call.query.moment("since");
  PH_CO_TRY(const auto found, co_await context.ports.store.list_deliveries(filter, *page));
  deliver::HmacCache cache(8);
  ListText list;
  for (const auto& delivery : found.rows) {
    if (delivery.replay_of) continue;  // Its event was listed with the first delivery.
    std::vector<EventId> wanted{delivery.event};
    PH_CO_TRY(const auto events, co_await context.ports.store.events(std::move(wanted)));
    if (events.empty() || !events.front()->data) continue;
    list.add(feed_item(*endpoint, *events.front(), delivery, call.now, cache));
  }
  // A poller goes on from here later, so there is a cursor also when nothing more is there now.
  const auto end = found.rows.empty() ? page->after : found.rows.back().id.value;
  co_return std::move(list).finish(context.next_cursor(call, found.next ? *found.next : end));
}

}  // namespace posthorn::api

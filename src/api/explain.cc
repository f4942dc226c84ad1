#include <fmt/format.h>

#include <map>

#include "api/delivery_words.h"
#include "api/handlers.h"
#include "api/own_event.h"
#include "model/event_json.h"
#include "text/filter.h"

namespace posthorn::api {

namespace {

std::string_view to_string(publish::Match match) {
  switch (match) {
    case publish::Match::matches:
      return "matches";
    case publish::Match::other_workspace:
      return "other_workspace";
    case publish::Match::other_application:
      return "other_application";
    case publish::Match::type:
      return "type";
    case publish::Match::channel:
      return "channel";
    case publish::Match::filter:
      return "filter";
    case publish::Match::hop_limit:
      return "hop_limit";
  }
  return "unknown";
}

std::string filter_in_words(const model::Endpoint& endpoint, const model::Event& event) {
  if (!event.data) return "the payload was removed, so its filter cannot be tried any more";
  const auto source = text::parse_json(endpoint.filter);
  const auto filter =
      source ? text::Filter::parse(*source) : Result<text::Filter>(fail(source.error()));
  if (!filter) return "its filter is not valid";
  return "its filter says no: " + filter->why_not(publish::filter_document(event));
}

std::string words_of(publish::Match match, const model::Endpoint& endpoint,
                     const model::Event& event) {
  switch (match) {
    case publish::Match::matches:
      return "it wants this event";
    case publish::Match::other_workspace:
    case publish::Match::other_application:
      return "it belongs to another application";
    case publish::Match::type:
      return fmt::format("it wants {}, not {}", fmt::join(endpoint.event_types, ", "), event.type);
    case publish::Match::channel:
      return event.channels.empty()
                 ? fmt::format("it listens on {}; the event has no channel",
                               fmt::join(endpoint.channels, ", "))
                 : fmt::format("it listens on {}; the event went to {}",
                               fmt::join(endpoint.channels, ", "), fmt::join(event.channels, ", "));
    case publish::Match::filter:
      return filter_in_words(endpoint, event);
    case publish::Match::hop_limit:
      return fmt::format("the event came through webhooks {} times already: the loop is cut",
                         event.hop);
  }
  return "for a reason that this server does not know";
}

/// Where each delivery stands.
using Standings = std::map<DeliveryId, std::string>;

task<Result<Standings>> standings_of(Context& context, std::vector<model::Delivery> deliveries) {
  Standings standings;
  for (const auto& delivery : deliveries) {
    PH_CO_TRY(standings[delivery.id], co_await api::words_of(context, delivery));
  }
  co_return standings;
}

json::object delivery_shape(const Standings& standings, const model::Delivery& delivery) {
  auto shape = model::to_api(delivery);
  shape["state_in_words"] = standings.at(delivery.id);
  return shape;
}

json::object endpoint_shape(const Context& context, const model::Endpoint& endpoint,
                            const model::Event& event, const Standings& standings,
                            const std::vector<model::Delivery>& deliveries) {
  const auto match = context.ports.routing.current()->match(endpoint, event);
  json::array own;
  for (const auto& delivery : deliveries)
    if (delivery.endpoint == endpoint.id) own.push_back(delivery_shape(standings, delivery));
  auto words = words_of(match, endpoint, event);
  if (!own.empty() && match != publish::Match::matches)
    words = "it got the event; as it is now it would not: " + words;
  if (own.empty() && match == publish::Match::matches)
    words = endpoint.created_at > event.created_at
                ? "it would want this event, but was made after it"
                : "it would want this event as it is now, but did not when it was published";
  return {{"endpoint_id", endpoint.id.text()},
          {"url", endpoint.url},
          {"enabled", endpoint.enabled},
          {"matched", !own.empty()},
          {"would_match", match == publish::Match::matches},
          {"reason", to_string(match)},
          {"in_words", words},
          {"deliveries", std::move(own)}};
}

task<Result<std::vector<model::Delivery>>> deliveries_of(Context& context,
                                                         const model::Event& event) {
  constexpr std::size_t deliveries_max = 2000;
  store::DeliveryFilter filter;
  filter.workspace = event.workspace;
  filter.event = event.id;
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  std::vector<model::Delivery> all;
  while (all.size() < deliveries_max) {
    PH_CO_TRY(const auto found, co_await context.ports.store.list_deliveries(filter, page));
    all.insert(all.end(), found.rows.begin(), found.rows.end());
    if (!found.next) break;
    page.after = *found.next;
  }
  co_return all;
}

}  // namespace

task<Answer> explain_event(Context& context, Call& call) {
  const auto found = co_await own_event(context, call);
  if (!found) co_return found.error();
  const auto& event = **found;
  PH_CO_TRY(const auto deliveries, co_await deliveries_of(context, event));
  PH_CO_TRY(const auto standings, co_await standings_of(context, deliveries));

  json::array endpoints, of_deleted;
  const auto routing = context.ports.routing.current();
  for (const auto& endpoint : routing->endpoints())
    if (endpoint->workspace == event.workspace && endpoint->application == event.application)
      endpoints.push_back(endpoint_shape(context, *endpoint, event, standings, deliveries));
  for (const auto& delivery : deliveries)
    if (!routing->endpoint(delivery.endpoint))
      of_deleted.push_back(delivery_shape(standings, delivery));
  const auto now = context.ports.timeline.now();
  co_return json_response(
      200,
      json::object{
          {"object", "explanation"},
          {"event_id", event.id.text()},
          {"type", event.type},
          {"in_words", event.due_at > now
                           ? fmt::format("delayed: it goes out in {}", to_human(event.due_at - now))
                           : fmt::format("{} made of it",
                                         event.fan_out == 1
                                             ? std::string("1 delivery was")
                                             : fmt::format("{} deliveries were", event.fan_out))},
          {"endpoints", std::move(endpoints)},
          {"deliveries_of_deleted_endpoints", std::move(of_deleted)}});
}

}  // namespace posthorn::api

#include "store/memory/filters.h"

namespace posthorn::store {

namespace {

bool type_matches(std::string_view pattern, std::string_view type) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == type;
  if (!type.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= type.size(); ++at)
    if (type_matches(rest, type.substr(at))) return true;
  return false;
}

bool any_type_matches(const std::vector<std::string>& patterns, std::string_view type) {
  return patterns.empty() || std::ranges::any_of(patterns, [type](std::string_view pattern) {
           return type_matches(pattern, type);
         });
}

bool is_within(std::optional<Instant> since, std::optional<Instant> until, Instant at) {
  return (!since || *since <= at) && (!until || at < *until);
}

bool has(const auto& wanted, const auto& value) {
  return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
}

}  // namespace

bool matches(const EventFilter& filter, const model::Event& event) {
  return (!filter.workspace || *filter.workspace == event.workspace) &&
         (!filter.application || *filter.application == event.application) &&
         any_type_matches(filter.types, event.type) &&
         (filter.key.empty() || filter.key == event.key) &&
         is_within(filter.since, filter.until, event.created_at);
}

bool matches(const DeliveryFilter& filter, const model::Delivery& delivery, std::string_view type) {
  return (!filter.workspace || *filter.workspace == delivery.workspace) &&
         (!filter.event || *filter.event == delivery.event) &&
         (!filter.endpoint || *filter.endpoint == delivery.endpoint) &&
         has(filter.states, delivery.state) && any_type_matches(filter.event_types, type) &&
         has(filter.status_codes, delivery.last_status) &&
         is_within(filter.since, filter.until, delivery.created_at);
}

bool matches(const RequestFilter& filter, const model::ReceivedRequest& request) {
  return (!filter.workspace || *filter.workspace == request.workspace) &&
         (!filter.source || *filter.source == request.source) &&
         has(filter.states, request.state) &&
         (!filter.duplicate_of || *filter.duplicate_of == request.duplicate_of) &&
         is_within(filter.since, filter.until, request.received_at);
}

bool matches(const ObjectFilter& filter, const model::Object& object) {
  return (!filter.workspace || *filter.workspace == object.workspace) &&
         (filter.parent == 0 || filter.parent == object.parent) &&
         object.name.starts_with(filter.name_prefix);
}

}  // namespace posthorn::store

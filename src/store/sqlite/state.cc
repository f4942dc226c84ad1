#include "store/sqlite/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace posthorn::store {

std::string Counters::text() const {
  return fmt::format("{} {} {} {} {} {}", event, delivery, attempt, object, audit, request);
}

bool Counters::raise_to(std::string_view text) {
  for (std::uint64_t* counter : {&event, &delivery, &attempt, &object, &audit, &request}) {
    if (counter == &request && text.empty()) return true;
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{}) return false;
    *counter = std::max(*counter, value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  return text.empty();
}

std::optional<std::int64_t> TypeNames::find(const std::string& name) const {
  const auto place = numbers_.find(name);
  if (place == numbers_.end()) return std::nullopt;
  return place->second;
}
void TypeNames::add(std::int64_t number, std::string name) {
  numbers_.emplace(std::move(name), number);
  next_ = std::max(next_, number + 1);
}
void TypeNames::clear() {
  numbers_.clear();
  next_ = 1;
}

void HeldIntervals::add(HeldRow row) { rows_[row.interval.endpoint].push_back(row); }

std::vector<HeldRow>* HeldIntervals::of(EndpointId endpoint) {
  const auto place = rows_.find(endpoint);
  return place == rows_.end() ? nullptr : &place->second;
}

bool HeldIntervals::drops(EndpointId endpoint, DeliveryId id) const {
  if (rows_.empty()) return false;
  const auto place = rows_.find(endpoint);
  if (place == rows_.end()) return false;
  return std::ranges::any_of(place->second,
                             [&](const HeldRow& row) { return is_dropped(row.interval, id); });
}

const LaneDues::NextDue* LaneDues::find(EndpointId endpoint) const {
  const auto place = dues_.find(endpoint);
  return place == dues_.end() ? nullptr : &place->second;
}
void LaneDues::set(EndpointId endpoint, NextDue next_due) {
  if (dues_.size() >= lanes_max) dues_.clear();
  dues_[endpoint] = next_due;
}

}  // namespace posthorn::store

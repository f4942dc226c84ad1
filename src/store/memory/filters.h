#pragma once
// What the filters of store.h mean, and one page of a scan.

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "store/store.h"

namespace posthorn::store {

bool matches(const EventFilter& filter, const model::Event& event);
/// `type` is the event's; empty when the event is not kept any more.
bool matches(const DeliveryFilter& filter, const model::Delivery& delivery, std::string_view type);
bool matches(const RequestFilter& filter, const model::ReceivedRequest& request);
bool matches(const ObjectFilter& filter, const model::Object& object);

/// Rows that one call looks at.
inline constexpr int scan_rows_max = 1000;

inline std::uint64_t number_of(std::uint64_t id) { return id; }
template <class Tag>
std::uint64_t number_of(Id<Tag> id) {
  return id.value;
}

/// Walks a map from ids to rows; `look(row)` gives what belongs into the page, or nothing.
template <class T, class Rows, class Look>
Found<T> scan_page(const Rows& rows, const Page& page, Look look) {
  using Key = typename Rows::key_type;
  Found<T> found;
  std::uint64_t last = page.after;
  int looked_at = 0;
  const auto step = [&](const auto& row) {
    if (std::ssize(found.rows) >= std::max(page.limit, 1) || looked_at == scan_rows_max) {
      found.next = last;
      return false;
    }
    ++looked_at;
    last = number_of(row.first);
    if (auto wanted = look(row.second)) found.rows.push_back(*std::move(wanted));
    return true;
  };
  if (page.oldest_first) {
    for (auto at = rows.upper_bound(Key{page.after}); at != rows.end() && step(*at);) ++at;
  } else {
    auto at = page.after == 0 ? rows.end() : rows.lower_bound(Key{page.after});
    while (at != rows.begin() && step(*std::prev(at))) --at;
  }
  return found;
}

}  // namespace posthorn::store

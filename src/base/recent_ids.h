#pragma once
// The ids that came last.

#include <cstddef>
#include <deque>
#include <unordered_set>

#include "base/id.h"

namespace posthorn {

/// Remembers the newest `max` ids that were added, for what is told late: it comes within
/// milliseconds, and so many are not added in that time. One thread.
template <class AnyId>
class RecentIds {
 public:
  explicit RecentIds(std::size_t max) : max_(max) {}

  void add(AnyId id) {
    if (!ids_.insert(id).second) return;
    order_.push_back(id);
    if (order_.size() <= max_) return;
    ids_.erase(order_.front());
    order_.pop_front();
  }
  [[nodiscard]] bool contains(AnyId id) const { return ids_.contains(id); }

 private:
  const std::size_t max_;
  std::unordered_set<AnyId> ids_;
  std::deque<AnyId> order_;
};

}  // namespace posthorn

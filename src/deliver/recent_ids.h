#pragma once
// The deliveries that were sent last.

#include <cstddef>
#include <deque>
#include <unordered_set>

#include "base/id.h"

namespace posthorn::deliver {

/// A read may bring a row before the store has told of its commit, and it may be sent and settled
/// before that too: what is told then is known already. Bounded: a commit is told within
/// milliseconds, and so many are not sent in that time.
class RecentIds {
 public:
  static constexpr std::size_t kept_max = 16'384;

  void add(DeliveryId id) {
    if (!ids_.insert(id).second) return;
    order_.push_back(id);
    if (order_.size() <= kept_max) return;
    ids_.erase(order_.front());
    order_.pop_front();
  }
  [[nodiscard]] bool contains(DeliveryId id) const { return ids_.contains(id); }

 private:
  std::unordered_set<DeliveryId> ids_;
  std::deque<DeliveryId> order_;
};

}  // namespace posthorn::deliver

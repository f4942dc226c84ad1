#include "api/request_changes.h"

#include <algorithm>

namespace posthorn::api {

RequestChanges::Watch::Watch(RequestChanges& changes) : changes_(changes) {
  changes_.watches_.fetch_add(1);
}

RequestChanges::Watch::~Watch() {
  if (changes_.watches_.fetch_sub(1) != 1) return;
  const std::lock_guard lock(changes_.mutex_);
  changes_.changes_.clear();
}

void RequestChanges::note(const store::CommitNotice& notice) {
  if (notice.changed_requests.empty() || watches_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  for (const auto& request : notice.changed_requests) {
    changes_.push_back(request);
    ++end_;
    if (changes_.size() > changes_max) changes_.pop_front();
  }
}

std::uint64_t RequestChanges::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

std::vector<RequestChanges::RequestPtr> RequestChanges::since(std::uint64_t& place) const {
  const std::lock_guard lock(mutex_);
  const auto fresh = std::min<std::uint64_t>(end_ - place, changes_.size());
  std::vector<RequestPtr> found(changes_.end() - static_cast<std::ptrdiff_t>(fresh),
                                changes_.end());
  place = end_;
  return found;
}

}  // namespace posthorn::api

#include "store/sqlite/listeners.h"

namespace posthorn::store {

std::shared_ptr<void> Listeners::add(CommitListener listener) {
  auto entry = std::make_shared<Entry>();
  entry->listener = std::move(listener);
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->entries.push_back(entry);
  }
  // The token may outlive the store.
  return {entry.get(), [entry, shared = std::weak_ptr(shared_)](void*) {
            if (const auto alive = shared.lock()) {
              const std::lock_guard lock(alive->mutex);
              std::erase(alive->entries, entry);
            }
            const std::lock_guard lock(entry->mutex);
            entry->listener = nullptr;
          }};
}

void Listeners::tell(const std::shared_ptr<const CommitNotice>& notice) {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::lock_guard lock(shared_->mutex);
    entries = shared_->entries;
  }
  for (const auto& entry : entries) {
    const std::lock_guard lock(entry->mutex);
    if (!entry->listener) continue;
    // Kept alive through the call, which may drop its own token.
    const CommitListener listener = entry->listener;
    listener(notice);
  }
}

bool Listeners::any() const {
  const std::lock_guard lock(shared_->mutex);
  return !shared_->entries.empty();
}

}  // namespace posthorn::store

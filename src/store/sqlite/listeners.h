#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "store/store.h"

namespace posthorn::store {

/// Who is told about commits. Thread-safe.
class Listeners {
 public:
  /// The token ends it when destroyed; a call that runs then is waited for.
  std::shared_ptr<void> add(CommitListener listener);
  void tell(const std::shared_ptr<const CommitNotice>& notice);
  [[nodiscard]] bool any() const;

 private:
  struct Entry {
    std::recursive_mutex mutex;  ///< Recursive: a listener may drop its own token.
    CommitListener listener;
  };
  struct Shared {
    std::mutex mutex;
    std::vector<std::shared_ptr<Entry>> entries;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace posthorn::store

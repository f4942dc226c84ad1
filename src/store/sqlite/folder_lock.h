#pragma once
#include <string>
#include <utility>

#include "base/error.h"

namespace posthorn::store {

/// The data folder belongs to one process. Held until destroyed; the kernel gives it up when the
/// process dies.
class FolderLock {
 public:
  /// Errors: conflict ("already in use by process N"), io.
  static Result<FolderLock> take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_ = -1;
};

}  // namespace posthorn::store

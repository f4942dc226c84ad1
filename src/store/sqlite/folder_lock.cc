#include "store/sqlite/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace posthorn::store {

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = folder + "/lock";
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.file_ < 0) return fail(Errc::io, path + ": " + std::strerror(errno));
  if (::flock(lock.file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Errc::io, path + ": " + std::strerror(errno));
    std::array<char, 32> owner{};
    const ssize_t size = ::pread(lock.file_, owner.data(), owner.size(), 0);
    const std::string_view text(owner.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return fail(Errc::conflict, folder + " is already in use by process " + printable(trim(text)));
  }
  const std::string mine = std::to_string(::getpid());
  if (::ftruncate(lock.file_, 0) != 0 ||
      ::pwrite(lock.file_, mine.data(), mine.size(), 0) != static_cast<ssize_t>(mine.size()))
    return fail(Errc::io, path + ": " + std::strerror(errno));
  return lock;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace posthorn::store

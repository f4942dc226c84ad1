#include "store/sqlite/disk_gate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

namespace posthorn::store {

namespace {
/// What must be free beside the ballast before the gate opens again: less would close it at once.
constexpr std::int64_t room_min = 1 << 20;
}  // namespace

DiskGate::DiskGate(std::string path, std::int64_t bytes, std::chrono::milliseconds gap,
                   env::Log& log)
    : path_(std::move(path)), bytes_(bytes), gap_(gap), log_(log) {
  if (!make_ballast()) log_.warning("store_ballast_missing", {{"path", path_}, {"bytes", bytes_}});
}

void DiskGate::close_full(const std::string& why) {
  next_try_ = std::chrono::steady_clock::now() + gap_;
  if (!accepting_.exchange(false)) return;
  log_.error("store_disk_full", {{"detail", why}});
  if (bytes_ > 0 && ::unlink(path_.c_str()) != 0)
    log_.warning("store_ballast_stays", {{"path", path_}});
}

bool DiskGate::stays_closed(std::int64_t log_bytes) {
  const auto now = std::chrono::steady_clock::now();
  if (accepting() || now < next_try_) return false;
  next_try_ = now + gap_;
  const std::int64_t room = std::max(room_min, bytes_ / 4) + log_bytes;
  if (free_bytes() < bytes_ + room || !make_ballast()) return true;
  accepting_.store(true);
  log_.info("store_disk_has_room", {{"free_bytes", free_bytes()}});
  return false;
}

bool DiskGate::make_ballast() {
  if (bytes_ == 0) return true;
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  struct stat found{};
  const bool made = (::fstat(file, &found) == 0 && found.st_size >= bytes_) ||
                    ::posix_fallocate(file, 0, bytes_) == 0;
  ::close(file);
  if (!made) ::unlink(path_.c_str());
  return made;
}

std::int64_t DiskGate::free_bytes() const {
  struct statvfs found{};
  const std::string folder = path_.substr(0, path_.find_last_of('/'));
  if (::statvfs(folder.c_str(), &found) != 0) return 0;
  return static_cast<std::int64_t>(found.f_bavail) * static_cast<std::int64_t>(found.f_frsize);
}

}  // namespace posthorn::store

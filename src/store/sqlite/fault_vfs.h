#pragma once
// A SQLite VFS for tests: the system's, with faults. It fails the Nth write or sync, freezes as a
// dying process does, and at a power cut keeps what was synced and a random part of what was not.

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace posthorn::store::testing {

class FaultVfs {
 public:
  enum class Fault : std::uint8_t { none, write_error, sync_error, disk_full };

  /// Registered under "fault" for the rest of the process; one at a time is in use.
  static FaultVfs& instance();
  static constexpr const char* name = "fault";

  /// Forgets everything that was recorded; no faults from now on.
  void reset();
  /// The `at`th write, truncation or sync from now on (from 1) fails; `for_ever`: those after it
  /// too.
  void fail_at(std::int64_t at, Fault fault, bool for_ever);
  void heal() { fail_at(0, Fault::none, false); }
  /// Writes, truncations and syncs since reset().
  [[nodiscard]] std::int64_t operations() const { return operations_; }
  /// True once a fault was given.
  [[nodiscard]] bool has_failed() const { return failed_; }

  /// Syncs wait until release_syncs().
  void hold_syncs();
  void release_syncs();
  /// Waits until a sync is held, ten seconds at most; false: none came.
  bool wait_for_held_sync();

  /// The process is gone: nothing reaches the files any more.
  void freeze() { frozen_ = true; }
  void thaw() { frozen_ = false; }
  /// The power is gone: of what was written since a file's last sync, each sector of 512 bytes
  /// stays or goes as it was before. Call it frozen, with every connection closed.
  void cut_power(std::uint64_t seed);

 private:
  struct File {
    sqlite3_file base;
    FaultVfs* owner;
    std::string* path;
    sqlite3_file* real;
  };
  struct Write {
    std::int64_t number = 0;  ///< Counted over all files, from 1.
    sqlite3_int64 offset = 0;
    std::string before;
    sqlite3_int64 size_before = 0;
  };

  FaultVfs();
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static sqlite3_file* real(sqlite3_file* file) { return of(file).real; }
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out);
  static int close(sqlite3_file* file);
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static sqlite3_io_methods methods();

  /// SQLITE_OK, or what the operation must answer with.
  int next_operation(bool is_sync);
  void remember(File& file, int size, sqlite3_int64 offset);
  void number_write(const File& file, int size, sqlite3_int64 offset);
  void wait_if_held();

  sqlite3_vfs* system_ = nullptr;
  sqlite3_vfs vfs_{};
  sqlite3_io_methods methods_ = methods();

  std::atomic<std::int64_t> operations_{0}, writes_{0};
  std::atomic<std::int64_t> fail_at_{0};  ///< 0: never.
  std::atomic<Fault> fault_{Fault::none};
  std::atomic<bool> for_ever_{false}, failed_{false}, frozen_{false};
  std::mutex mutex_;
  std::condition_variable held_changed_;
  bool holding_ = false;
  int held_ = 0;                                        ///< Syncs that wait.
  std::map<std::string, std::vector<Write>> unsynced_;  ///< By path, oldest first.
};

inline FaultVfs& FaultVfs::instance() {
  static FaultVfs vfs;
  return vfs;
}

inline FaultVfs::FaultVfs() : system_(sqlite3_vfs_find(nullptr)), vfs_(*system_) {
  vfs_.zName = name;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
  vfs_.pAppData = this;
  vfs_.xOpen = &FaultVfs::open;
  // The others take the system's VFS as their first argument and use its pAppData.
#define PH_FORWARD(member, result, parameters, arguments)                 \
  vfs_.member = [](sqlite3_vfs* vfs, auto... parameters) -> result {      \
    sqlite3_vfs* system = static_cast<FaultVfs*>(vfs->pAppData)->system_; \
    return system->member(system, arguments...);                          \
  }
  PH_FORWARD(xAccess, int, given, given);
  PH_FORWARD(xFullPathname, int, given, given);
#undef PH_FORWARD
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync_folder) {
    auto* self = static_cast<FaultVfs*>(vfs->pAppData);
    if (self->frozen_) return SQLITE_IOERR_DELETE;
    {
      const std::lock_guard lock(self->mutex_);
      self->unsynced_.erase(path);
    }
    return self->system_->xDelete(self->system_, path, sync_folder);
  };
  sqlite3_vfs_register(&vfs_, 0);
}

inline void FaultVfs::reset() {
  const std::lock_guard lock(mutex_);
  operations_ = 0;
  fail_at_ = 0;
  failed_ = frozen_ = for_ever_ = false;
  fault_ = Fault::none;
  unsynced_.clear();
}

inline void FaultVfs::fail_at(std::int64_t at, Fault fault, bool for_ever) {
  fault_ = fault;
  for_ever_ = for_ever;
  failed_ = false;
  fail_at_ = at == 0 ? 0 : operations_ + at;
}

inline int FaultVfs::next_operation(bool is_sync) {
  const std::int64_t number = ++operations_;
  if (frozen_) return is_sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
  const std::int64_t at = fail_at_;
  if (at == 0 || number < at) return SQLITE_OK;
  const Fault fault = fault_;
  if (fault == Fault::none || is_sync != (fault == Fault::sync_error)) return SQLITE_OK;
  if (failed_.exchange(true) && !for_ever_) return SQLITE_OK;
  if (fault == Fault::disk_full) return SQLITE_FULL;
  return is_sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
}

inline int FaultVfs::open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                          int* out) {
  auto* self = static_cast<FaultVfs*>(vfs->pAppData);
  File& wrapped = of(file);
  wrapped.base.pMethods = nullptr;
  wrapped.owner = self;
  wrapped.real = reinterpret_cast<sqlite3_file*>(&wrapped + 1);
  const int code = self->system_->xOpen(self->system_, path, wrapped.real, flags, out);
  if (wrapped.real->pMethods == nullptr) return code;
  wrapped.path = new std::string(path == nullptr ? "" : path);
  wrapped.base.pMethods = &self->methods_;
  return code;
}

inline int FaultVfs::close(sqlite3_file* file) {
  delete of(file).path;
  return real(file)->pMethods->xClose(real(file));
}

inline void FaultVfs::remember(File& file, int size, sqlite3_int64 offset) {
  Write before;
  before.offset = offset;
  before.before.resize(static_cast<std::size_t>(size));
  file.real->pMethods->xFileSize(file.real, &before.size_before);
  // A read past the end fills with zeros and says so; both are what is wanted here.
  file.real->pMethods->xRead(file.real, before.before.data(), size, offset);
  // Not covered by any sync before the write has ended.
  before.number = std::numeric_limits<std::int64_t>::max();
  const std::lock_guard lock(mutex_);
  unsynced_[*file.path].push_back(std::move(before));
}

inline void FaultVfs::number_write(const File& file, int size, sqlite3_int64 offset) {
  const std::lock_guard lock(mutex_);
  auto& writes = unsynced_[*file.path];
  const auto mine = std::find_if(writes.rbegin(), writes.rend(), [&](const Write& write) {
    return write.offset == offset && std::ssize(write.before) == size &&
           write.number == std::numeric_limits<std::int64_t>::max();
  });
  ++writes_;
  if (mine != writes.rend()) mine->number = writes_;
}

inline int FaultVfs::write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  FaultVfs& self = *of(file).owner;
  const int code = self.next_operation(/*is_sync=*/false);
  if (code != SQLITE_OK) return code;
  self.remember(of(file), size, offset);
  const int written = real(file)->pMethods->xWrite(real(file), bytes, size, offset);
  self.number_write(of(file), size, offset);
  return written;
}

inline int FaultVfs::truncate(sqlite3_file* file, sqlite3_int64 size) {
  FaultVfs& self = *of(file).owner;
  const int code = self.next_operation(/*is_sync=*/false);
  if (code == SQLITE_FULL) return real(file)->pMethods->xTruncate(real(file), size);
  if (code != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
  return real(file)->pMethods->xTruncate(real(file), size);
}

inline void FaultVfs::hold_syncs() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

inline void FaultVfs::release_syncs() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  held_changed_.notify_all();
}

inline bool FaultVfs::wait_for_held_sync() {
  std::unique_lock lock(mutex_);
  return held_changed_.wait_for(lock, std::chrono::seconds(10), [this] { return held_ > 0; });
}

inline void FaultVfs::wait_if_held() {
  std::unique_lock lock(mutex_);
  ++held_;
  held_changed_.notify_all();
  held_changed_.wait(lock, [this] { return !holding_; });
  --held_;
}

inline int FaultVfs::sync(sqlite3_file* file, int flags) {
  FaultVfs& self = *of(file).owner;
  // What is written while the sync runs is not promised by it.
  const std::int64_t promised = self.writes_;
  self.wait_if_held();
  const int code = self.next_operation(/*is_sync=*/true);
  if (code != SQLITE_OK) return code;
  const int synced = real(file)->pMethods->xSync(real(file), flags);
  if (synced == SQLITE_OK) {
    const std::lock_guard lock(self.mutex_);
    std::erase_if(self.unsynced_[*of(file).path],
                  [promised](const Write& write) { return write.number <= promised; });
  }
  return synced;
}

inline void FaultVfs::cut_power(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::lock_guard lock(mutex_);
  for (auto& [path, writes] : unsynced_) {
    if (path.empty() || writes.empty()) continue;
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    if (file == nullptr) continue;
    for (auto write = writes.rbegin(); write != writes.rend(); ++write)
      for (std::size_t at = 0; at < write->before.size(); at += 512) {
        if (random() % 2 == 0) continue;
        std::fseek(file, static_cast<long>(write->offset) + static_cast<long>(at), SEEK_SET);
        std::fwrite(write->before.data() + at, 1,
                    std::min<std::size_t>(512, write->before.size() - at), file);
      }
    std::fclose(file);
  }
  unsynced_.clear();
}

inline sqlite3_io_methods FaultVfs::methods() {
  sqlite3_io_methods m{};
  m.iVersion = 2;
  m.xClose = &FaultVfs::close;
  m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
    return real(f)->pMethods->xRead(real(f), to, size, at);
  };
  m.xWrite = &FaultVfs::write;
  m.xTruncate = &FaultVfs::truncate;
  m.xSync = &FaultVfs::sync;
  m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
    return real(f)->pMethods->xFileSize(real(f), size);
  };
  m.xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); };
  m.xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); };
  m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
    return real(f)->pMethods->xCheckReservedLock(real(f), out);
  };
  m.xFileControl = [](sqlite3_file* f, int operation, void* argument) {
    return real(f)->pMethods->xFileControl(real(f), operation, argument);
  };
  m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
  m.xDeviceCharacteristics = [](sqlite3_file* f) {
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
  };
  m.xShmMap = [](sqlite3_file* f, int region, int size, int extend, void volatile** out) {
    return real(f)->pMethods->xShmMap(real(f), region, size, extend, out);
  };
  m.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
    return real(f)->pMethods->xShmLock(real(f), offset, count, flags);
  };
  m.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
  m.xShmUnmap = [](sqlite3_file* f, int remove) {
    return real(f)->pMethods->xShmUnmap(real(f), remove);
  };
  return m;
}

}  // namespace posthorn::store::testing

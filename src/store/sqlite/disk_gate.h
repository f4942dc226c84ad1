#pragma once
// What happens when the disk is full: nothing new is taken, a ballast file is given up so that
// retention has room to work, and everything goes on by itself once there is room again.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "env/log.h"

namespace posthorn::store {

/// close_full() and stays_closed() are called by the writer's thread; accepting() by any.
class DiskGate {
 public:
  /// Makes the ballast file of `bytes` (0: none) at `path` if it is not there.
  DiskGate(std::string path, std::int64_t bytes, std::chrono::milliseconds gap, env::Log& log);

  [[nodiscard]] bool accepting() const { return accepting_.load(std::memory_order_relaxed); }
  /// The disk is full: gives up the ballast.
  void close_full(const std::string& why);
  /// A closed gate looks at most once in each `gap`, and opens again when there is room for the
  /// ballast, for the `log_bytes` that are still to be moved into the database, and for some work
  /// beside them. True when it looked and stays closed.
  [[nodiscard]] bool stays_closed(std::int64_t log_bytes);
  /// What is free on the disk for us.
  [[nodiscard]] std::int64_t free_bytes() const;

 private:
  bool make_ballast();

  const std::string path_;
  const std::int64_t bytes_;
  const std::chrono::milliseconds gap_;
  env::Log& log_;
  std::atomic<bool> accepting_{true};
  std::chrono::steady_clock::time_point next_try_{};
};

}  // namespace posthorn::store

#pragma once
// Moves the write-ahead log into the database on a thread of its own. When the log has outgrown
// pause_bytes the writer waits for one pass, else it would never be short again.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "env/log.h"
#include "store/sqlite/database.h"

namespace posthorn::store {

class Checkpointer {
 public:
  struct Limits {
    std::int64_t pass_bytes = 0;   ///< New bytes in the log that start a pass.
    std::int64_t pause_bytes = 0;  ///< Size of the log at which the writer waits.
    std::int64_t idle_bytes = 0;   ///< An idle store with a longer log shortens it.
  };
  using OnFailure = std::function<void(const Error& error, bool disk_full)>;

  /// `connection` is used by the new thread alone from now on. `on_failure` is called there.
  Checkpointer(Connection connection, Limits limits, OnFailure on_failure);
  ~Checkpointer();

  /// The writer has committed and the log has `pages` pages. Waits for a pass when it is too long.
  void committed(int pages);
  /// Held by the writer during a transaction, and by the pass that empties the log file.
  std::mutex& write_mutex() { return write_mutex_; }
  /// Asks for a pass that empties the log file (a full disk).
  void ask_truncate();
  [[nodiscard]] std::int64_t log_bytes() const {
    return log_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void run();
  void pass(int mode);

  Connection connection_;
  const Limits limits_;
  const OnFailure on_failure_;
  std::int64_t page_bytes_ = 0;
  std::atomic<std::int64_t> log_bytes_{0};

  std::mutex write_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_, passed_;
  std::int64_t asked_at_bytes_ = 0;     ///< Log size when the last pass was asked for.
  std::uint64_t asked_ = 0, done_ = 0;  ///< Passes.
  std::uint64_t commits_ = 0;
  bool truncate_ = false, stopping_ = false;
  std::int64_t waited_at_bytes_ = 0;
  std::thread thread_;
};

}  // namespace posthorn::store

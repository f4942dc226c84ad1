#pragma once
// Makes commits durable on a thread of its own: while the log of one transaction is synced, the
// writer writes the next. Nothing is answered, told or read out before it is durable, so for
// everybody else it is as if each commit had waited for its own sync (docs/adr/0012).

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "store/sqlite/database.h"
#include "store/sqlite/jobs.h"
#include "store/sqlite/listeners.h"

namespace posthorn::store {

/// A transaction that was committed and what is said of it once it is durable.
struct CommittedGroup {
  std::vector<WriteJobPtr> jobs;
  std::shared_ptr<const CommitNotice> notice;  ///< Null: nobody asked.
  bool wrote = false;  ///< False: the log is as it was, and there is nothing to sync.
};

class LogSyncer {
 public:
  using OnFailure = std::function<void(const Error& error)>;

  /// `connection` belongs to the new thread from now on: it syncs through that one's file of the
  /// log. `on_failure` is called there, once; if it returns (tests), everything is answered with io
  /// from then on.
  LogSyncer(Connection connection, Listeners& listeners, OnFailure on_failure);
  /// Syncs and answers what was handed over.
  ~LogSyncer();

  // The writer's thread alone:

  /// Waits until at most one group is not durable: one is synced while the next is written.
  void wait_for_room();
  /// A commit begins: what is read from now on may hold it. committed() must follow, also when
  /// nothing came of it.
  void begin_commit() { begun_.fetch_add(1); }
  /// The commit that was begun has ended. Its notice is told and its jobs are completed, in this
  /// order, on the syncing thread, once it is durable. Called once there is room.
  void committed(CommittedGroup group);

  // Any thread:

  /// False: the connection could not open the log; nothing may be committed.
  [[nodiscard]] bool is_open() const { return log_ != nullptr; }
  /// Completes what a reader has done, at once if all that it can have seen is durable.
  void complete(ReadJobPtr job);
  [[nodiscard]] bool failed() const { return failed_.load(); }

 private:
  struct WaitingRead {
    std::uint64_t commit = 0;  ///< The last one that it may have seen.
    ReadJobPtr job;
  };

  void run();
  /// True: everything that was committed before the call is durable.
  bool sync();
  std::vector<ReadJobPtr> take_reads();

  Connection connection_;
  sqlite3_file* log_ = nullptr;  ///< Belongs to the connection.
  Listeners& listeners_;
  const OnFailure on_failure_;
  std::atomic<std::uint64_t> begun_{0}, durable_{0};  ///< Commits since the start.
  std::atomic<bool> failed_{false};

  std::mutex mutex_;
  std::condition_variable wake_, room_;
  std::optional<CommittedGroup> group_;  ///< Committed and not yet taken by the thread.
  std::vector<WaitingRead> reads_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace posthorn::store

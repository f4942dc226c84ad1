#pragma once
// The one thread that writes. It takes everything that waits, does it in one transaction, and hands
// the answers to the log syncer, which gives them once the commit is durable: one sync is shared by
// all of them, and the next transaction is written meanwhile.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "env/clock.h"
#include "env/log.h"
#include "store/sqlite/applier.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/disk_gate.h"
#include "store/sqlite/jobs.h"
#include "store/sqlite/listeners.h"
#include "store/sqlite/log_syncer.h"

namespace posthorn::store {

class Writer {
 public:
  struct Ports {
    Connection& connection;
    Applier& applier;
    const env::Clock& clock;
    const env::Timeline& timeline;
    env::Log& log;
    Listeners& listeners;
    LogSyncer& syncer;
    Checkpointer& checkpointer;
    DiskGate& gate;
    /// Called with a sentence when the database failed in a way that must end the process. If it
    /// returns (tests), everything is answered with io from then on.
    std::function<void(const std::string&)> fatal;
  };

  static constexpr std::size_t group_jobs_max = 500;
  static constexpr std::size_t group_bytes_max = 4U << 20;

  explicit Writer(Ports ports);
  /// Finishes what is queued.
  ~Writer();

  /// Any thread. After stop() the job is refused with unavailable.
  void enqueue(WriteJobPtr job);
  void stop();

  [[nodiscard]] std::int64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t jobs_done() const { return jobs_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t pending_change() const {
    return pending_change_.load(std::memory_order_relaxed);
  }

 private:
  void run();
  std::vector<WriteJobPtr> take();
  void commit_in_groups(std::vector<WriteJobPtr> jobs);
  void commit_group(std::vector<WriteJobPtr> jobs);
  bool write_group(std::vector<WriteJobPtr>& jobs);
  void fail_group(std::vector<WriteJobPtr> jobs);
  void remember_moment();
  void try_heal();
  std::vector<WriteJobPtr> refuse_if_closed(std::vector<WriteJobPtr> jobs);

  Ports ports_;
  Query begin_, commit_, rollback_;
  Instant moment_stored_;
  int log_pages_ = 0;  ///< Of the write-ahead log after the last commit.
  bool dead_ = false;  ///< This thread's own failure; the syncer has one of its own.
  std::atomic<std::int64_t> commits_{0}, jobs_{0}, pending_change_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<WriteJobPtr> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace posthorn::store

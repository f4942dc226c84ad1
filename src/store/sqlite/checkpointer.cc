#include "store/sqlite/checkpointer.h"

#include <chrono>

namespace posthorn::store {

using namespace std::chrono_literals;

Checkpointer::Checkpointer(Connection connection, Limits limits, OnFailure on_failure)
    : connection_(std::move(connection)), limits_(limits), on_failure_(std::move(on_failure)) {
  // A connection that has read nothing yet does nothing on a checkpoint call, and says OK.
  connection_.number("SELECT count(*) FROM meta");
  page_bytes_ = connection_.number("PRAGMA page_size").value_or(8192);
  thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Checkpointer::committed(int pages) {
  const std::int64_t bytes = pages * page_bytes_;
  log_bytes_.store(bytes, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  ++commits_;
  if (bytes < asked_at_bytes_) asked_at_bytes_ = waited_at_bytes_ = 0;  // The log began anew.
  if (bytes - asked_at_bytes_ < limits_.pass_bytes) return;
  asked_at_bytes_ = bytes;
  const std::uint64_t mine = ++asked_;
  wake_.notify_one();
  if (bytes < limits_.pause_bytes) return;
  // A reader may keep the log from being reused; then the next wait comes pass_bytes later.
  passed_.wait(lock, [&] { return done_ >= mine || stopping_; });
}

void Checkpointer::ask_truncate() {
  const std::lock_guard lock(mutex_);
  truncate_ = true;
  wake_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  std::uint64_t commits_seen = 0;
  while (!stopping_) {
    const bool asked =
        wake_.wait_for(lock, 1s, [&] { return stopping_ || truncate_ || asked_ > done_; });
    if (stopping_) return;
    const bool idle = !asked && commits_seen == commits_;
    commits_seen = commits_;
    const bool truncate =
        truncate_ || (idle && log_bytes_.load(std::memory_order_relaxed) > limits_.idle_bytes);
    if (!truncate && asked_ == done_) continue;
    const std::uint64_t target = asked_;
    truncate_ = false;
    lock.unlock();
    pass(truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    lock.lock();
    done_ = target;
    if (truncate) asked_at_bytes_ = 0;
    passed_.notify_all();
  }
}

void Checkpointer::pass(int mode) {
  std::unique_lock<std::mutex> writing;
  if (mode == SQLITE_CHECKPOINT_TRUNCATE) writing = std::unique_lock(write_mutex_);
  int in_log = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, mode, &in_log, &moved);
  if (mode == SQLITE_CHECKPOINT_TRUNCATE && code == SQLITE_OK)
    log_bytes_.store(0, std::memory_order_relaxed);
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return;
  connection_.note_failure(code);
  const Error error = connection_.error();
  const bool full = means_full(connection_.failure());
  connection_.forget_failure();
  writing = {};
  on_failure_(error, full);
}

}  // namespace posthorn::store

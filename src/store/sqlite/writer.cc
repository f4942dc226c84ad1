#include "store/sqlite/writer.h"

#include <fmt/format.h>

#include <utility>

namespace posthorn::store {

namespace {
/// How often the timeline's moment and the counters are stored beside other writes.
constexpr Millis moment_gap = 1s;
/// How often a closed gate is asked while nothing comes; it has a gap of its own.
constexpr auto heal_gap = std::chrono::milliseconds(100);
}  // namespace

Writer::Writer(Ports ports)
    : ports_(std::move(ports)),
      begin_(ports_.connection, "begin"),
      commit_(ports_.connection, "commit"),
      rollback_(ports_.connection, "rollback") {
  // Having a hook also turns automatic checkpoints off.
  sqlite3_wal_hook(
      ports_.connection.handle(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &log_pages_);
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  stop();
  thread_.join();
}

void Writer::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

void Writer::enqueue(WriteJobPtr job) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(job));
      if (queue_.size() == 1) wake_.notify_one();
      return;
    }
  }
  job->refuse({Errc::unavailable, "the store is stopping"});
  complete_one(std::move(job));
}

void Writer::run() {
  for (auto jobs = take(); !jobs.empty(); jobs = take()) commit_in_groups(std::move(jobs));
}

std::vector<WriteJobPtr> Writer::take() {
  // Before the queue is looked at: what comes meanwhile shares the transaction.
  ports_.syncer.wait_for_room();
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !stopping_) {
    if (ports_.gate.accepting()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, heal_gap);
      try_heal();
    }
  }
  return std::exchange(queue_, {});
}

void Writer::commit_in_groups(std::vector<WriteJobPtr> jobs) {
  std::size_t at = 0;
  while (at < jobs.size()) {
    std::vector<WriteJobPtr> group;
    std::size_t bytes = 0;
    while (at < jobs.size() && group.size() < group_jobs_max && bytes < group_bytes_max) {
      bytes += jobs[at]->bytes;
      group.push_back(std::move(jobs[at++]));
    }
    ports_.syncer.wait_for_room();
    commit_group(std::move(group));
  }
}

void Writer::try_heal() {
  // A log that found no room in the database finds it now, or takes it from what comes next.
  const std::int64_t log_bytes = ports_.checkpointer.log_bytes();
  const bool stays_closed = ports_.gate.stays_closed(log_bytes);
  if (stays_closed && log_bytes > 0) ports_.checkpointer.ask_truncate();
}

std::vector<WriteJobPtr> Writer::refuse_if_closed(std::vector<WriteJobPtr> jobs) {
  dead_ = dead_ || ports_.syncer.failed();
  if (!dead_) try_heal();
  if (!dead_ && ports_.gate.accepting()) return jobs;
  const Error why = dead_ ? database_failed : Error{Errc::unavailable, "the disk is full"};
  std::vector<WriteJobPtr> kept, refused;
  for (auto& job : jobs) {
    if (!dead_ && job->housekeeping) {
      kept.push_back(std::move(job));
    } else {
      job->refuse(why);
      refused.push_back(std::move(job));
    }
  }
  complete_all(std::move(refused));
  return kept;
}

void Writer::commit_group(std::vector<WriteJobPtr> jobs) {
  jobs = refuse_if_closed(std::move(jobs));
  if (jobs.empty()) return;
  bool committed = false;
  {
    const std::lock_guard writing(ports_.checkpointer.write_mutex());
    committed = write_group(jobs);
  }
  if (!committed) return fail_group(std::move(jobs));
  commits_.fetch_add(1, std::memory_order_relaxed);
  jobs_.fetch_add(static_cast<std::int64_t>(jobs.size()), std::memory_order_relaxed);
  pending_change_.store(ports_.applier.pending_change(), std::memory_order_relaxed);
  // SQLite calls the hook that counts pages only for a commit that wrote some.
  const bool wrote = log_pages_ > 0;
  ports_.syncer.committed({std::move(jobs), ports_.applier.take_notice(), wrote});
  if (wrote) ports_.checkpointer.committed(log_pages_);
  // What retention has made free reaches the disk only when the log is emptied.
  if (!ports_.gate.accepting()) ports_.checkpointer.ask_truncate();
}

bool Writer::write_group(std::vector<WriteJobPtr>& jobs) {
  ports_.applier.begin_group(ports_.listeners.any());
  if (!begin_.run()) return false;
  for (auto& job : jobs) {
    job->run(ports_.applier);
    if (ports_.connection.failed()) return false;
  }
  ports_.applier.end_group();
  remember_moment();
  ports_.syncer.begin_commit();
  log_pages_ = 0;
  const bool committed = commit_.run();
  if (!committed) ports_.syncer.committed({});
  return committed;
}

void Writer::remember_moment() {
  const Instant now = ports_.timeline.now();
  if (now < moment_stored_ + moment_gap) return;
  moment_stored_ = now;
  ports_.applier.set_meta("moment", fmt::format("{}", now.unix_ms));
  ports_.applier.save_counters();
  ports_.applier.queue_older_requests();
}

void Writer::fail_group(std::vector<WriteJobPtr> jobs) {
  Connection& connection = ports_.connection;
  const bool full = means_full(connection.failure());
  const bool busy = (connection.failure() & 0xff) == SQLITE_BUSY;
  Error error = connection.error();
  connection.forget_failure();
  if (full || busy) {
    // SQLite may have rolled back by itself.
    if (sqlite3_get_autocommit(connection.handle()) == 0) rollback_.run();
    moment_stored_ = {};
    if (auto undone = ports_.applier.undo_group(); !undone || connection.failed()) {
      if (!undone) error = undone.error();
      connection.forget_failure();
      dead_ = true;
    }
  } else {
    dead_ = true;
  }
  if (dead_) {
    ports_.fatal(error.what);
    error.code = Errc::io;
  } else if (busy) {
    ports_.log.warning("store_busy", {{"detail", error.what}});
    error = {Errc::unavailable, "another program holds the database"};
  } else {
    ports_.gate.close_full(error.what);
    ports_.checkpointer.ask_truncate();
    error = {Errc::unavailable, "the disk is full"};
  }
  for (auto& job : jobs) job->refuse(error);
  complete_all(std::move(jobs));
}

}  // namespace posthorn::store

#include "store/sqlite/log_syncer.h"

#include <iterator>

namespace posthorn::store {

LogSyncer::LogSyncer(Connection connection, Listeners& listeners, OnFailure on_failure)
    : connection_(std::move(connection)),
      listeners_(listeners),
      on_failure_(std::move(on_failure)) {
  // A connection opens the log with its first read.
  connection_.number("SELECT count(*) FROM meta");
  sqlite3_file_control(connection_.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log_);
  thread_ = std::thread([this] { run(); });
}

LogSyncer::~LogSyncer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LogSyncer::wait_for_room() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return groups_.empty(); });
}

void LogSyncer::committed(CommittedGroup group) {
  const std::lock_guard lock(mutex_);
  groups_.push_back(std::move(group));
  wake_.notify_one();
}

void LogSyncer::complete(ReadJobPtr job) {
  const std::uint64_t seen = begun_.load();
  std::vector<ReadJobPtr> ready;
  {
    std::unique_lock<std::mutex> lock;
    if (seen > durable_.load()) lock = std::unique_lock(mutex_);
    if (seen > durable_.load()) {
      reads_.push_back({seen, std::move(job)});
      return;
    }
  }
  ready.push_back(std::move(job));
  complete_all(std::move(ready));
}

void LogSyncer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !groups_.empty(); });
    if (groups_.empty()) return;
    auto groups = std::exchange(groups_, {});
    room_.notify_one();
    lock.unlock();
    const bool durable = sync();
    lock.lock();
    durable_ += groups.size();
    auto reads = take_reads();
    lock.unlock();
    if (!durable) {
      const Error error{Errc::io, "the database failed; the process must be restarted"};
      for (auto& group : groups) {
        group.notice = nullptr;
        for (auto& job : group.jobs) job->refuse(error);
      }
      for (auto& job : reads) job->refuse(error);
    }
    answer(std::move(groups));
    complete_all(std::move(reads));
    lock.lock();
  }
}

bool LogSyncer::sync() {
  if (failed_) return false;
  const int code = log_->pMethods->xSync(log_, SQLITE_SYNC_NORMAL);
  if (code == SQLITE_OK) return true;
  failed_ = true;
  connection_.note_failure(code);
  on_failure_(connection_.error());
  return false;
}

std::vector<ReadJobPtr> LogSyncer::take_reads() {
  std::vector<ReadJobPtr> ready;
  std::erase_if(reads_, [&](WaitingRead& read) {
    if (read.commit > durable_.load()) return false;
    ready.push_back(std::move(read.job));
    return true;
  });
  return ready;
}

void LogSyncer::answer(std::vector<CommittedGroup> groups) {
  std::vector<WriteJobPtr> jobs;
  for (auto& group : groups) {
    if (group.notice) listeners_.tell(group.notice);
    std::ranges::move(group.jobs, std::back_inserter(jobs));
  }
  complete_all(std::move(jobs));
}

}  // namespace posthorn::store

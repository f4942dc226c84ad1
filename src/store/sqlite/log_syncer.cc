#include "store/sqlite/log_syncer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace posthorn::store {

LogSyncer::LogSyncer(Connection connection, Listeners& listeners, OnFailure on_failure)
    : connection_(std::move(connection)),
      listeners_(listeners),
      on_failure_(std::move(on_failure)) {
  // A connection opens the log with its first read.
  connection_.number("SELECT count(*) FROM meta");
  sqlite3_file_control(connection_.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log_);
  if (log_ != nullptr && log_->pMethods == nullptr) log_ = nullptr;
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
  room_.wait(lock, [this] { return !group_; });
}

void LogSyncer::committed(CommittedGroup group) {
  const std::lock_guard lock(mutex_);
  PH_ASSERT(!group_);
  group_ = std::move(group);
  wake_.notify_one();
}

void LogSyncer::complete(ReadJobPtr job) {
  const std::uint64_t seen = begun_.load();
  {
    std::unique_lock<std::mutex> lock;
    if (seen > durable_.load()) lock = std::unique_lock(mutex_);
    if (seen > durable_.load()) {
      reads_.push_back({seen, std::move(job)});
      return;
    }
  }
  if (failed_) job->refuse(database_failed);
  complete_one(std::move(job));
}

void LogSyncer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || group_; });
    if (!group_) return;
    CommittedGroup group = *std::exchange(group_, std::nullopt);
    room_.notify_one();
    lock.unlock();
    const bool durable = group.wrote ? sync() : !failed_;
    lock.lock();
    ++durable_;
    auto reads = take_reads();
    lock.unlock();
    if (!durable) {
      group.notice = nullptr;
      for (auto& job : group.jobs) job->refuse(database_failed);
      for (auto& job : reads) job->refuse(database_failed);
    }
    if (group.notice) listeners_.tell(group.notice);
    complete_all(std::move(group.jobs));
    complete_all(std::move(reads));
    lock.lock();
  }
}

bool LogSyncer::sync() {
  if (failed_) return false;
  const int code = log_->pMethods->xSync(log_, SQLITE_SYNC_NORMAL);
  if (code == SQLITE_OK) return true;
  failed_ = true;
  // Called past the connection, so that one knows of no error.
  on_failure_(
      {Errc::io, fmt::format("the log could not be synced: {} ({})", sqlite3_errstr(code), code)});
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

}  // namespace posthorn::store

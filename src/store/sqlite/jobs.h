#pragma once
// Work that is handed to one of the store's threads and comes back to where it was asked for. A
// coroutine resumes on its own executor; those of one io_context that finish together are resumed
// by one post.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "env/task.h"

namespace posthorn::store {

/// A piece of work on a `Worker` (the writer's Applier, a reader), and its way back.
template <class Worker>
class Job {
 public:
  virtual ~Job() = default;
  /// Does the work and keeps its result.
  virtual void run(Worker& worker) = 0;
  /// Makes `error` the result, whatever run() had found.
  virtual void refuse(const Error& error) = 0;
  /// Where complete() must be called; null: anywhere.
  [[nodiscard]] virtual asio::io_context* home() const = 0;
  /// Hands the result over. Called once.
  virtual void complete() = 0;

  std::size_t bytes = 0;      ///< Rough size, for the cap of a group.
  bool housekeeping = false;  ///< Goes on while the disk is full: it makes room.
};

template <class Worker>
using JobPtr = std::unique_ptr<Job<Worker>>;

class Applier;
class Reader;
using WriteJobPtr = JobPtr<Applier>;
using ReadJobPtr = JobPtr<Reader>;

template <class Worker, class T>
using Work = std::move_only_function<Result<T>(Worker&)>;

/// The result part of a job.
template <class Worker, class T>
class JobOf : public Job<Worker> {
 public:
  explicit JobOf(Work<Worker, T> work) : work_(std::move(work)) {}
  void run(Worker& worker) override { result_.emplace(work_(worker)); }
  void refuse(const Error& error) override { result_.emplace(std::unexpect, error); }

 protected:
  std::optional<Result<T>> result_;

 private:
  Work<Worker, T> work_;
};

/// A job that a coroutine waits for.
template <class Worker, class T, class Handler>
class AwaitedJob final : public JobOf<Worker, T> {
 public:
  AwaitedJob(Work<Worker, T> work, Handler handler)
      : JobOf<Worker, T>(std::move(work)),
        work_guard_(asio::get_associated_executor(handler)),
        handler_(std::move(handler)) {}
  [[nodiscard]] asio::io_context* home() const override {
    return &work_guard_.get_executor().context();
  }
  void complete() override {
    auto handler = std::move(handler_);
    auto result = *std::move(this->result_);
    std::move(handler)(std::move(result));
  }

 private:
  asio::executor_work_guard<executor> work_guard_;
  Handler handler_;
};

/// A job that a plain thread waits for.
template <class Worker, class T>
class BlockingJob final : public JobOf<Worker, T> {
 public:
  struct Slot {
    std::mutex mutex;
    std::condition_variable filled;
    std::optional<Result<T>> result;

    Result<T> wait() {
      std::unique_lock lock(mutex);
      filled.wait(lock, [this] { return result.has_value(); });
      return *std::move(result);
    }
  };
  BlockingJob(Work<Worker, T> work, Slot& slot) : JobOf<Worker, T>(std::move(work)), slot_(slot) {}
  [[nodiscard]] asio::io_context* home() const override { return nullptr; }
  void complete() override {
    // Notified under the lock: the waiting thread destroys the slot as soon as it can take it.
    const std::lock_guard lock(slot_.mutex);
    slot_.result = std::move(this->result_);
    slot_.filled.notify_one();
  }

 private:
  Slot& slot_;
};

/// A job that nobody waits for; what it finds it hands on itself.
template <class Worker>
class LooseJob final : public Job<Worker> {
 public:
  explicit LooseJob(std::move_only_function<void(Worker&)> work) : work_(std::move(work)) {
    this->housekeeping = true;
  }
  void run(Worker& worker) override { work_(worker); }
  void refuse(const Error&) override {}
  [[nodiscard]] asio::io_context* home() const override { return nullptr; }
  void complete() override {}

 private:
  std::move_only_function<void(Worker&)> work_;
};

/// What everything is answered with once a write or a sync has failed for good.
inline const Error database_failed{Errc::io, "the database failed; the process must be restarted"};

/// Completes a job where it belongs.
template <class Worker>
void complete_one(JobPtr<Worker> job) {
  asio::io_context* const home = job->home();
  if (home == nullptr) return job->complete();
  asio::post(*home, [ready = std::move(job)] { ready->complete(); });
}

/// Completes jobs in order where they belong: one post for each io_context.
template <class Worker>
void complete_all(std::vector<JobPtr<Worker>> jobs) {
  std::vector<std::pair<asio::io_context*, std::vector<JobPtr<Worker>>>> by_home;
  for (auto& job : jobs) {
    asio::io_context* home = job->home();
    if (home == nullptr) {
      job->complete();
      continue;
    }
    auto group = by_home.begin();
    while (group != by_home.end() && group->first != home) ++group;
    if (group == by_home.end()) {
      by_home.emplace_back(home, std::vector<JobPtr<Worker>>{});
      group = std::prev(by_home.end());
    }
    group->second.push_back(std::move(job));
  }
  for (auto& [home, group] : by_home)
    asio::post(*home, [ready = std::move(group)]() mutable {
      for (auto& job : ready) job->complete();
    });
}

}  // namespace posthorn::store

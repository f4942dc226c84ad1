#pragma once
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <string_view>

#include "base/assert.h"
#include "env/log.h"
#include "env/task.h"

namespace posthorn::env {

/// For TaskGroup's `on_bug`, where what is in memory can no longer be trusted: ends the process.
std::function<void(std::exception_ptr)> stop_process();

/// Owns the coroutines that an engine starts: counts them, cancels them together, and is only
/// destroyed when none is left. Used on one io_context. An exception that leaves a coroutine is a
/// bug: it is logged and handed to `on_bug`.
class TaskGroup {
 public:
  TaskGroup(asio::io_context& context, Log& log, std::function<void(std::exception_ptr)> on_bug)
      : context_(context), log_(log), on_bug_(std::move(on_bug)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { PH_ASSERT(running_.empty()); }

  /// Starts `work` on the context. Not after stop() has been called (then it is dropped unstarted).
  void spawn(std::string_view name, task<> work);

  /// Cancels everything and resumes when the last coroutine has ended. Call once.
  task<> stop();

  [[nodiscard]] std::size_t size() const { return running_.size(); }
  [[nodiscard]] bool stopping() const { return stopping_; }

 private:
  void report(std::string_view name, std::exception_ptr bug);

  asio::io_context& context_;
  Log& log_;
  std::function<void(std::exception_ptr)> on_bug_;
  std::list<asio::cancellation_signal> running_;
  std::function<void()> on_empty_;
  bool stopping_ = false;
};

}  // namespace posthorn::env

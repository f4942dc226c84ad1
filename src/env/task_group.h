#pragma once
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <string_view>

#include "base/assert.h"
#include "env/log.h"
#include "env/task.h"

namespace posthorn::env {

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
  void spawn(std::string_view name, task<> work) {
    if (stopping_) return;
    const auto place = running_.emplace(running_.end());
    asio::co_spawn(
        context_, std::move(work),
        asio::bind_cancellation_slot(place->slot(), [this, place, name](std::exception_ptr bug) {
          running_.erase(place);
          if (bug) report(name, bug);
          if (running_.empty() && on_empty_) std::exchange(on_empty_, {})();
        }));
  }

  /// Cancels everything and resumes when the last coroutine has ended. Call once.
  task<> stop() {
    stopping_ = true;
    for (auto& signal : running_) {
      // A handler may end its coroutine at once and erase its place, so each is signalled from the
      // loop.
      asio::post(context_, [this, &signal] {
        for (auto& live : running_)
          if (&live == &signal) return live.emit(asio::cancellation_type::all);
      });
    }
    if (running_.empty()) co_return;
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, executor>
        empty(context_, std::chrono::steady_clock::time_point::max());
    on_empty_ = [&empty] { empty.cancel(); };
    boost::system::error_code ignored;
    co_await empty.async_wait(asio::redirect_error(use_task, ignored));
  }

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

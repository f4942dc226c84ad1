#include "env/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

namespace posthorn::env {

std::function<void(std::exception_ptr)> stop_process() {
  return [](std::exception_ptr bug) { std::rethrow_exception(bug); };
}

void TaskGroup::spawn(std::string_view name, task<> work) {
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

task<> TaskGroup::stop() {
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

void TaskGroup::report(std::string_view name, std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) return;  // cancelled, as asked
    log_.error("task.failed", {{"task", name}, {"what", error.what()}});
  } catch (const std::exception& error) {
    log_.error("task.failed", {{"task", name}, {"what", error.what()}});
  }
  if (on_bug_) on_bug_(bug);
}

}  // namespace posthorn::env

#include "env/task_group.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using namespace posthorn;
using namespace posthorn::env;

namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

class KeptLog final : public Log {
 public:
  std::vector<std::string> names;
  void write(Level, std::string_view name, std::initializer_list<Field>) override {
    names.emplace_back(name);
  }
};

/// An io_context with a group and what came of its coroutines.
struct Fixture {
  asio::io_context context{1};
  KeptLog log;
  int bugs = 0;
  int done = 0;
  bool stopped = false;
  TaskGroup group{context, log, [this](std::exception_ptr) { ++bugs; }};

  void stop() {
    asio::co_spawn(context, stop_group(*this), asio::detached);
    context.run();
  }
  static task<> stop_group(Fixture& fixture) {
    co_await fixture.group.stop();
    fixture.stopped = true;
  }
};

task<> finish(Fixture& fixture) {
  ++fixture.done;
  co_return;
}

/// Until it is cancelled.
task<> wait_for_ever(Fixture& fixture) {
  Timer timer(fixture.context, std::chrono::steady_clock::time_point::max());
  try {
    co_await timer.async_wait(use_task);
  } catch (const boost::system::system_error&) {
    ++fixture.done;
    throw;
  }
}

task<> fail_with_bug() {
  throw std::logic_error("a bug");
  co_return;
}

/// Ends a moment after the cancellation, as one that is recording does.
task<> finish_slowly(Fixture& fixture) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  for (int i = 0; i < 10; ++i) co_await asio::post(fixture.context, use_task);
  ++fixture.done;
}

}  // namespace

TEST_CASE("task group: counts what runs until it is done") {
  Fixture fixture;
  fixture.group.spawn("one", finish(fixture));
  fixture.group.spawn("two", finish(fixture));
  CHECK(fixture.group.size() == 2);
  fixture.context.run();
  CHECK(fixture.group.size() == 0);
  CHECK(fixture.done == 2);
  CHECK(fixture.bugs == 0);
}

TEST_CASE("task group: stop cancels all, waits for the last, and cancelling is no bug") {
  Fixture fixture;
  for (int i = 0; i < 3; ++i) fixture.group.spawn("wait", wait_for_ever(fixture));
  fixture.context.poll();
  fixture.group.spawn("slow", finish_slowly(fixture));
  CHECK(fixture.group.size() == 4);
  fixture.stop();
  CHECK(fixture.stopped);
  CHECK(fixture.done == 4);
  CHECK(fixture.group.size() == 0);
  CHECK(fixture.bugs == 0);
  CHECK(fixture.log.names.empty());
}

TEST_CASE("task group: stop with nothing running is done at once, later work is dropped") {
  Fixture fixture;
  fixture.stop();
  CHECK(fixture.stopped);
  CHECK(fixture.group.stopping());
  fixture.group.spawn("late", finish(fixture));
  CHECK(fixture.group.size() == 0);
  fixture.context.restart();
  fixture.context.run();
  CHECK(fixture.done == 0);
}

TEST_CASE("task group: an exception that leaves a coroutine is logged and handed on") {
  Fixture fixture;
  fixture.group.spawn("broken", fail_with_bug());
  fixture.context.run();
  CHECK(fixture.bugs == 1);
  CHECK(fixture.log.names == std::vector<std::string>{"task.failed"});
  CHECK(fixture.group.size() == 0);
}

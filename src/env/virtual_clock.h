#pragma once
// The clock of tests: nothing that waits on it waits for real time.

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "env/clock.h"

namespace posthorn::env {

/// Time that moves when it is told to. Wall clock and steady clock run together.
class VirtualClock final : public env::Clock {
 public:
  explicit VirtualClock(asio::io_context& context, Instant wall = {1'795'000'000'000})
      : context_(context), wall_(wall) {}

  Instant now() const override { return wall_ + Millis{steady_.ms}; }
  Tick steady() const override { return steady_; }

  task<> sleep_until(Tick at) override {
    if (at <= steady_) co_return;
    const auto sleepers = sleepers_;
    Timer timer(context_, std::chrono::steady_clock::time_point::max());
    const auto place = sleepers->emplace(at, &timer);
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(use_task, ended));
    const bool cancelled = place->second != nullptr;
    sleepers->erase(place);
    if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
  }

  /// Goes to the next wake-up at or before `limit` and wakes it; false when there is none.
  bool advance(Tick limit) {
    for (auto& [at, timer] : *sleepers_) {
      if (!timer) continue;
      if (at > limit) break;
      steady_ = std::max(steady_, at);
      std::exchange(timer, nullptr)->cancel();
      return true;
    }
    return false;
  }
  void jump_to(Tick at) { steady_ = std::max(steady_, at); }
  /// Goes there and wakes everybody who sleeps no longer.
  void move_to(Tick at) {
    jump_to(at);
    for (auto& [when, timer] : *sleepers_)
      if (when <= at && timer != nullptr) std::exchange(timer, nullptr)->cancel();
  }

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, executor>;
  asio::io_context& context_;
  const Instant wall_;
  Tick steady_{1'000};
  std::shared_ptr<std::multimap<Tick, Timer*>> sleepers_ =
      std::make_shared<std::multimap<Tick, Timer*>>();
};

}  // namespace posthorn::env

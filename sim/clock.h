#pragma once
// Virtual time: it stands while anything can run and then goes to the next wake-up. The wall clock
// can be set apart from the steady one, as operators and NTP do.

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>

#include "env/clock.h"

namespace posthorn::sim {

class SimClock final : public env::Clock {
 public:
  explicit SimClock(asio::io_context& context) : context_(context) {}

  [[nodiscard]] Instant now() const override { return wall_ + Millis(steady_.ms); }
  [[nodiscard]] Tick steady() const override { return steady_; }
  task<> sleep_until(Tick at) override { return sleep(at, nullptr); }

  /// As sleep_until; hurry(owner) ends it early.
  task<> sleep(Tick at, const void* owner);
  /// Wakes all sleepers of `owner` now.
  void hurry(const void* owner);
  /// When the next sleeper wants to wake.
  [[nodiscard]] std::optional<Tick> next() const;
  /// Goes to next() and wakes that one sleeper; those of one moment in the order in which they
  /// came.
  void wake_next();
  /// Nobody may want to wake before `at`.
  void go_to(Tick at);
  void jump_wall(Millis by) { wall_ = wall_ + by; }

 private:
  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, executor>;
  struct Sleeper {
    Timer* timer = nullptr;  ///< Null once woken.
    const void* owner = nullptr;
  };
  using Sleepers = std::map<std::pair<Tick, std::uint64_t>, Sleeper>;

  asio::io_context& context_;
  Instant wall_{1'795'000'000'000};
  Tick steady_{1'000};
  std::uint64_t next_number_ = 0;
  /// Shared with the sleeping coroutines, which may be destroyed after the clock.
  std::shared_ptr<Sleepers> sleepers_ = std::make_shared<Sleepers>();
};

/// The clock as one process sees it: its steady clock has a start of its own. A dead process never
/// sleeps long, so that it can be taken apart.
class ProcessClock final : public env::Clock {
 public:
  ProcessClock(SimClock& clock, Millis offset) : clock_(clock), offset_(offset) {}

  [[nodiscard]] Instant now() const override { return clock_.now(); }
  [[nodiscard]] Tick steady() const override { return clock_.steady() + offset_; }
  task<> sleep_until(Tick at) override;
  void die();

 private:
  SimClock& clock_;
  Millis offset_;
  bool dead_ = false;
};

}  // namespace posthorn::sim

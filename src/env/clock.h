#pragma once
#include "base/planted.h"
#include "base/time.h"
#include "env/task.h"

namespace posthorn::env {

/// Time as the engines see it. `now` and `steady` may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock time: may jump both ways when an operator or NTP sets it.
  virtual Instant now() const = 0;
  /// Steady time that goes on while the machine sleeps (CLOCK_BOOTTIME); never jumps.
  virtual Tick steady() const = 0;
  /// Resumes on the caller's executor once steady() >= at. Cancelling the coroutine wakes it early
  /// (it then throws boost::system::system_error with operation_aborted, as Asio's waits do).
  virtual task<> sleep_until(Tick at) = 0;
};

/// Wall-clock time that runs evenly: it starts at the wall clock, or where the last process left
/// off when the wall clock has fallen behind that, and then follows the steady clock alone. Due
/// times are kept on it, so that a clock that jumps neither brings a retry forward nor strands one.
/// Thread-safe after construction.
class Timeline {
 public:
  /// `last_seen`: the newest timeline moment that the store remembers (0 for an empty store).
  Timeline(const Clock& clock, Instant last_seen)
      : clock_(clock),
        base_wall_(clock.now() < last_seen ? last_seen : clock.now()),
        base_steady_(clock.steady()) {}

  [[nodiscard]] Instant now() const {
    if (planted(Planted::due_on_wall_clock)) return clock_.now();
    return base_wall_ + (clock_.steady() - base_steady_);
  }
  /// The steady moment at which now() reaches `at`.
  [[nodiscard]] Tick tick_of(Instant at) const { return base_steady_ + (at - base_wall_); }
  /// A wall-clock moment named by a user (`deliver_at`), on this timeline.
  [[nodiscard]] Instant from_wall(Instant at) const { return now() + (at - clock_.now()); }

 private:
  const Clock& clock_;
  Instant base_wall_;
  Tick base_steady_;
};

}  // namespace posthorn::env

#pragma once
// Wakes open event streams when something was committed.

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

#include "base/time.h"
#include "env/clock.h"
#include "env/task.h"

namespace posthorn::api {

/// Thread-safe. Waiters may outlive it: then their waits end at once.
class StreamHub {
 public:
  /// One stream's place to wait. Used on one io_context.
  class Waiter {
   public:
    Waiter();
    ~Waiter();
    /// Resumes after the next notify() (also one since the last wait), at end(), or at `until`.
    /// False once the hub has ended.
    task<bool> wait(env::Clock& clock, Tick until);

    struct State;

   private:
    friend class StreamHub;
    std::shared_ptr<State> state_;
  };

  [[nodiscard]] Waiter join();
  /// Cheap when nobody waits.
  void notify();
  void end();
  [[nodiscard]] bool ended() const { return ended_.load(); }

 private:
  std::atomic<bool> ended_{false};
  std::atomic<int> joined_{0};
  std::mutex mutex_;
  std::list<std::weak_ptr<Waiter::State>> waiters_;
};

}  // namespace posthorn::api

#include "api/stream_hub.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <optional>

namespace posthorn::api {

namespace {

using Alarm = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

}  // namespace

struct StreamHub::Waiter::State {
  std::atomic<bool> rung{false};
  std::atomic<bool> ended{false};
  std::mutex mutex;
  std::optional<executor> home;  ///< While waiting. Guarded by the mutex.
  Alarm* alarm = nullptr;        ///< Touched on `home` alone.

  static void ring(const std::shared_ptr<State>& self) {
    if (self->rung.exchange(true)) return;
    const std::lock_guard lock(self->mutex);
    if (!self->home) return;
    asio::post(*self->home, [self] {
      if (self->alarm != nullptr) self->alarm->cancel();
    });
  }

  /// Where to ring, for as long as a coroutine waits there (also when it is cancelled).
  class Home {
   public:
    Home(State& state, executor home_executor, Alarm& alarm_there) : state_(state) {
      state_.alarm = &alarm_there;
      const std::lock_guard lock(state_.mutex);
      state_.home = home_executor;
    }
    ~Home() {
      {
        const std::lock_guard lock(state_.mutex);
        state_.home.reset();
      }
      state_.alarm = nullptr;
    }
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;

   private:
    State& state_;
  };
};

namespace {

task<> ring_at(Alarm& alarm) {
  boost::system::error_code cancelled;
  co_await alarm.async_wait(asio::redirect_error(use_task, cancelled));
}

}  // namespace

StreamHub::Waiter::Waiter() : state_(std::make_shared<State>()) {}
StreamHub::Waiter::~Waiter() = default;

task<bool> StreamHub::Waiter::wait(env::Clock& clock, Tick until) {
  using namespace asio::experimental::awaitable_operators;
  const auto state = state_;
  const auto home = co_await asio::this_coro::executor;
  Alarm alarm(home, std::chrono::steady_clock::time_point::max());
  {
    const State::Home here(*state, home, alarm);
    if (!state->rung.load() && !state->ended.load())
      co_await (ring_at(alarm) || clock.sleep_until(until));
  }
  state->rung.store(false);
  co_return !state->ended.load();
}

StreamHub::Waiter StreamHub::join() {
  Waiter waiter;
  const std::lock_guard lock(mutex_);
  std::erase_if(waiters_, [](const auto& one) { return one.expired(); });
  waiters_.push_back(waiter.state_);
  joined_.store(static_cast<int>(waiters_.size()));
  if (ended_.load()) waiter.state_->ended.store(true);
  return waiter;
}

void StreamHub::notify() {
  if (joined_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(waiters_, [](const auto& one) { return one.expired(); });
  joined_.store(static_cast<int>(waiters_.size()));
  for (const auto& one : waiters_)
    if (const auto state = one.lock()) Waiter::State::ring(state);
}

void StreamHub::end() {
  ended_.store(true);
  const std::lock_guard lock(mutex_);
  for (const auto& one : waiters_)
    if (const auto state = one.lock()) {
      state->ended.store(true);
      Waiter::State::ring(state);
    }
}

}  // namespace posthorn::api

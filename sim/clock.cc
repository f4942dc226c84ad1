#include "sim/clock.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace posthorn::sim {

task<> SimClock::sleep(Tick at, const void* owner) {
  if (at <= steady_) co_return;
  const auto sleepers = sleepers_;
  Timer timer(context_, std::chrono::steady_clock::time_point::max());
  const auto place = sleepers->emplace(std::pair(at, next_number_++), Sleeper{&timer, owner}).first;
  boost::system::error_code ended;
  co_await timer.async_wait(asio::redirect_error(use_task, ended));
  const bool cancelled = place->second.timer != nullptr;
  sleepers->erase(place);
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
}

void SimClock::hurry(const void* owner) {
  for (auto& [place, sleeper] : *sleepers_)
    if (sleeper.timer && sleeper.owner == owner) std::exchange(sleeper.timer, nullptr)->cancel();
}

std::optional<Tick> SimClock::next() const {
  for (const auto& [place, sleeper] : *sleepers_)
    if (sleeper.timer) return place.first;
  return std::nullopt;
}

void SimClock::wake_next() {
  for (auto& [place, sleeper] : *sleepers_) {
    if (!sleeper.timer) continue;
    steady_ = std::max(steady_, place.first);
    std::exchange(sleeper.timer, nullptr)->cancel();
    return;
  }
}

void SimClock::go_to(Tick at) { steady_ = std::max(steady_, at); }

task<> ProcessClock::sleep_until(Tick at) {
  Tick until = at - offset_;
  if (dead_) until = std::min(until, clock_.steady() + 1ms);
  return clock_.sleep(until, this);
}

void ProcessClock::die() {
  dead_ = true;
  clock_.hurry(this);
}

}  // namespace posthorn::sim

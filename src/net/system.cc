#include "net/system.h"

#include <openssl/rand.h>
#include <time.h>

#include <boost/asio/basic_waitable_timer.hpp>

#include <array>

#include "base/assert.h"

namespace posthorn::net {

namespace {

timespec read_clock(clockid_t id) {
  timespec time{};
  PH_ASSERT(clock_gettime(id, &time) == 0);
  return time;
}

std::int64_t to_ms(timespec time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;

  static time_point now() {
    const timespec time = read_clock(CLOCK_BOOTTIME);
    return time_point(std::chrono::seconds(time.tv_sec) + duration(time.tv_nsec));
  }
};

// What still fits in nanoseconds: 285 years. A later moment is as good as never.
constexpr std::int64_t latest_ms = 9'000'000'000'000;

// Asio waits on CLOCK_MONOTONIC, which stands still while the machine is suspended: looking at the
// boot clock again every few seconds is what makes a wait end after a resumption.
struct BootWaitTraits {
  static constexpr BootClock::duration longest = std::chrono::seconds(5);
  static BootClock::duration to_wait_duration(const BootClock::duration& left) {
    return std::min(left, longest);
  }
  static BootClock::duration to_wait_duration(const BootClock::time_point& at) {
    return to_wait_duration(at - BootClock::now());
  }
};

}  // namespace

Instant SystemClock::now() const { return {to_ms(read_clock(CLOCK_REALTIME))}; }

Tick SystemClock::steady() const { return {to_ms(read_clock(CLOCK_BOOTTIME))}; }

task<> SystemClock::sleep_until(Tick at) {
  asio::basic_waitable_timer<BootClock, BootWaitTraits, executor> timer(
      co_await asio::this_coro::executor);
  timer.expires_at(BootClock::time_point(Millis(std::min(at.ms, latest_ms))));
  co_await timer.async_wait(use_task);
}

std::string SystemRandom::bytes(std::size_t count) {
  std::string out(count, '\0');
  PH_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) == 1);
  return out;
}

std::uint64_t SystemRandom::below(std::uint64_t bound) {
  PH_ASSERT(bound > 0);
  // One call of the generator costs about as much for 512 bytes as for 8.
  struct Block {
    std::array<std::uint64_t, 64> words{};
    std::size_t used = 64;
  };
  thread_local Block block;
  // The lowest values are drawn again, so that every remainder is equally likely.
  const std::uint64_t first_fair = (0 - bound) % bound;
  for (;;) {
    if (block.used == block.words.size()) {
      PH_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(block.words.data()),
                           static_cast<int>(sizeof block.words)) == 1);
      block.used = 0;
    }
    const std::uint64_t word = block.words[block.used++];
    if (word >= first_fair) return word % bound;
  }
}

}  // namespace posthorn::net

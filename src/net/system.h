#pragma once
// The effects of env/ on a real machine: its clocks and its source of randomness.

#include "env/clock.h"
#include "env/random.h"

namespace posthorn::net {

/// The machine's clocks. Has no state: one instance serves every thread and io_context.
class SystemClock final : public env::Clock {
 public:
  /// Thread-safe. CLOCK_REALTIME, cut to milliseconds.
  [[nodiscard]] Instant now() const override;
  /// Thread-safe. CLOCK_BOOTTIME: goes on while the machine is suspended.
  [[nodiscard]] Tick steady() const override;
  /// Waits on the executor of the calling coroutine. After a suspension of the machine a wait that
  /// has become due ends within 5 s of the resumption.
  task<> sleep_until(Tick at) override;
};

/// OpenSSL's generator, seeded by the kernel. Thread-safe, and fit for keys. A generator that fails
/// stops the process: there is nothing safe to go on with.
class SystemRandom final : public env::Random {
 public:
  std::string bytes(std::size_t count) override;
  std::uint64_t below(std::uint64_t bound) override;
};

}  // namespace posthorn::net

#include "env/rate_bucket.h"

#include <algorithm>

namespace posthorn::env {

namespace {

constexpr std::int64_t minute_us = 60'000'000;

std::int64_t micros(Tick at) { return at.ms * 1000; }

Millis up_to_millis(std::int64_t us) { return Millis{(us + 999) / 1000}; }

}  // namespace

RateVerdict RateBucket::verdict(int per_minute, std::int64_t full_at_us, std::int64_t now_us) {
  const std::int64_t each_us = std::max<std::int64_t>(1, minute_us / per_minute);
  const std::int64_t used_us = std::max<std::int64_t>(0, full_at_us - now_us);
  RateVerdict made;
  made.limit = per_minute;
  made.remaining =
      static_cast<int>(std::clamp<std::int64_t>((minute_us - used_us) / each_us, 0, per_minute));
  made.reset = up_to_millis(used_us);
  return made;
}

RateVerdict RateBucket::take(int per_minute, Tick now) {
  if (per_minute <= 0) return {};
  const std::int64_t now_us = micros(now);
  const std::int64_t each_us = std::max<std::int64_t>(1, minute_us / per_minute);
  std::int64_t full_at = full_at_us_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t next = std::max(full_at, now_us) + each_us;
    if (next - now_us > minute_us) {
      auto refused = verdict(per_minute, full_at, now_us);
      refused.allowed = false;
      refused.retry = up_to_millis(next - now_us - minute_us);
      return refused;
    }
    if (full_at_us_.compare_exchange_weak(full_at, next, std::memory_order_relaxed))
      return verdict(per_minute, next, now_us);
  }
}

RateVerdict RateBucket::look(int per_minute, Tick now) const {
  if (per_minute <= 0) return {};
  return verdict(per_minute, full_at_us_.load(std::memory_order_relaxed), micros(now));
}

}  // namespace posthorn::env

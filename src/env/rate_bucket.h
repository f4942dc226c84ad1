#pragma once
// A request rate, kept by everybody who asks.

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace posthorn::env {

/// What a rate limit says to one request.
struct RateVerdict {
  bool allowed = true;
  int limit = 0;      ///< Requests a minute; 0: unlimited (then nothing else is set).
  int remaining = 0;  ///< Requests that would be allowed at once after this one.
  Millis reset{0};    ///< Until everything is available again.
  Millis retry{0};    ///< When refused: until one request is allowed.
};

/// A token bucket that holds one minute's requests, as a single atomic moment (GCRA). Lock-free.
class RateBucket {
 public:
  /// Takes one request at `now` (steady). `per_minute` may change between calls; 0: unlimited.
  RateVerdict take(int per_minute, Tick now);
  /// What take() said last, for the headers of the answer; takes nothing.
  [[nodiscard]] RateVerdict look(int per_minute, Tick now) const;

 private:
  static RateVerdict verdict(int per_minute, std::int64_t full_at_us, std::int64_t now_us);
  std::atomic<std::int64_t> full_at_us_{INT64_MIN / 2};  ///< When the bucket will be full again.
};

}  // namespace posthorn::env

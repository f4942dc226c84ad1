#pragma once
// How much one workspace may ask for: a request rate, and a fair share of publishes in flight.

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace posthorn::api {

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

/// The live counters of one workspace.
struct WorkspaceLoad {
  RateBucket rate;
  std::atomic<int> publishing{0};
};

/// Publishes in flight over all workspaces. A workspace may use everything while others are quiet;
/// when more than half is in use, nobody may hold more than an equal share.
class PublishGate {
 public:
  explicit PublishGate(int in_flight_max) : in_flight_max_(in_flight_max) {}

  enum class Answer : std::uint8_t { go, share_used, full };
  /// Whether one more publish of this workspace may begin.
  [[nodiscard]] Answer ask(const WorkspaceLoad& load) const;

  /// Counts one publish while it lives. The gate and the load outlive it.
  class Pass {
   public:
    Pass(PublishGate& gate, WorkspaceLoad& load);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    PublishGate& gate_;
    WorkspaceLoad& load_;
  };

 private:
  const int in_flight_max_;
  std::atomic<int> in_flight_{0};
  std::atomic<int> busy_workspaces_{0};
};

}  // namespace posthorn::api

#pragma once
// A bound on what is in flight, shared fairly by those who use it.

#include <atomic>
#include <cstdint>

namespace posthorn::env {

/// What one user of a gate has in flight.
struct GateShare {
  std::atomic<std::int64_t> in_flight{0};
};

/// What is in flight over all users, in the unit of its owner (calls, bytes). A user may take
/// everything while others are quiet; when more than half is in use, nobody may hold more than an
/// equal share. Thread-safe and lock-free.
class FairGate {
 public:
  explicit FairGate(std::int64_t in_flight_max) : in_flight_max_(in_flight_max) {}

  enum class Answer : std::uint8_t { go, share_used, full };
  /// Whether this user may begin one more thing.
  [[nodiscard]] Answer ask(const GateShare& share) const;
  [[nodiscard]] std::int64_t in_flight() const {
    return in_flight_.load(std::memory_order_relaxed);
  }

  /// Counts `weight` while it lives. The gate and the share outlive it.
  class Pass {
   public:
    Pass(FairGate& gate, GateShare& share, std::int64_t weight = 1);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    FairGate& gate_;
    GateShare& share_;
    const std::int64_t weight_;
  };

 private:
  const std::int64_t in_flight_max_;
  std::atomic<std::int64_t> in_flight_{0};
  std::atomic<int> busy_{0};  ///< Users with something in flight.
};

}  // namespace posthorn::env

#include "env/fair_gate.h"

#include <algorithm>

namespace posthorn::env {

FairGate::Answer FairGate::ask(const GateShare& share) const {
  const std::int64_t in_flight = in_flight_.load(std::memory_order_relaxed);
  if (in_flight >= in_flight_max_) return Answer::full;
  if (in_flight < in_flight_max_ / 2) return Answer::go;
  const int busy = std::max(1, busy_.load(std::memory_order_relaxed));
  const std::int64_t own = share.in_flight.load(std::memory_order_relaxed);
  // A user that comes anew counts itself among those that share.
  const std::int64_t equal = in_flight_max_ / (own == 0 ? busy + 1 : busy);
  return own < std::max<std::int64_t>(1, equal) ? Answer::go : Answer::share_used;
}

FairGate::Pass::Pass(FairGate& gate, GateShare& share, std::int64_t weight)
    : gate_(gate), share_(share), weight_(weight) {
  gate_.in_flight_.fetch_add(weight_, std::memory_order_relaxed);
  if (share_.in_flight.fetch_add(weight_, std::memory_order_relaxed) == 0)
    gate_.busy_.fetch_add(1, std::memory_order_relaxed);
}

FairGate::Pass::~Pass() {
  gate_.in_flight_.fetch_sub(weight_, std::memory_order_relaxed);
  if (share_.in_flight.fetch_sub(weight_, std::memory_order_relaxed) == weight_)
    gate_.busy_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace posthorn::env

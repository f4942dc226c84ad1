#include "sim/plan.h"

namespace posthorn::sim {

Plan::Plan(std::uint64_t seed) {
  SimRandom random(seed, "plan");
  const auto maybe = [&random] { return random.chance(50); };
  peer_failures = maybe();
  peer_hangs = maybe();
  peer_throttles = maybe();
  peer_odd = maybe();
  peer_outages = maybe();
  store_slow = maybe();
  store_fails = maybe();
  store_full = maybe();
  crashes = maybe();
  clean_restarts = maybe();
  clock_jumps = maybe();
  poison = random.chance(30);
  two_owners = random.chance(30);
  edits = maybe();
  replays = maybe();
  ordering = maybe();
  rate_limits = maybe();
  bulk = random.chance(20);
  if (two_owners) clock_jumps = poison = false;  // The owners would have to agree on the time.

  endpoints = random.number(2, 6);
  publications = random.number(15, 45);
  load_span = random.span(5min, 90min);
  in_flight_max = random.chance(50) ? random.number(2, 8) : 64;
  per_target_max = random.chance(30) ? random.number(1, 3) : 64;
  drain_limit = random.span(0ms, 15s);
}

}  // namespace posthorn::sim

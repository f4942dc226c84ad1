#include "sim/plan.h"

#include <fmt/format.h>

#include <string_view>

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
  window_rows_max = random.chance(50) ? random.number(1, 4) : random.number(5, 40);
  reads_fail = random.chance(20);
}

std::string Plan::words() const {
  std::string words = fmt::format(
      "{} endpoints, {} publications in {}, {} at once, {} to a host, windows of {}", endpoints,
      publications, to_human(load_span), in_flight_max, per_target_max, window_rows_max);
  const auto add = [&words](bool on, std::string_view name) {
    if (on) words.append(", ").append(name);
  };
  add(peer_failures, "peer failures");
  add(peer_hangs, "peer hangs");
  add(peer_throttles, "peer throttles");
  add(peer_odd, "peer odd");
  add(peer_outages, "peer outages");
  add(store_slow, "store slow");
  add(store_fails, "store fails");
  add(store_full, "store full");
  add(reads_fail, "reads fail");
  add(crashes, "crashes");
  add(clean_restarts, "clean restarts");
  add(clock_jumps, "clock jumps");
  add(poison, "poison");
  add(two_owners, "two owners");
  add(edits, "edits");
  add(replays, "replays");
  add(ordering, "ordering");
  add(rate_limits, "rate limits");
  add(bulk, "bulk");
  return words;
}

}  // namespace posthorn::sim

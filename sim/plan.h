#pragma once
// What a seed puts into its world: which faults, how much work. Each kind of fault is off for about
// half of the seeds, so that none hides another.

#include <string>

#include "sim/random.h"

namespace posthorn::sim {

struct Plan {
  explicit Plan(std::uint64_t seed);
  /// What is on, for people.
  [[nodiscard]] std::string words() const;

  // The network.
  bool peer_failures = false;   ///< 5xx, refused and lost connections.
  bool peer_hangs = false;      ///< Never answers, or slowly.
  bool peer_throttles = false;  ///< 429 and 503 with Retry-After.
  bool peer_odd = false;        ///< 410, redirects.
  bool peer_outages = false;    ///< All endpoints of a peer fail for long.
  // The store.
  bool store_slow = false;
  bool store_fails = false;  ///< Single calls.
  bool store_full = false;   ///< Nothing is taken for a while.
  bool reads_fail = false;   ///< Many of the calls that only read.
  // The process and its machine.
  bool crashes = false;  ///< At any moment, and right before or after a commit.
  bool clean_restarts = false;
  bool clock_jumps = false;
  bool poison = false;      ///< Events whose sending kills the process.
  bool two_owners = false;  ///< Processes take shards from each other.
  // What people do.
  bool edits = false;  ///< Disable, enable, delete.
  bool replays = false;
  bool ordering = false;
  bool rate_limits = false;
  bool bulk = false;  ///< Fan-out past what a commit takes.

  int endpoints = 4;
  int publications = 40;
  Millis load_span{0};  ///< Publishing and faults go on for so long.
  int in_flight_max = 16;
  int per_target_max = 16;
  int window_rows_max = 16;
  Millis drain_limit{0};
};

}  // namespace posthorn::sim

#pragma once
// Faults that the simulator switches on, one at a time, to prove that it would find them
// (docs/simulation.md). Nothing else writes the switch: in production each question is one relaxed
// load of a constant.

#include <atomic>
#include <cstdint>

namespace posthorn {

/// What each of them breaks is said in sim/planted_bugs.cc.
enum class Planted : std::uint8_t {
  none,
  // decisions
  retry_early,
  retry_after_ignored,
  one_attempt_less,
  one_attempt_more,
  redirect_is_success,
  gone_ignored,
  burst_counts_each,
  success_keeps_count,
  disable_late,
  // requests
  body_changes,
  signature_of_less,
  event_loops,
  tells_itself,
  // records
  record_given_up,
  settled_before_commit,
  no_fence,
  disable_without_hold,
  disable_without_notice,
  exhausted_untold,
  cancelled_is_failure,
  stop_forgets_records,
  failures_forgotten,
  // restarts
  journal_not_ended,
  poison_never_parked,
  parked_at_once,
  // lanes
  wake_up_lost,
  fresh_ignored,
  read_forgets_arrivals,
  taken_early,
  order_ignored,
  blocking_head_ignored,
  overtaking_ignored,
  slot_not_passed_on,
  rate_ignored,
  concurrency_ignored,
  target_cap_ignored,
  slots_ignored,
  store_down_ignored,
  due_on_wall_clock,
  // people
  disabled_is_sent,
  enabled_stays_held,
  deleted_stays_pending,
  // publishing and the store
  deleted_stays_routed,
  edited_not_routed,
  disabled_not_routed,
  fan_out_not_finished,
  client_id_ignored,
  target_lost,
  dropped_is_due,
  count
};

inline std::atomic<Planted> planted_bug{Planted::none};

[[nodiscard]] inline bool planted(Planted bug) {
  return planted_bug.load(std::memory_order_relaxed) == bug;
}

}  // namespace posthorn

// Who may send next: lanes take turns; each has its share; the soonest wake-up is slept for.

#include <algorithm>

#include "deliver/engine_state.h"

#include "base/planted.h"

namespace posthorn::deliver {

namespace {
constexpr Millis closed_look = 1s;
}  // namespace

void Engine::State::make_ready(const LanePtr& lane) {
  if (lane->ready || lane->waits_for_target || lane->dropped || !lane->loaded) return;
  lane->ready = true;
  ready.push_back(lane);
}

void Engine::State::wake_at(const LanePtr& lane, Instant at) {
  if (lane->wake) wakes.erase({*lane->wake, lane->id});
  lane->wake = at;
  wakes.insert({at, lane->id});
  if (at < armed && !planted(Planted::wake_up_lost)) alarm.ring();
}

task<> Engine::State::keep_time() {
  while (!stopping) {
    const Instant at = now();
    while (!wakes.empty() && wakes.begin()->first <= at) {
      const auto lane = lanes.find(wakes.begin()->second);
      wakes.erase(wakes.begin());
      if (lane == lanes.end()) continue;
      lane->second->wake.reset();
      make_ready(lane->second);
    }
    pump();
    armed = wakes.empty() ? Instant{INT64_MAX} : wakes.begin()->first;
    const Instant until = std::min(armed, at + (store_closed ? closed_look : Millis(1h)));
    co_await alarm.wait_until(ports.timeline.tick_of(until));
    armed = Instant{INT64_MIN};
  }
}

bool Engine::State::takes_records() {
  if (planted(Planted::store_down_ignored)) return true;
  // Nothing tells when the store opens again.
  const bool was_closed = std::exchange(store_closed, !ports.store.accepting());
  if (store_closed && !was_closed) alarm.ring();
  return !store_down && !store_closed;
}

bool Engine::State::may_take(const LaneEntry& lane) const {
  // While half of all slots are free a lane may have what its own limits allow; after that its fair
  // share, so that lanes that hang cannot hold the rest.
  if (in_flight < config.in_flight_max / 2) return true;
  const int share = std::max(1, config.in_flight_max / std::max(1, busy_lanes + 1));
  return static_cast<int>(lane.queue.window().busy_count()) < share;
}

void Engine::State::pump() {
  // A coroutine that is spawned runs at once up to where it waits, and may come back here.
  pump_again = true;
  if (pumping) return;
  pumping = true;
  while (std::exchange(pump_again, false)) take_turns();
  pumping = false;
}

void Engine::State::take_turns() {
  if (paused || stopping) return;
  std::size_t without_progress = 0;
  while (!ready.empty() && without_progress < ready.size()) {
    if (!takes_records()) return;
    if (in_flight >= config.in_flight_max && !planted(Planted::slots_ignored)) return;
    // Bytes fall as attempts end; with none in flight, going on is what makes them fall.
    if (in_flight > 0 && payload->bytes > config.payload_bytes_max) return;
    const LanePtr lane = std::move(ready.front());
    ready.pop_front();
    lane->ready = false;
    if (lane->dropped) {
      if (lane->target) wake_waiting(*lane->target);
      continue;
    }
    if (!may_take(*lane)) {
      make_ready(lane);
      ++without_progress;
      continue;
    }
    without_progress = 0;
    if (visit(lane)) make_ready(lane);
  }
}

bool Engine::State::visit(const LanePtr& lane) {
  const Instant at = now();
  auto& queue = lane->queue;
  if (lane->target && lane->target->in_flight >= config.per_target_max &&
      !planted(Planted::target_cap_ignored)) {
    lane->waits_for_target = true;
    lane->target->waiting.push_back(lane);
    return false;
  }
  auto taken = queue.take(at);
  for (const auto key : queue.take_questions(at)) work.spawn("deliver.key", ask_key(lane, key));
  if (queue.wants_read(at, rows_max(*lane))) queue_read(lane);
  if (taken) {
    lane->active_at = at;
    begin(lane, *std::move(taken));
    show(*lane);
    return true;
  }
  if (const auto wake = queue.wake_at(at)) wake_at(lane, *wake);
  // It was woken for a slot that it does not use.
  if (lane->target && !planted(Planted::slot_not_passed_on)) wake_waiting(*lane->target);
  show(*lane);
  return false;
}

void Engine::State::show(const LaneEntry& lane) {
  LaneView view;
  const auto& pace = lane.queue.pace();
  view.in_flight = pace.in_flight();
  view.concurrency = pace.concurrency();
  view.waiting = static_cast<int>(lane.queue.waiting());
  view.next_probe_at = pace.next_probe_at();
  if (lane.queue.held()) {
    view.state = LaneState::held;
  } else if (pace.probing()) {
    view.state = LaneState::probing;
  } else if (view.in_flight > 0 || view.waiting > 0) {
    view.state = LaneState::flowing;
  }
  const std::lock_guard lock(views_mutex);
  views.insert_or_assign(lane.id, view);
}

void Engine::State::measure() {
  const Instant at = now();
  std::int64_t waiting = 0, probing = 0;
  Millis oldest{0};
  for (const auto& [id, lane] : lanes) {
    waiting += static_cast<std::int64_t>(lane->queue.waiting());
    if (lane->queue.pace().probing()) {
      ++probing;
      continue;
    }
    const auto& rows = lane->queue.window().rows();
    if (!rows.empty()) oldest = std::max(oldest, at - rows.begin()->first.due_at);
  }
  auto& metrics = ports.metrics;
  metrics.lanes.set(static_cast<std::int64_t>(lanes.size()));
  metrics.lanes_probing.set(probing);
  metrics.waiting.set(waiting);
  metrics.payload_bytes.set(static_cast<std::int64_t>(payload->bytes));
  metrics.oldest_due_age.set(oldest.count() / 1000);
}

}  // namespace posthorn::deliver

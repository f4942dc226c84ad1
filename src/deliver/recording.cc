// What came of the attempts, made durable. Attempts that end while a commit is under way share the
// next one. Nothing here is cancelled: stop() waits for it.

#include <boost/asio/this_coro.hpp>

#include <algorithm>

#include "base/planted.h"
#include "deliver/disable.h"
#include "deliver/engine_state.h"
#include "deliver/notices.h"
#include "model/names.h"

namespace posthorn::deliver {

namespace {

constexpr std::size_t group_max = 256;
constexpr Millis first_backoff = 100ms;
constexpr Millis longest_backoff = 5s;

bool may_work_later(Errc code) {
  if (planted(Planted::record_given_up)) return false;
  return code == Errc::unavailable || code == Errc::io || code == Errc::timed_out;
}

store::AttemptRecord record_of(const Outcome& outcome) {
  store::AttemptRecord record;
  record.attempt = outcome.attempt;
  record.state = outcome.verdict.state;
  if (outcome.attempt.retry_at) record.due_at = *outcome.attempt.retry_at;
  return record;
}

/// The attempt, and what it says about the delivery.
void add_record(store::Batch& batch, const Outcome& outcome) {
  batch.attempts.push_back(record_of(outcome));
  if (outcome.row.due.crashes == 0) return;
  store::DeliveryChange no_poison;
  no_poison.delivery = outcome.row.due.id;
  no_poison.crashes = 0;
  batch.changes.push_back(no_poison);
}

LaneEffect effect_of(const Outcome& outcome, const model::Lane& lane) {
  return count_attempt(lane, *outcome.endpoint, outcome.attempt.trigger, outcome.verdict.success,
                       outcome.started, outcome.ended);
}

AttemptNews news_of(const Outcome& outcome, const LaneEffect& effect) {
  return {*outcome.endpoint,     *outcome.row.event,   outcome.attempt,
          outcome.verdict.state, effect.lane.failures, effect.tell_failing};
}

}  // namespace

void Engine::State::start_recording() {
  if (std::exchange(recording, true)) return;
  records.spawn("deliver.record", record());
}

task<> Engine::State::record() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (!finished.empty() || !dirty.empty()) {
    if (stopping && planted(Planted::stop_forgets_records)) finished.clear();
    if (!dirty.empty()) co_await write_lanes();
    if (!finished.empty()) {
      auto group = next_group();
      co_await write_group(std::move(group));
    }
    pump();
  }
  recording = false;
}

task<Result<store::Applied>> Engine::State::apply_patiently(const store::Batch& batch) {
  Millis backoff = first_backoff;
  while (true) {
    auto applied = co_await ports.store.apply(batch);
    const bool again = !applied && may_work_later(applied.error().code) && !giving_up;
    if (!again) {
      store_down = false;
      co_return applied;
    }
    if (!std::exchange(store_down, true))
      ports.log.warning("deliver.record_waits", {{"why", applied.error().what}});
    ports.metrics.records_delayed.add();
    co_await record_alarm.wait_until(ports.clock.steady() + backoff);
    backoff = std::min(backoff * 2, longest_backoff);
  }
}

task<> Engine::State::write_lanes() {
  store::Batch batch;
  batch.epochs = epochs;
  for (const auto& lane : std::exchange(dirty, {})) {
    lane->dirty = false;
    if (lane->dropped) continue;
    auto row = lane->durable;
    row.next_due = lane->queue.held() ? Instant{0} : lane->queue.window().next_due();
    batch.lanes.push_back(row);
  }
  if (batch.lanes.empty()) co_return;
  const auto applied = co_await apply_patiently(batch);
  // Without this row the next process counts on from an older state of the lane: no more.
  if (!applied) ports.log.warning("deliver.lanes_unwritten", {{"why", applied.error().what}});
}

bool Engine::State::disables(const Outcome& outcome, const LaneEffect& effect) const {
  if (!outcome.verdict.gone && !effect.disable) return false;
  const auto endpoint = ports.routing.current()->endpoint(outcome.lane->id);
  return endpoint && endpoint->enabled && !outcome.lane->durable.held;
}

std::vector<Outcome> Engine::State::next_group() {
  std::vector<Outcome> group;
  std::map<EndpointId, model::Lane> counted_lanes;
  while (!finished.empty() && group.size() < group_max) {
    Outcome& next = finished.front();
    auto& lane = counted_lanes.try_emplace(next.lane->id, next.lane->durable).first->second;
    const auto effect = effect_of(next, lane);
    const bool alone = disables(next, effect);
    if (alone && !group.empty()) break;
    lane = effect.lane;
    group.push_back(std::move(next));
    finished.pop_front();
    if (alone) break;
  }
  return group;
}

task<> Engine::State::write_group(std::vector<Outcome> group) {
  if (group.size() == 1) {
    while (true) {
      const auto effect = effect_of(group.front(), group.front().lane->durable);
      if (!disables(group.front(), effect)) break;
      if (co_await write_disabling(group.front(), effect)) co_return;
    }
  }
  store::Batch batch;
  batch.epochs = epochs;
  const NoticeTime time{ports.clock.now(), now()};
  std::map<EndpointId, LaneEffect> effects;
  for (const auto& outcome : group) {
    auto& effect = effects[outcome.lane->id];
    if (!effect.lane.endpoint) effect.lane = outcome.lane->durable;
    const bool changed = effect.changed;
    effect = effect_of(outcome, effect.lane);
    add_record(batch, outcome);
    add_delivery_events(batch, news_of(outcome, effect), time, ports.publisher);
    effect.changed = effect.changed || changed;
  }
  for (auto& [id, effect] : effects) {
    if (!effect.changed) continue;
    const auto lane = lanes.find(id);
    if (lane != lanes.end()) effect.lane.next_due = lane->second->queue.window().next_due();
    batch.lanes.push_back(effect.lane);
  }
  if (planted(Planted::no_fence)) batch.epochs = nullptr;
  const auto applied = planted(Planted::settled_before_commit) ? co_await ports.store.apply(batch)
                                                               : co_await apply_patiently(batch);
  if (applied || planted(Planted::settled_before_commit)) {
    for (auto& outcome : group) {
      auto& durable = outcome.lane->durable;
      // Enabling or disabling that came during the commit has the last word on `held`.
      const bool held = durable.held;
      if (!outcome.lane->dirty) durable = effects[outcome.lane->id].lane;
      durable.held = held;
      settle(outcome);
    }
    co_return;
  }
  if (group.size() == 1) {
    lost(group.front(), applied.error());
    co_return;
  }
  // One of them was refused; alone, each gets its own answer.
  for (auto& outcome : group) {
    std::vector<Outcome> alone;
    alone.push_back(std::move(outcome));
    co_await write_group(std::move(alone));
  }
}

task<bool> Engine::State::write_disabling(Outcome& outcome, const LaneEffect& effect) {
  const auto& lane = outcome.lane;
  auto object = co_await ports.store.object(model::ObjectKind::endpoint, lane->id.value);
  if (!object) {
    if (giving_up || !may_work_later(object.error().code)) {
      lost(outcome, object.error());
      co_return true;
    }
    co_await record_alarm.wait_until(ports.clock.steady() + first_backoff);
    co_return false;
  }
  const auto endpoint = ports.routing.current()->endpoint(lane->id);
  if (!object->has_value() || !endpoint || !is_enabled((*object)->document)) {
    // Deleted or disabled by someone else; the routing table is about to say so. Recorded as any
    // other attempt.
    lane->durable.held = true;
    co_return false;
  }
  Disabling disabling;
  disabling.endpoint = endpoint.get();
  disabling.object = &**object;
  disabling.reason = outcome.verdict.gone ? model::DisabledReason::gone
                                          : model::DisabledReason::consecutive_failures;
  disabling.failures = effect.lane.failures;
  disabling.last = &outcome.attempt;
  disabling.hop = outcome.row.event->hop;
  disabling.time = {ports.clock.now(), now()};
  disabling.mail_to = config.admin_mails;

  store::Batch batch;
  batch.epochs = epochs;
  add_record(batch, outcome);
  add_delivery_events(batch, news_of(outcome, effect), disabling.time, ports.publisher);
  auto held = effect.lane;
  held.held = true;
  batch.lanes.push_back(held);
  add_disabling(batch, disabling, ports.publisher);
  const auto applied = co_await apply_patiently(batch);
  if (applied) {
    auto disabled = disabled_copy(disabling);
    for (const auto& stored : applied->objects)
      if (stored.kind == model::ObjectKind::endpoint) disabled.version = stored.version;
    ports.routing.upsert(std::make_shared<const model::Endpoint>(std::move(disabled)));
    lane->durable = held;
    ports.metrics.auto_disabled.add();
    ports.log.warning("endpoint.disabled", {{"endpoint", lane->id.text()},
                                            {"reason", model::to_string(disabling.reason)},
                                            {"failures", disabling.failures}});
    settle(outcome);
    if (!lane->dropped) look_at_endpoint(lane);
    co_return true;
  }
  if (applied.error().code != Errc::conflict) {
    lost(outcome, applied.error());
    co_return true;
  }
  const auto now_stored = co_await ports.store.object(model::ObjectKind::endpoint, lane->id.value);
  const bool edited = now_stored && (!now_stored->has_value() ||
                                     (*now_stored)->version != disabling.object->version);
  if (!edited) lost(outcome, applied.error());
  co_return !edited;
}

void Engine::State::settle(Outcome& outcome) {
  const LanePtr& lane = outcome.lane;
  auto& metrics = ports.metrics;
  std::optional<Row> again;
  const double age =
      static_cast<double>((ports.clock.now() - outcome.row.due.created_at).count()) / 1000;
  switch (outcome.verdict.state) {
    case model::DeliveryState::pending:
      again = outcome.row;
      again->due.attempts = outcome.attempt.number;
      again->due.due_at = *outcome.attempt.retry_at;
      again->due.crashes = 0;
      // A retry that is far away must not hold its payload.
      if (*outcome.verdict.retry_in > 5s) again->event = nullptr;
      break;
    case model::DeliveryState::succeeded:
      metrics.delivered.add();
      (outcome.attempt.number == 1 ? metrics.first_try : metrics.after_retry).observe(age);
      break;
    default:
      lane->queue.exhausted(outcome.row.due.key_hash);
      metrics.exhausted.add();
  }
  const bool left_pending = again.has_value();
  lane->queue.settled(outcome.row.due, std::move(again), now(), rows_max(*lane));
  if (lane->deleted && left_pending) start_cancelling(lane);
  --in_flight;
  metrics.in_flight.set(in_flight);
  make_ready(lane);
}

void Engine::State::lost(Outcome& outcome, const Error& error) {
  const LanePtr& lane = outcome.lane;
  ports.log.warning("deliver.attempt_unrecorded",
                    {{"delivery", outcome.attempt.delivery.text()}, {"why", error.what}});
  lane->queue.settled(outcome.row.due, std::nullopt, now(), rows_max(*lane));
  --in_flight;
  ports.metrics.in_flight.set(in_flight);
  if (error.code == Errc::stale_epoch) return drop_shard(store::shard_of(lane->id));
  if (lane->dropped) return;
  // Somebody changed the delivery meanwhile (cancelled it, say): the store knows what it is now.
  lane->queue.refresh();
  make_ready(lane);
}

}  // namespace posthorn::deliver

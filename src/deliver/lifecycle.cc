// Lanes that come, change and go with their endpoints and shards.

#include <algorithm>

#include "deliver/engine_state.h"

#include "base/planted.h"

namespace posthorn::deliver {

namespace {

constexpr int cancelled_per_commit = 256;
constexpr Millis idle_before_evicting = 60s;

std::string_view host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const auto bracket = url.find(']');
  const auto colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return url.substr(0, colon);
}

}  // namespace

LanePtr Engine::State::lane_of(EndpointId id) {
  auto& lane = lanes[id];
  if (lane) return lane;
  auto endpoint = ports.routing.current()->endpoint(id);
  const model::Endpoint unknown;
  lane = std::make_shared<LaneEntry>(
      id, LaneQueue(endpoint ? *endpoint : unknown, config.retry_probe_gap_max, 0));
  lane->durable.endpoint = id;
  lane->active_at = now();
  queue_read(lane);
  return lane;
}

void Engine::State::look_at_endpoint(const LanePtr& lane) {
  const auto before = lane->endpoint;
  lane->endpoint = ports.routing.current()->endpoint(lane->id);
  lane->deleted = !lane->endpoint;
  if (lane->deleted) {
    if (!lane->queue.held()) lane->queue.hold();
    start_cancelling(lane);
    return show(*lane);
  }
  const auto& endpoint = *lane->endpoint;
  move_to_target(lane, host_of(endpoint.url));
  if (!endpoint.enabled && !planted(Planted::disabled_is_sent)) {
    if (!lane->queue.held()) lane->queue.hold();
    if (!lane->durable.held) {
      lane->durable.held = true;
      mark_dirty(lane);
    }
    return show(*lane);
  }
  if (lane->durable.held) {
    // Enabled again, perhaps while no process ran: its failures are history.
    lane->durable.held = false;
    lane->durable.failures = 0;
    lane->durable.first_failure_at = {};
    lane->durable.failing_told = false;
    mark_dirty(lane);
  }
  if (lane->queue.held()) {
    lane->queue.configure(endpoint);
    if (!planted(Planted::enabled_stays_held)) lane->queue.release();
  } else if (!before) {
    lane->queue = LaneQueue(endpoint, config.retry_probe_gap_max, lane->durable.failures);
  } else {
    lane->queue.configure(endpoint);
  }
  make_ready(lane);
}

void Engine::State::move_to_target(const LanePtr& lane, std::string_view host) {
  auto& place = targets[std::string(host)];
  if (!place) place = std::make_shared<Target>();
  const auto target = place;
  const auto old = std::exchange(lane->target, target);
  if (!old || old == target) return;
  // What is in flight will be given back to the new target.
  const int moving = lane->queue.pace().in_flight();
  old->in_flight -= moving;
  target->in_flight += moving;
  if (std::exchange(lane->waits_for_target, false)) std::erase(old->waiting, lane);
  // Slots that became free, and the one that the lane may just have been woken for.
  for (int slot = 0; slot <= moving; ++slot) wake_waiting(*old);
}

void Engine::State::look_for_edits() {
  // Whoever edits tells the engine, but may die before that, on another node for instance.
  const auto routing = ports.routing.current();
  std::vector<LanePtr> edited;
  for (const auto& [id, lane] : lanes)
    if (lane->loaded && lane->endpoint != routing->endpoint(id)) edited.push_back(lane);
  for (const auto& lane : edited) look_at_endpoint(lane);
}

void Engine::State::mark_dirty(const LanePtr& lane) {
  if (std::exchange(lane->dirty, true)) return;
  dirty.push_back(lane);
  start_recording();
}

void Engine::State::start_cancelling(const LanePtr& lane) {
  if (lane->cancelling || stopping || planted(Planted::deleted_stays_pending)) return;
  lane->cancelling = true;
  work.spawn("deliver.cancel", cancel_deleted(lane));
}

task<> Engine::State::cancel_deleted(LanePtr lane) {
  const auto again_later = [this, &lane] {
    lane->cancelling = false;
    // The next sweep finds the lane in the store and looks at it again.
    ports.log.warning("deliver.cancel_waits", {{"endpoint", lane->id.text()}});
  };
  // The routing table alone is no proof: it may not have been filled yet.
  const auto object = co_await ports.store.object(model::ObjectKind::endpoint, lane->id.value);
  if (!object) {
    again_later();
    co_return;
  }
  if (object->has_value()) {
    lane->cancelling = false;
    co_return;
  }
  store::DueCursor cursor;
  while (!stopping) {
    const auto found =
        co_await ports.store.due(lane->id, cursor, Instant{INT64_MAX}, cancelled_per_commit);
    if (!found) {
      again_later();
      co_return;
    }
    store::Batch batch;
    batch.epochs = epochs;
    for (const auto& due : *found) {
      cursor = {due.due_at, due.id};
      if (lane->queue.window().busy(due.id)) continue;  // Its record decides.
      store::DeliveryChange change;
      change.delivery = due.id;
      change.only_if = model::DeliveryState::pending;
      change.state = model::DeliveryState::cancelled;
      batch.changes.push_back(change);
    }
    const auto count = batch.changes.size();
    if (count > 0) {
      const auto applied = co_await ports.store.apply(std::move(batch));
      if (!applied) {
        again_later();
        co_return;
      }
      ports.metrics.cancelled.add(count);
    }
    if (found->size() < static_cast<std::size_t>(cancelled_per_commit)) break;
  }
  lane->cancelling = false;
}

task<> Engine::State::evict_idle() {
  const Instant at = now();
  std::vector<LanePtr> idle;
  store::Batch batch;
  batch.epochs = epochs;
  for (const auto& [id, lane] : lanes) {
    const bool busy = !lane->loaded || !lane->queue.quiet() || lane->read_queued || lane->dirty ||
                      lane->cancelling || lane->ready || lane->waits_for_target;
    if (busy || lane->active_at + idle_before_evicting > at) continue;
    // A held lane's rows are in the store alone; its window knows nothing of them.
    if (lane->queue.held() && !lane->deleted) continue;
    const auto next = lane->queue.window().next_due();
    if (lane->queue.window().rows().size() > 0) continue;
    if (!lane->deleted && next && *next <= at + idle_before_evicting) continue;
    idle.push_back(lane);
    auto row = lane->durable;
    row.next_due = lane->deleted ? std::nullopt : next;
    batch.lanes.push_back(row);
  }
  if (idle.empty()) co_return;
  const auto applied = co_await ports.store.apply(std::move(batch));
  if (!applied) {
    ports.log.warning("deliver.lanes_unwritten", {{"why", applied.error().what}});
    co_return;
  }
  for (const auto& lane : idle) {
    if (lane->active_at > at || !lane->queue.quiet() || lane->queue.waiting() > 0 || lane->ready ||
        lane->read_queued || lane->dirty)
      continue;
    // A delivery that came during the commit lowered the stored next due time again, but was told
    // to this entry alone.
    const auto next = lane->queue.window().next_due();
    if (!lane->deleted && next && *next <= now() + idle_before_evicting) continue;
    lane->dropped = true;
    if (lane->wake) wakes.erase({*lane->wake, lane->id});
    lanes.erase(lane->id);
    const std::lock_guard lock(views_mutex);
    views.erase(lane->id);
  }
  std::erase_if(targets, [](const auto& entry) { return entry.second.use_count() == 1; });
}

void Engine::State::drop_shard(int shard) {
  if (!std::exchange(owned[static_cast<std::size_t>(shard)], false)) return;
  ports.log.warning("deliver.shard_lost", {{"shard", shard}});
  std::erase(shards, shard);
  for (auto entry = lanes.begin(); entry != lanes.end();) {
    const LanePtr lane = entry->second;
    if (store::shard_of(lane->id) != shard) {
      ++entry;
      continue;
    }
    lane->dropped = true;
    lane->queue.hold();
    if (lane->wake) wakes.erase({*lane->wake, lane->id});
    entry = lanes.erase(entry);
    const std::lock_guard lock(views_mutex);
    views.erase(lane->id);
  }
}

}  // namespace posthorn::deliver

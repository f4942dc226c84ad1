#include <algorithm>
#include <bitset>

#include "base/planted.h"
#include "store/memory/filters.h"
#include "store/memory/state.h"

namespace posthorn::store {

using model::DeliveryState;

namespace {

Due due_of(const model::Delivery& delivery) {
  return {.id = delivery.id,
          .event = delivery.event,
          .due_at = delivery.due_at,
          .created_at = delivery.created_at,
          .attempts = delivery.attempts,
          .crashes = delivery.crashes,
          .key_hash = delivery.key_hash,
          .trigger = delivery.trigger,
          .replay_of = delivery.replay_of};
}

}  // namespace

task<Result<std::vector<Due>>> MemoryStore::due(EndpointId endpoint, DueCursor cursor,
                                                Instant until, int limit) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  std::vector<Due> found;
  const auto queue = tables.pending.find(endpoint);
  if (queue == tables.pending.end()) co_return found;
  for (auto at = queue->second.upper_bound({cursor.due_at, cursor.id});
       at != queue->second.end() && at->first <= until && std::ssize(found) < limit; ++at)
    if (!tables.is_dropped(endpoint, at->second) || planted(Planted::dropped_is_due))
      found.push_back(due_of(tables.deliveries.at(at->second).delivery));
  co_return found;
}

task<Result<std::vector<Due>>> MemoryStore::pending_of_key(EndpointId endpoint,
                                                           std::uint64_t key_hash,
                                                           DeliveryId before, int limit) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  std::vector<Due> found;
  const auto key = tables.of_key.find({endpoint, key_hash});
  if (key == tables.of_key.end()) co_return found;
  for (const DeliveryId id : key->second) {
    if (id >= before || std::ssize(found) >= limit) break;
    const auto seen = tables.seen(tables.deliveries.at(id));
    if (seen.state == DeliveryState::pending) found.push_back(due_of(seen));
  }
  co_return found;
}

task<Result<std::optional<DeliveryId>>> MemoryStore::blocking_head(EndpointId endpoint,
                                                                   std::uint64_t key_hash) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  std::optional<DeliveryId> head;
  const auto key = tables.of_key.find({endpoint, key_hash});
  if (key == tables.of_key.end()) co_return head;
  for (const DeliveryId id : key->second) {
    const auto& row = tables.deliveries.at(id);
    if (row.delivery.state != DeliveryState::exhausted || row.resolved) continue;
    head = id;
    break;
  }
  co_return head;
}

task<Result<std::optional<Instant>>> MemoryStore::earliest_due(EndpointId endpoint) {
  const std::lock_guard lock(state_->mutex);
  co_return state_->tables->earliest_pending(endpoint);
}

task<Result<std::vector<model::Lane>>> MemoryStore::lanes_due(Instant until,
                                                              std::vector<int> shards, int limit,
                                                              std::optional<model::Lane> after) {
  std::bitset<shard_count> wanted;
  for (const int shard : shards)
    if (shard >= 0 && shard < shard_count) wanted.set(static_cast<std::size_t>(shard));
  const auto place = [](const model::Lane& lane) {
    return std::pair(*lane.next_due, lane.endpoint);
  };
  std::vector<model::Lane> found;
  const std::lock_guard lock(state_->mutex);
  for (const auto& [endpoint, lane] : state_->tables->lanes) {
    if (!lane.next_due || *lane.next_due > until) continue;
    if (!wanted.test(static_cast<std::size_t>(shard_of(endpoint)))) continue;
    if (after && after->next_due && place(lane) <= place(*after)) continue;
    found.push_back(lane);
  }
  std::ranges::sort(found, {}, place);
  if (std::ssize(found) > limit) found.resize(static_cast<std::size_t>(std::max(limit, 0)));
  co_return found;
}

task<Result<std::optional<model::Lane>>> MemoryStore::lane(EndpointId endpoint) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->lanes.find(endpoint);
  if (found == state_->tables->lanes.end()) co_return std::nullopt;
  co_return found->second;
}

task<Result<std::vector<model::HeldInterval>>> MemoryStore::held(EndpointId endpoint) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->held.find(endpoint);
  if (found == state_->tables->held.end()) co_return std::vector<model::HeldInterval>{};
  co_return found->second;
}

task<Result<std::vector<EventPtr>>> MemoryStore::events(std::vector<EventId> ids) {
  const std::lock_guard lock(state_->mutex);
  std::vector<EventPtr> found;
  for (const EventId id : ids)
    if (const auto event = state_->tables->events.find(id); event != state_->tables->events.end())
      found.push_back(event->second);
  co_return found;
}

task<Result<std::optional<EventId>>> MemoryStore::event_by_client_id(WorkspaceId workspace,
                                                                     std::string client_id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->client_keys.find({workspace, client_id});
  if (found == state_->tables->client_keys.end()) co_return std::nullopt;
  co_return found->second.event;
}

task<Result<Found<EventPtr>>> MemoryStore::list_events(EventFilter filter, Page page) {
  const std::lock_guard lock(state_->mutex);
  co_return scan_page<EventPtr>(state_->tables->events, page, [&filter](const EventPtr& event) {
    return matches(filter, *event) ? std::optional(event) : std::nullopt;
  });
}

task<Result<std::optional<model::Delivery>>> MemoryStore::delivery(DeliveryId id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->deliveries.find(id);
  if (found == state_->tables->deliveries.end()) co_return std::nullopt;
  co_return state_->tables->seen(found->second);
}

task<Result<Found<model::Delivery>>> MemoryStore::list_deliveries(DeliveryFilter filter,
                                                                  Page page) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  co_return scan_page<model::Delivery>(
      tables.deliveries, page, [&](const DeliveryRow& row) -> std::optional<model::Delivery> {
        auto delivery = tables.seen(row);
        const auto event = tables.events.find(delivery.event);
        const std::string_view type =
            event == tables.events.end() ? std::string_view{} : event->second->type;
        if (!matches(filter, delivery, type)) return std::nullopt;
        return delivery;
      });
}

task<Result<std::vector<model::Attempt>>> MemoryStore::attempts(DeliveryId id) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  std::vector<model::Attempt> found;
  const auto row = tables.deliveries.find(id);
  if (row == tables.deliveries.end()) co_return found;
  for (AttemptId next = row->second.delivery.last_attempt; next;) {
    const auto attempt = tables.attempts.find(next);
    if (attempt == tables.attempts.end()) break;  // Retention took this one and those before it.
    found.push_back(attempt->second);
    next = attempt->second.previous;
  }
  std::ranges::reverse(found);
  co_return found;
}

task<Result<Found<model::Attempt>>> MemoryStore::list_attempts(std::optional<EndpointId> endpoint,
                                                               Page page) {
  const std::lock_guard lock(state_->mutex);
  co_return scan_page<model::Attempt>(
      state_->tables->attempts, page, [endpoint](const model::Attempt& attempt) {
        return !endpoint || attempt.endpoint == *endpoint ? std::optional(attempt) : std::nullopt;
      });
}

task<Result<std::optional<model::Object>>> MemoryStore::object(model::ObjectKind kind,
                                                               std::uint64_t id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->objects.find(id);
  if (found == state_->tables->objects.end() || found->second.kind != kind) co_return std::nullopt;
  co_return found->second;
}

task<Result<std::optional<model::Object>>> MemoryStore::object_by_name(model::ObjectKind kind,
                                                                       WorkspaceId workspace,
                                                                       std::string name) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->names.find({kind, workspace, name});
  if (found == state_->tables->names.end()) co_return std::nullopt;
  co_return state_->tables->objects.at(found->second);
}

task<Result<Found<model::Object>>> MemoryStore::list_objects(model::ObjectKind kind,
                                                             ObjectFilter filter, Page page) {
  const std::lock_guard lock(state_->mutex);
  co_return scan_page<model::Object>(
      state_->tables->objects, page, [&](const model::Object& object) {
        return object.kind == kind && matches(filter, object) ? std::optional(object)
                                                              : std::nullopt;
      });
}

task<Result<Found<model::AuditEntry>>> MemoryStore::list_audit(std::optional<WorkspaceId> workspace,
                                                               Page page) {
  const std::lock_guard lock(state_->mutex);
  co_return scan_page<model::AuditEntry>(
      state_->tables->audit, page, [workspace](const model::AuditEntry& entry) {
        return !workspace || entry.workspace == *workspace ? std::optional(entry) : std::nullopt;
      });
}

}  // namespace posthorn::store

#include "store/memory/tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::store {

using model::DeliveryState;

namespace {

bool stands_in_key(const model::Delivery& delivery) {
  return delivery.key_hash != 0 &&
         (delivery.state == DeliveryState::pending || delivery.state == DeliveryState::exhausted);
}

}  // namespace

bool MemoryTables::is_dropped(EndpointId endpoint, DeliveryId id) const {
  const auto found = held.find(endpoint);
  if (found == held.end()) return false;
  return std::ranges::any_of(found->second, [id](const model::HeldInterval& interval) {
    return interval.until && interval.recover_from && interval.from <= id &&
           id < *interval.recover_from;
  });
}

model::Delivery MemoryTables::seen(const DeliveryRow& row) const {
  model::Delivery delivery = row.delivery;
  if (delivery.state == DeliveryState::pending && is_dropped(delivery.endpoint, delivery.id))
    delivery.state = DeliveryState::cancelled;
  return delivery;
}

std::optional<Instant> MemoryTables::earliest_pending(EndpointId endpoint) const {
  const auto found = pending.find(endpoint);
  if (found == pending.end()) return std::nullopt;
  for (const auto& [due, id] : found->second)
    if (!is_dropped(endpoint, id)) return due;
  return std::nullopt;
}

void MemoryTables::link(const model::Delivery& delivery) {
  if (delivery.state == DeliveryState::pending) {
    pending[delivery.endpoint].emplace(delivery.due_at, delivery.id);
    lower_lane(delivery.endpoint, delivery.due_at);
  }
  if (stands_in_key(delivery)) of_key[{delivery.endpoint, delivery.key_hash}].insert(delivery.id);
}

void MemoryTables::unlink(const model::Delivery& delivery) {
  if (delivery.state == DeliveryState::pending) {
    const auto queue = pending.find(delivery.endpoint);
    queue->second.erase({delivery.due_at, delivery.id});
    if (queue->second.empty()) pending.erase(queue);
  }
  if (stands_in_key(delivery)) {
    const auto key = of_key.find({delivery.endpoint, delivery.key_hash});
    key->second.erase(delivery.id);
    if (key->second.empty()) of_key.erase(key);
  }
}

void MemoryTables::insert(DeliveryRow row) {
  of_event[row.delivery.event].insert(row.delivery.id);
  const auto place = deliveries.emplace(row.delivery.id, std::move(row)).first;
  link(place->second.delivery);
}

void MemoryTables::erase(DeliveryId id) {
  const auto found = deliveries.find(id);
  if (found == deliveries.end()) return;
  unlink(found->second.delivery);
  const auto siblings = of_event.find(found->second.delivery.event);
  siblings->second.erase(id);
  if (siblings->second.empty()) of_event.erase(siblings);
  deliveries.erase(found);
}

void MemoryTables::lower_lane(EndpointId endpoint, Instant due) {
  auto& lane = lanes[endpoint];
  lane.endpoint = endpoint;
  if (!lane.next_due || *lane.next_due > due) lane.next_due = due;
}

void MemoryTables::unlink(const model::ReceivedRequest& request) {
  if (request.state != model::RequestState::received) return;
  const auto queue = received.find(request.source);
  queue->second.erase({request.due_at, request.id});
  if (queue->second.empty()) received.erase(queue);
}

void MemoryTables::insert(RequestRow row) {
  const auto& request = *row.request;
  if (request.state == model::RequestState::received)
    received[request.source].emplace(request.due_at, request.id);
  for (const auto& key : row.keys) request_keys[{request.source, key}] = request.id;
  requests.emplace(request.id, std::move(row));
}

void MemoryTables::replace(const RequestPtr& request) {
  auto& row = requests.at(request->id);
  unlink(*row.request);
  row.request = request;
  if (request->state == model::RequestState::received)
    received[request->source].emplace(request->due_at, request->id);
}

void MemoryTables::erase(RequestId id) {
  const auto row = requests.find(id);
  if (row == requests.end()) return;
  const auto& request = *row->second.request;
  unlink(request);
  for (const auto& key : row->second.keys) {
    const auto place = request_keys.find({request.source, key});
    if (place != request_keys.end() && place->second == id) request_keys.erase(place);
  }
  requests.erase(row);
}

RequestPtr without_body(const model::ReceivedRequest& request) {
  auto bare = std::make_shared<model::ReceivedRequest>(request);
  bare->body = nullptr;
  return bare;
}

std::string audit_hash_of(const model::AuditEntry& entry) {
  return to_hex(crypto::sha256(
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", entry.previous_hash, entry.id.value,
                  entry.workspace.value, entry.at.unix_ms, entry.actor, entry.action, entry.object,
                  entry.before_hash, entry.after_hash, entry.request_id)));
}

}  // namespace posthorn::store

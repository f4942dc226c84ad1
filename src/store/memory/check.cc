#include <fmt/format.h>

#include <algorithm>

#include "store/memory/tables.h"

namespace posthorn::store {

using model::DeliveryState;

namespace {

using Faults = std::vector<std::string>;

void check_lanes(const MemoryTables& tables, Faults& faults) {
  for (const auto& [endpoint, queue] : tables.pending) {
    const auto earliest = tables.earliest_pending(endpoint);
    if (!earliest) continue;
    const auto lane = tables.lanes.find(endpoint);
    if (lane == tables.lanes.end() || !lane->second.next_due || *lane->second.next_due > *earliest)
      faults.push_back(fmt::format("{}: its lane is due after {} pending deliveries are",
                                   endpoint.text(), queue.size()));
  }
}

void check_attempts(const MemoryTables& tables, const model::Delivery& delivery, Faults& faults) {
  int expected = delivery.attempts;
  for (AttemptId next = delivery.last_attempt; next;) {
    const auto found = tables.attempts.find(next);
    if (found == tables.attempts.end()) return;  // Retention takes the oldest.
    if (found->second.delivery != delivery.id || found->second.number != expected--)
      faults.push_back(
          fmt::format("{}: its chain is broken at {}", delivery.id.text(), next.text()));
    next = found->second.previous;
  }
  if (expected != 0)
    faults.push_back(
        fmt::format("{}: {} of its attempts are not in its chain", delivery.id.text(), expected));
}

void check_deliveries(const MemoryTables& tables, Faults& faults) {
  for (const auto& [id, row] : tables.deliveries) {
    if (!tables.events.contains(row.delivery.event))
      faults.push_back(fmt::format("{}: its event is not there", id.text()));
    if (id.value >= tables.next_delivery)
      faults.push_back(fmt::format("{}: its id was not given yet", id.text()));
    check_attempts(tables, row.delivery, faults);
  }
}

void check_fan_out(const MemoryTables& tables, Faults& faults) {
  for (const auto& [id, event] : tables.events) {
    const auto expansion = tables.expansions.find(id);
    const std::uint64_t end = event->first_delivery.value + event->fan_out;
    const std::uint64_t made =
        expansion == tables.expansions.end() ? end : expansion->second.next.value;
    for (std::uint64_t next = event->first_delivery.value; next < made; ++next) {
      const auto found = tables.deliveries.find(DeliveryId{next});
      if (found == tables.deliveries.end() || found->second.delivery.event != id)
        faults.push_back(fmt::format("{}: its delivery {} is not there", id.text(), next));
    }
    if (expansion != tables.expansions.end() && made + expansion->second.targets.size() != end)
      faults.push_back(fmt::format("{}: its expansion does not end where it should", id.text()));
  }
}

void check_audit(const MemoryTables& tables, Faults& faults) {
  const std::string* previous = nullptr;
  for (const auto& [id, entry] : tables.audit) {
    if (audit_hash_of(entry) != entry.hash)
      faults.push_back(fmt::format("{}: it was changed", id.text()));
    if (previous != nullptr && entry.previous_hash != *previous)
      faults.push_back(fmt::format("{}: the chain is broken before it", id.text()));
    previous = &entry.hash;
  }
}

void check_objects(const MemoryTables& tables, Faults& faults) {
  std::size_t named = 0;
  for (const auto& [id, object] : tables.objects) {
    if (object.name.empty()) continue;
    ++named;
    const auto found = tables.names.find({object.kind, object.workspace, object.name});
    if (found == tables.names.end() || found->second != id)
      faults.push_back(fmt::format("object {}: its name leads elsewhere", id));
  }
  if (named != tables.names.size())
    faults.push_back(fmt::format("{} names for {} documents", tables.names.size(), named));
}

void check_requests(const MemoryTables& tables, Faults& faults) {
  std::size_t waiting = 0, queued = 0;
  for (const auto& [id, row] : tables.requests) {
    const auto& request = *row.request;
    if (id.value >= tables.next_request)
      faults.push_back(fmt::format("{}: its id was not given yet", id.text()));
    if (request.state > model::RequestState::answered)
      faults.push_back(fmt::format("{}: its state is out of range", id.text()));
    if (request.state == model::RequestState::duplicate &&
        (!request.duplicate_of || request.duplicate_of == id))
      faults.push_back(fmt::format("{}: it is a duplicate of nothing else", id.text()));
    if (request.duplicate_of > tables.requests_gone &&
        !tables.requests.contains(request.duplicate_of))
      faults.push_back(fmt::format("{}: what it is a duplicate of is not there", id.text()));
    for (const auto& key : row.keys) {
      const auto found = tables.request_keys.find({request.source, key});
      if (found == tables.request_keys.end() || found->second < id)
        faults.push_back(fmt::format("{}: its key is not registered", id.text()));
    }
    if (request.state != model::RequestState::received) continue;
    ++waiting;
    const auto queue = tables.received.find(request.source);
    if (queue == tables.received.end() || !queue->second.contains({request.due_at, id}))
      faults.push_back(fmt::format("{}: the queue does not have it", id.text()));
  }
  for (const auto& [source, queue] : tables.received) queued += queue.size();
  if (queued != waiting)
    faults.push_back(fmt::format("{} requests are queued and {} wait", queued, waiting));
  for (const auto& [key, id] : tables.request_keys) {
    const auto found = tables.requests.find(id);
    if (found == tables.requests.end() || found->second.request->source != key.first ||
        std::ranges::find(found->second.keys, key.second) == found->second.keys.end())
      faults.push_back(fmt::format("{}: a key names it that it did not claim", id.text()));
  }
}

}  // namespace

std::vector<std::string> MemoryTables::faults() const {
  Faults found;
  check_lanes(*this, found);
  check_deliveries(*this, found);
  check_fan_out(*this, found);
  check_audit(*this, found);
  check_objects(*this, found);
  check_requests(*this, found);
  return found;
}

}  // namespace posthorn::store

#include "sim/oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/audience.h"

namespace posthorn::sim {

using model::DeliveryState;

void Oracle::blame(std::string what) {
  digest_.add(what);
  if (verdict_.empty()) verdict_ = std::move(what);
}

void Oracle::leased(const Life& life, const std::vector<int>& shards) {
  for (const int shard : shards) owners_[static_cast<std::size_t>(shard)] = life.number;
  digest_.add("leased", static_cast<std::uint64_t>(life.number), shards.size());
}

bool Oracle::owns(const Life& life, EndpointId endpoint) const {
  return owner(store::shard_of(endpoint)) == life.number;
}

void Oracle::started(Life& life, const std::vector<DeliveryId>& leftovers) {
  digest_.add("started", static_cast<std::uint64_t>(life.number), leftovers.size());
  // What was settled all the same needs no count.
  for (const DeliveryId id : leftovers) truth_.deliveries[id].fell = false;
}

void Oracle::died(Life& life) {
  digest_.add("died", static_cast<std::uint64_t>(life.number));
  for (auto& [id, known] : truth_.deliveries) {
    const auto made = known.last_of.find(life.number);
    if (made != known.last_of.end() && made->second.in_flight) known.fell = true;
  }
}

void Oracle::stopped(Life& life) {
  digest_.add("stopped", static_cast<std::uint64_t>(life.number));
  for (auto& [id, known] : truth_.deliveries) {
    const auto made = known.last_of.find(life.number);
    if (made == known.last_of.end()) continue;
    const auto& last = made->second;
    const auto& row = tables_->deliveries.at(id);
    if (last.returned && !last.recorded && !life.saw_store_faults &&
        owns(life, row.delivery.endpoint) && tables_->seen(row).state == DeliveryState::pending)
      blame(fmt::format("G7: {}: its end was not recorded before the process stopped", id.text()));
  }
}

std::vector<EndpointId> Oracle::reached_by(EventId event) const {
  std::vector<EndpointId> reached;
  const auto made = tables_->of_event.find(event);
  if (made == tables_->of_event.end()) return reached;
  for (const DeliveryId id : made->second) {
    const auto& delivery = tables_->deliveries.at(id).delivery;
    if (!delivery.replay_of) reached.push_back(delivery.endpoint);
  }
  return reached;
}

void Oracle::judge_end() {
  for (const auto& fault : tables_->faults()) blame("fsck: " + fault);
  for (const auto& promise : truth_.promises) {
    const auto event = tables_->events.find(promise.event);
    if (event == tables_->events.end()) {
      blame(fmt::format("G1: {} was acknowledged and is lost", promise.event.text()));
      continue;
    }
    if (*event->second->data != promise.data)
      blame(fmt::format("G1: the data of {} is not what was acknowledged", promise.event.text()));
    if (!truth_.audiences.contains(promise.event))
      blame(fmt::format("G1: {} was acknowledged and no call committed it", promise.event.text()));
    if (const auto got = reached_by(promise.event); got.size() != promise.fan_out)
      blame(fmt::format("G1: {} has {} deliveries, {} were acknowledged", promise.event.text(),
                        got.size(), promise.fan_out));
  }
  for (const auto& [id, audience] : truth_.audiences)
    if (const auto wrong = mismatch(audience, reached_by(id)); !wrong.empty())
      blame(fmt::format("G1: {} {}", id.text(), wrong));
  std::set<std::string> client_ids;
  for (const auto& [id, event] : tables_->events)
    if (!event->client_id.empty() && !client_ids.insert(event->client_id).second)
      blame(fmt::format("G1: the client id {} has two events", event->client_id));

  for (const auto& [id, row] : tables_->deliveries) {
    const auto seen = tables_->seen(row);
    const auto& endpoint = truth_.endpoints.at(seen.endpoint);
    const auto& known = truth_.deliveries[id];
    const auto name = id.text();
    if (seen.state == DeliveryState::pending)
      blame(
          fmt::format("G6: {} (of {}, process {}) waits for ever: {} attempts, {} past its time, "
                      "key {:x}",
                      name, seen.endpoint.text(), owner(store::shard_of(seen.endpoint)),
                      seen.attempts, to_human(tables_->moment - seen.due_at), seen.key_hash));
    if (seen.state == DeliveryState::succeeded && known.good_answers == 0)
      blame(fmt::format("G6: {} is called delivered and its peer never took it", name));
    if (seen.state == DeliveryState::cancelled && !endpoint.deleted && !endpoint.asked_to_drop)
      blame(fmt::format("G6: {} was cancelled and nobody asked for it", name));
    if (seen.state == DeliveryState::parked && !plan_.poison && !plan_.crashes)
      blame(fmt::format("G6: {} was parked without a crash", name));
  }
  std::map<EndpointId, std::uint64_t> told;
  std::uint64_t events = 0, expected = 0;
  for (const auto& [id, event] : tables_->events)
    if (event->type == "endpoint.disabled") ++events;
  for (const auto& [id, endpoint] : truth_.endpoints) expected += endpoint.auto_disabled;
  if (events != expected)
    blame(fmt::format("G10: {} endpoints were disabled and {} notices made", expected, events));
}

}  // namespace posthorn::sim

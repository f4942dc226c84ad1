#include <algorithm>

#include "store/memory/apply.h"

#include "base/planted.h"

namespace posthorn::store {

using model::DeliveryState;

EventReceipt MemoryApply::append(NewEvent& fresh) {
  const auto client_key = std::pair(fresh.event.workspace, fresh.event.client_id);
  if (!fresh.event.client_id.empty()) {
    const auto known = tables_.client_keys.find(client_key);
    if (known != tables_.client_keys.end() && !planted(Planted::client_id_ignored)) {
      const auto& event = *tables_.events.at(known->second.event);
      const bool same = known->second.digest == fresh.content_digest;
      return {.id = event.id,
              .position = event.position,
              .first_delivery = event.first_delivery,
              .fan_out = event.fan_out,
              .sequence = event.sequence,
              .duplicate = same,
              .conflict = !same};
    }
  }

  auto event = std::make_shared<model::Event>(std::move(fresh.event));
  event->id = EventId{tables_.next_event++};
  event->position = static_cast<std::int64_t>(event->id.value);
  event->fan_out = static_cast<std::uint32_t>(fresh.targets.size());
  event->first_delivery = DeliveryId{tables_.next_delivery};
  tables_.next_delivery += event->fan_out;
  event->sequence.reset();
  if (!event->key.empty()) event->sequence = ++tables_.sequences[{event->workspace, event->key}];
  if (!event->client_id.empty())
    tables_.client_keys.emplace(client_key, ClientKey{event->id, fresh.content_digest});
  tables_.events.emplace(event->id, event);
  notice_.events.push_back(event);

  std::size_t inline_count = std::min(fresh.targets.size(), fan_out_inline_max);
  if (planted(Planted::target_lost) && fresh.targets.size() == 2) inline_count = 1;
  DeliveryId next = event->first_delivery;
  for (std::size_t i = 0; i < inline_count; ++i, ++next.value)
    make_delivery(event, next, fresh.targets[i]);
  if (fan_out_inline_max < fresh.targets.size()) {
    const auto rest = fresh.targets.begin() + static_cast<std::ptrdiff_t>(inline_count);
    tables_.expansions.emplace(event->id, Expansion{next, {rest, fresh.targets.end()}});
  }
  return {.id = event->id,
          .position = event->position,
          .first_delivery = event->first_delivery,
          .fan_out = event->fan_out,
          .sequence = event->sequence};
}

void MemoryApply::make_delivery(const EventPtr& event, DeliveryId id, EndpointId endpoint) {
  DeliveryRow row;
  row.delivery.id = id;
  row.delivery.event = event->id;
  row.delivery.endpoint = endpoint;
  row.delivery.workspace = event->workspace;
  row.delivery.due_at = event->due_at;
  row.delivery.created_at = event->created_at;
  row.delivery.key_hash = key_hash_of(event->key);
  notice_.deliveries.push_back({.id = id,
                                .endpoint = endpoint,
                                .due_at = event->due_at,
                                .key_hash = row.delivery.key_hash,
                                .trigger = model::Trigger::schedule,
                                .replay_of = {},
                                .event = event});
  tables_.insert(std::move(row));
}

DeliveryId MemoryApply::make_delivery(const NewDelivery& fresh) {
  DeliveryRow row;
  row.delivery.id = DeliveryId{tables_.next_delivery++};
  row.delivery.event = fresh.event;
  row.delivery.endpoint = fresh.endpoint;
  row.delivery.workspace = fresh.workspace;
  row.delivery.due_at = fresh.due_at;
  row.delivery.created_at = now_;
  row.delivery.key_hash = fresh.key_hash;
  row.delivery.replay_of = fresh.replay_of;
  row.delivery.trigger = fresh.trigger;
  const DeliveryId id = row.delivery.id;
  notice_.deliveries.push_back({.id = id,
                                .endpoint = fresh.endpoint,
                                .due_at = fresh.due_at,
                                .key_hash = fresh.key_hash,
                                .trigger = fresh.trigger,
                                .replay_of = fresh.replay_of,
                                .event = nullptr});
  tables_.insert(std::move(row));
  return id;
}

bool MemoryApply::expand_some() {
  const auto oldest = tables_.expansions.begin();
  if (oldest == tables_.expansions.end()) return false;
  const auto event = tables_.events.at(oldest->first);
  auto& [next, targets] = oldest->second;
  const std::size_t count = std::min(targets.size(), fan_out_inline_max);
  for (std::size_t i = 0; i < count; ++i, ++next.value) make_delivery(event, next, targets[i]);
  targets.erase(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(count));
  if (targets.empty()) tables_.expansions.erase(oldest);
  return !tables_.expansions.empty();
}

void MemoryApply::change_held(const HeldChange& change) {
  auto& intervals = tables_.held[change.endpoint];
  switch (change.action) {
    case HeldChange::Action::open:
      open_held(change.endpoint);
      break;
    case HeldChange::Action::close:
      for (auto& interval : intervals) {
        if (interval.until) continue;
        interval.until = DeliveryId{tables_.next_delivery};
        interval.recover_from =
            std::min(change.recover_from.value_or(interval.from), *interval.until);
      }
      break;
    case HeldChange::Action::finish:
      std::erase_if(intervals, [this](const model::HeldInterval& interval) {
        return interval.until && settle(interval, INT32_MAX);
      });
      break;
  }
  if (intervals.empty()) tables_.held.erase(change.endpoint);
  notice_.others = true;
  notice_.touched.push_back(change.endpoint);
}

void MemoryApply::open_held(EndpointId endpoint) {
  auto& intervals = tables_.held[endpoint];
  // What an earlier interval dropped stays dropped.
  DeliveryId behind;
  for (const auto& interval : intervals) {
    if (!interval.until) return;
    behind = std::max(behind, interval.recover_from.value_or(interval.from));
  }
  DeliveryId from{tables_.next_delivery};
  if (const auto queue = tables_.pending.find(endpoint); queue != tables_.pending.end())
    for (const auto& [due, id] : queue->second)
      if (id >= behind) from = std::min(from, id);
  intervals.push_back(
      {.endpoint = endpoint, .from = from, .until = std::nullopt, .recover_from = std::nullopt});
}

bool MemoryApply::settle(const model::HeldInterval& interval, int limit) {
  std::vector<DeliveryId> dropped;
  const auto queue = tables_.pending.find(interval.endpoint);
  if (queue != tables_.pending.end())
    for (const auto& [due, id] : queue->second)
      if (interval.from <= id && id < *interval.recover_from) dropped.push_back(id);
  const bool all = dropped.size() <= static_cast<std::size_t>(limit);
  if (!all) dropped.resize(static_cast<std::size_t>(limit));
  for (const DeliveryId id : dropped)
    tables_.change(tables_.deliveries.find(id)->second,
                   [](model::Delivery& delivery) { delivery.state = DeliveryState::cancelled; });
  return all;
}

bool MemoryApply::settle_held(int limit) {
  for (auto held = tables_.held.begin(); held != tables_.held.end(); ++held) {
    auto& intervals = held->second;
    const auto closed =
        std::ranges::find_if(intervals, [](const auto& interval) { return !!interval.until; });
    if (closed == intervals.end()) continue;
    notice_.others = true;
    notice_.touched.push_back(held->first);
    if (settle(*closed, limit)) intervals.erase(closed);
    if (intervals.empty()) tables_.held.erase(held);
    return true;
  }
  return false;
}

}  // namespace posthorn::store

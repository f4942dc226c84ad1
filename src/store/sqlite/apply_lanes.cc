#include "store/sqlite/applier_parts.h"

namespace posthorn::store {

using model::DeliveryState;

void Applier::lower_lane(EndpointId endpoint, Instant due) {
  const LaneDues::NextDue* known = lane_dues_.find(endpoint);
  if (known == nullptr) {
    auto rows = sql_->lane_next_due.query(endpoint);
    LaneDues::NextDue stored;
    if (rows.next() && !rows.is_null(0)) stored = rows.instant(0);
    lane_dues_.set(endpoint, stored);
    known = lane_dues_.find(endpoint);
  }
  if (*known && **known <= due) return;
  sql_->lower_lane.run(endpoint, due);
  lane_dues_.set(endpoint, due);
}

std::optional<Instant> Applier::earliest_pending(EndpointId endpoint) {
  for (auto rows = sql_->earliest_pending.query(endpoint); rows.next();)
    if (!held_.drops(endpoint, {rows.id(1)})) return rows.instant(0);
  return std::nullopt;
}

void Applier::apply_lanes(Batch& batch) {
  for (auto& lane : batch.lanes) {
    const auto earliest = earliest_pending(lane.endpoint);
    if (earliest && (!lane.next_due || *lane.next_due > *earliest)) lane.next_due = earliest;
    sql_->replace_lane.run(lane.endpoint, lane.next_due, lane.failures, lane.first_failure_at,
                           lane.counted_until, lane.failing_told, lane.held);
    lane_dues_.set(lane.endpoint, lane.next_due);
  }
}

void Applier::apply_held(Batch& batch) {
  for (const auto& change : batch.held) {
    switch (change.action) {
      case HeldChange::Action::open:
        open_held(change.endpoint);
        break;
      case HeldChange::Action::close:
        close_held(change.endpoint, change.recover_from);
        break;
      case HeldChange::Action::finish:
        if (auto* rows = held_.of(change.endpoint))
          std::erase_if(*rows, [&](HeldRow& row) {
            return row.interval.until && !settle_interval(row, INT_MAX);
          });
        break;
    }
    note_touched(change.endpoint);
  }
}

void Applier::open_held(EndpointId endpoint) {
  std::uint64_t behind = 0;
  if (const auto* rows = held_.of(endpoint))
    for (const auto& row : *rows) {
      if (!row.interval.until) return;
      if (row.interval.recover_from) behind = std::max(behind, row.interval.recover_from->value);
    }
  DeliveryId from{counters_.delivery};
  if (auto rows = sql_->lowest_pending.query(endpoint, behind); rows.next() && !rows.is_null(0))
    from = {rows.id(0)};
  sql_->insert_held.run(endpoint, from);
  held_.add({.row = sqlite3_last_insert_rowid(connection_.handle()),
             .interval = {.endpoint = endpoint, .from = from, .until = {}, .recover_from = {}}});
}

void Applier::close_held(EndpointId endpoint, std::optional<DeliveryId> recover_from) {
  auto* rows = held_.of(endpoint);
  if (rows == nullptr) return;
  for (auto& row : *rows) {
    if (row.interval.until) continue;
    const DeliveryId until{counters_.delivery};
    row.interval.until = until;
    row.interval.recover_from = std::min(recover_from.value_or(row.interval.from), until);
    sql_->close_held.run(endpoint, until, *row.interval.recover_from);
  }
}

void Applier::cancel(DeliveryId id) {
  sql_->cancel_delivery.run(id);
  recent_.forget(id);
}

bool Applier::settle_interval(HeldRow& row, int limit) {
  const DeliveryId end = row.interval.recover_from.value_or(row.interval.from);
  std::vector<DeliveryId> dropped;
  for (auto rows =
           sql_->pending_between.query(row.interval.endpoint, row.interval.from, end, limit);
       rows.next();)
    dropped.push_back({rows.id(0)});
  for (const DeliveryId id : dropped) cancel(id);
  note_settled(static_cast<std::int64_t>(dropped.size()));
  if (dropped.size() < static_cast<std::size_t>(limit)) {
    sql_->delete_held.run(row.row);
    return false;
  }
  // Where to go on: what lies before is settled.
  row.interval.from = {dropped.back().value + 1};
  sql_->shrink_held.run(row.row, row.interval.from);
  return true;
}

Result<bool> Applier::cancel_older(Instant before, DeliveryId& behind, int limit) {
  std::vector<std::pair<DeliveryId, EndpointId>> old;
  for (auto rows = sql_->pending_before.query(before, behind, limit); rows.next();)
    old.push_back({{rows.id(0)}, {rows.id(1)}});
  for (const auto& [id, endpoint] : old) {
    cancel(id);
    note_touched(endpoint);
    behind = id;
  }
  note_settled(static_cast<std::int64_t>(old.size()));
  return old.size() == static_cast<std::size_t>(limit);
}

bool Applier::settle_held(int limit) {
  for (const auto& [endpoint, intervals] : held_.all()) {
    auto* rows = held_.of(endpoint);
    for (auto row = rows->begin(); row != rows->end(); ++row) {
      if (!row->interval.until) continue;
      note_touched(endpoint);
      if (!settle_interval(*row, limit)) rows->erase(row);
      return true;
    }
  }
  return false;
}

}  // namespace posthorn::store

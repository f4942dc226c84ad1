#include <bitset>

#include "store/sqlite/reader_parts.h"

namespace posthorn::store {
namespace {

Due read_due(const Rows& rows) {
  Due due;
  due.id = {rows.id(0)};
  due.event = {rows.id(1)};
  due.due_at = rows.instant(2);
  due.created_at = rows.instant(3);
  due.attempts = rows.small(4);
  due.crashes = rows.small(5);
  due.key_hash = rows.id(6);
  due.trigger = static_cast<model::Trigger>(rows.small(7));
  due.replay_of = {rows.id(8)};
  return due;
}

model::Lane read_lane(const Rows& rows) {
  model::Lane lane;
  lane.endpoint = {rows.id(0)};
  if (!rows.is_null(1)) lane.next_due = rows.instant(1);
  lane.failures = rows.small(2);
  lane.first_failure_at = rows.instant(3);
  lane.counted_until = rows.instant(4);
  lane.failing_told = rows.number(5) != 0;
  lane.held = rows.number(6) != 0;
  return lane;
}

}  // namespace

Result<std::vector<Due>> Reader::due(EndpointId endpoint, DueCursor cursor, Instant until,
                                     int limit) {
  std::vector<Due> found;
  auto rows = sql_->due.query(endpoint, cursor.due_at, cursor.id, until);
  while (static_cast<int>(found.size()) < limit && rows.next())
    if (!is_dropped(endpoint, {rows.id(0)})) found.push_back(read_due(rows));
  return checked(std::move(found));
}

Result<std::vector<Due>> Reader::pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                                DeliveryId before, int limit) {
  std::vector<Due> found;
  // SQLite's integers have a sign: the highest id of all must not become a negative one.
  before.value = std::min(before.value, static_cast<std::uint64_t>(INT64_MAX));
  auto rows = sql_->pending_of_key.query(endpoint, key_hash, before);
  while (static_cast<int>(found.size()) < limit && rows.next())
    if (!is_dropped(endpoint, {rows.id(0)})) found.push_back(read_due(rows));
  return checked(std::move(found));
}

Result<std::optional<DeliveryId>> Reader::blocking_head(EndpointId endpoint,
                                                        std::uint64_t key_hash) {
  std::optional<DeliveryId> head;
  if (auto rows = sql_->blocking_head.query(endpoint, key_hash); rows.next())
    head = DeliveryId{rows.id(0)};
  return checked(std::move(head));
}

Result<std::optional<Instant>> Reader::earliest_due(EndpointId endpoint) {
  std::optional<Instant> earliest;
  auto rows = sql_->earliest_pending.query(endpoint);
  while (!earliest && rows.next())
    if (!is_dropped(endpoint, {rows.id(1)})) earliest = rows.instant(0);
  return checked(std::move(earliest));
}

Result<std::vector<model::Lane>> Reader::lanes_due(Instant until, const std::vector<int>& shards,
                                                   int limit,
                                                   const std::optional<model::Lane>& after) {
  std::bitset<shard_count> wanted;
  for (const int shard : shards)
    if (shard >= 0 && shard < shard_count) wanted.set(static_cast<std::size_t>(shard));
  Instant after_due{INT64_MIN};
  EndpointId after_endpoint;
  if (after && after->next_due) {
    after_due = *after->next_due;
    after_endpoint = after->endpoint;
  }
  std::vector<model::Lane> found;
  auto rows = sql_->lanes_due.query(until, after_due, after_endpoint);
  while (static_cast<int>(found.size()) < limit && rows.next())
    if (wanted.test(static_cast<std::size_t>(shard_of(EndpointId{rows.id(0)}))))
      found.push_back(read_lane(rows));
  return checked(std::move(found));
}

Result<std::optional<model::Lane>> Reader::lane(EndpointId endpoint) {
  std::optional<model::Lane> found;
  if (auto rows = sql_->lane.query(endpoint); rows.next()) found = read_lane(rows);
  return checked(std::move(found));
}

Result<std::vector<model::HeldInterval>> Reader::held(EndpointId endpoint) {
  std::vector<model::HeldInterval> found;
  for (auto rows = sql_->held_of.query(endpoint); rows.next();) {
    model::HeldInterval interval;
    interval.endpoint = {rows.id(0)};
    interval.from = {rows.id(1)};
    if (!rows.is_null(2)) interval.until = DeliveryId{rows.id(2)};
    if (!rows.is_null(3)) interval.recover_from = DeliveryId{rows.id(3)};
    found.push_back(interval);
  }
  return checked(std::move(found));
}

}  // namespace posthorn::store

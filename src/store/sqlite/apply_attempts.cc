#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "store/sqlite/applier_parts.h"

namespace posthorn::store {

using model::DeliveryState;

bool has_repeated_delivery(const std::vector<AttemptRecord>& attempts) {
  if (attempts.size() < 2) return false;
  std::unordered_set<DeliveryId> seen;
  return std::ranges::any_of(attempts, [&](const AttemptRecord& record) {
    return !seen.insert(record.attempt.delivery).second;
  });
}

std::optional<DeliveryNow> Applier::read_delivery(DeliveryId id) {
  if (const DeliveryNow* known = recent_.find(id)) return *known;
  auto rows = sql_->delivery_now.query(id);
  if (!rows.next()) return std::nullopt;
  DeliveryNow now;
  now.id = id;
  now.state = static_cast<DeliveryState>(rows.small(0));
  now.attempts = rows.small(1);
  now.due_at = rows.instant(2);
  now.endpoint = {rows.id(3)};
  now.last_attempt = {rows.id(4)};
  now.replay_of = {rows.id(5)};
  return now;
}

std::optional<DeliveryNow> Applier::delivery_now(DeliveryId id) {
  auto now = read_delivery(id);
  if (now && now->state == DeliveryState::pending && held_.drops(now->endpoint, id))
    now->state = DeliveryState::cancelled;
  return now;
}

Result<std::vector<DeliveryNow>> Applier::check_attempts(const Batch& batch) {
  std::vector<DeliveryNow> found;
  found.reserve(batch.attempts.size());
  for (const auto& record : batch.attempts) {
    const auto now = delivery_now(record.attempt.delivery);
    const auto name = [&] { return record.attempt.delivery.text(); };
    if (!now) return fail(Errc::conflict, name() + ": there is no such delivery");
    if (now->state != DeliveryState::pending)
      return fail(Errc::conflict, name() + " is not pending any more");
    if (now->attempts != record.attempt.number - 1)
      return fail(Errc::conflict, fmt::format("{} has {} attempts: this cannot be number {}",
                                              name(), now->attempts, record.attempt.number));
    if (now->endpoint != record.attempt.endpoint)
      return fail(Errc::conflict, name() + " belongs to another endpoint");
    found.push_back(*now);
  }
  return found;
}

Result<> Applier::apply_attempts(Batch& batch, bool one_by_one) {
  if (!one_by_one) {
    auto checked = check_attempts(batch);
    if (!checked) return fail(std::move(checked).error());
    for (std::size_t i = 0; i < batch.attempts.size(); ++i)
      record(batch.attempts[i], (*checked)[i]);
    return {};
  }
  for (auto& next : batch.attempts) {
    Batch single;
    single.attempts.push_back(next);
    auto checked = check_attempts(single);
    if (!checked) return fail(std::move(checked).error());
    record(next, checked->front());
  }
  return {};
}

void Applier::record(AttemptRecord& record, const DeliveryNow& now) {
  model::Attempt& attempt = record.attempt;
  attempt.id = {counters_.attempt++};
  attempt.previous = now.last_attempt;
  const bool pending = record.state == DeliveryState::pending;
  const Instant due = pending ? record.due_at : now.due_at;
  pack_attempt(extras_, attempt);
  sql_->insert_attempt.run(attempt.id, attempt.delivery, attempt.previous, attempt.endpoint,
                           attempt.number, attempt.trigger, attempt.started_at, attempt.result,
                           attempt.status, attempt.retry_at, Blob{extras_});
  sql_->record_attempt.run(attempt.delivery, record.state, attempt.number, due, attempt.id,
                           attempt.status, attempt.result);
  recent_.put({.id = now.id,
               .state = record.state,
               .attempts = attempt.number,
               .due_at = due,
               .endpoint = now.endpoint,
               .last_attempt = attempt.id,
               .replay_of = now.replay_of});
  if (pending)
    lower_lane(now.endpoint, due);
  else
    --pending_change_;
  if (record.state == DeliveryState::succeeded && now.replay_of) resolve_originals(now.replay_of);
  if (notice_) notice_->attempts.push_back(std::move(attempt));
}

void Applier::resolve_originals(DeliveryId replay_of) {
  // A replay may itself be of a replay: what failed first is what holds its key.
  while (replay_of) {
    sql_->resolve_original.run(replay_of);
    const auto original = delivery_now(replay_of);
    replay_of = original ? original->replay_of : DeliveryId{};
  }
}

Result<> Applier::check_changes(const Batch& batch) {
  if (!batch.epochs) return {};
  for (const auto& change : batch.changes) {
    const auto now = delivery_now(change.delivery);
    if (now && is_stale(batch, now->endpoint))
      return fail(Errc::stale_epoch,
                  fmt::format("shard {} has a newer owner", shard_of(now->endpoint)));
  }
  return {};
}

void Applier::apply_changes(Batch& batch) {
  for (const auto& change : batch.changes) {
    const auto now = delivery_now(change.delivery);
    if (!now || (change.only_if && now->state != *change.only_if)) continue;
    sql_->change_delivery.run(change.delivery, change.state, change.due_at, change.crashes);
    recent_.forget(change.delivery);
    const DeliveryState state = change.state.value_or(now->state);
    if (state == DeliveryState::pending)
      lower_lane(now->endpoint, change.due_at.value_or(now->due_at));
    pending_change_ +=
        (state == DeliveryState::pending ? 1 : 0) - (now->state == DeliveryState::pending ? 1 : 0);
    note_touched(now->endpoint);
  }
}

}  // namespace posthorn::store

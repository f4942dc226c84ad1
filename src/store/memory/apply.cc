#include "store/memory/apply.h"

#include <fmt/format.h>

#include <algorithm>

namespace posthorn::store {

using model::DeliveryState;

Result<Applied> MemoryApply::apply(Batch batch) {
  if (auto checked = check_epochs(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_deliveries(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_attempts(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_request_changes(batch); !checked)
    return fail(std::move(checked).error());
  Applied applied;
  if (auto written = write_objects(batch, applied); !written)
    return fail(std::move(written).error());

  for (auto& record : batch.attempts) this->record(record);
  for (const auto& change : batch.changes) this->change(change);
  for (auto& fresh : batch.requests) applied.requests.push_back(append(fresh));
  for (auto& fresh : batch.events) applied.events.push_back(append(fresh));
  for (const auto& change : batch.request_changes) this->change(change, applied.events);
  for (const auto& fresh : batch.deliveries) applied.deliveries.push_back(make_delivery(fresh));
  for (const auto& change : batch.held) change_held(change);
  for (auto& lane : batch.lanes) write_lane(lane);
  if (batch.audit.empty()) note_publish(batch, applied);
  for (auto& entry : batch.audit) append_audit(std::move(entry));
  ++tables_.batches;
  return applied;
}

Result<> MemoryApply::check_epochs(const Batch& batch) const {
  if (!batch.epochs) return {};
  const auto check = [&](auto owner) -> Result<> {
    const auto shard = static_cast<std::size_t>(shard_of(owner));
    if (batch.epochs->of_shard[shard] == tables_.epochs[shard]) return {};
    return fail(Errc::stale_epoch, fmt::format("shard {} has a newer owner", shard));
  };
  for (const auto& record : batch.attempts)
    if (auto held = check(record.attempt.endpoint); !held) return held;
  for (const auto& lane : batch.lanes)
    if (auto held = check(lane.endpoint); !held) return held;
  for (const auto& change : batch.changes) {
    const auto found = tables_.deliveries.find(change.delivery);
    if (found == tables_.deliveries.end()) continue;
    if (auto held = check(found->second.delivery.endpoint); !held) return held;
  }
  for (const auto& change : batch.request_changes) {
    const auto found = tables_.requests.find(change.request);
    if (found == tables_.requests.end()) continue;
    if (auto held = check(found->second.request->source); !held) return held;
  }
  return {};
}

Result<> MemoryApply::check_deliveries(const Batch& batch) const {
  for (const auto& fresh : batch.deliveries)
    if (!tables_.events.contains(fresh.event))
      return fail(Errc::not_found, fresh.event.text() + " is not kept any more");
  return {};
}

Result<> MemoryApply::check_attempts(const Batch& batch) const {
  struct Progress {
    DeliveryState state;
    int attempts;
  };
  std::map<DeliveryId, Progress> progress;  // One delivery may have several attempts in a batch.
  for (const auto& record : batch.attempts) {
    const auto& attempt = record.attempt;
    const auto found = tables_.deliveries.find(attempt.delivery);
    if (found == tables_.deliveries.end())
      return fail(Errc::conflict, attempt.delivery.text() + ": there is no such delivery");
    const model::Delivery seen = tables_.seen(found->second);
    if (seen.endpoint != attempt.endpoint)
      return fail(Errc::conflict, attempt.delivery.text() + " belongs to another endpoint");
    auto& now = progress.try_emplace(seen.id, Progress{seen.state, seen.attempts}).first->second;
    if (now.state != DeliveryState::pending)
      return fail(Errc::conflict, attempt.delivery.text() + " is not pending any more");
    if (now.attempts != attempt.number - 1)
      return fail(Errc::conflict,
                  fmt::format("{} has {} attempts: this cannot be number {}",
                              attempt.delivery.text(), now.attempts, attempt.number));
    now = {record.state, attempt.number};
  }
  return {};
}

void MemoryApply::record(AttemptRecord& record) {
  model::Attempt& attempt = record.attempt;
  auto& row = tables_.deliveries.find(attempt.delivery)->second;
  attempt.id = AttemptId{tables_.next_attempt++};
  attempt.previous = row.delivery.last_attempt;
  tables_.change(row, [&](model::Delivery& delivery) {
    delivery.state = record.state;
    delivery.attempts = attempt.number;
    if (record.state == DeliveryState::pending) delivery.due_at = record.due_at;
    delivery.crashes = 0;
    delivery.last_attempt = attempt.id;
    delivery.last_status = attempt.status;
    delivery.last_result = attempt.result;
  });
  if (record.state == DeliveryState::succeeded) resolve(row.delivery.replay_of);
  tables_.attempts.emplace(attempt.id, attempt);
  notice_.attempts.push_back(std::move(attempt));
}

void MemoryApply::resolve(DeliveryId original) {
  // A replay may itself be of a replay: what failed first is what holds its key.
  while (original) {
    const auto found = tables_.deliveries.find(original);
    if (found == tables_.deliveries.end()) return;
    if (found->second.delivery.state == DeliveryState::exhausted) found->second.resolved = true;
    original = found->second.delivery.replay_of;
  }
}

void MemoryApply::change(const DeliveryChange& change) {
  const auto found = tables_.deliveries.find(change.delivery);
  if (found == tables_.deliveries.end()) return;
  auto& row = found->second;
  if (change.only_if && tables_.seen(row).state != *change.only_if) return;
  tables_.change(row, [&](model::Delivery& delivery) {
    delivery.state = change.state.value_or(delivery.state);
    delivery.due_at = change.due_at.value_or(delivery.due_at);
    delivery.crashes = change.crashes.value_or(delivery.crashes);
  });
  notice_.others = true;
  notice_.touched.push_back(row.delivery.endpoint);
}

void MemoryApply::write_lane(model::Lane lane) {
  const auto earliest = tables_.earliest_pending(lane.endpoint);
  if (earliest && (!lane.next_due || *lane.next_due > *earliest)) lane.next_due = earliest;
  tables_.lanes[lane.endpoint] = lane;
}

void MemoryApply::append_audit(model::AuditEntry entry) {
  entry.id = AuditId{tables_.next_audit++};
  entry.previous_hash = tables_.last_audit_hash;
  entry.hash = audit_hash_of(entry);
  tables_.last_audit_hash = entry.hash;
  tables_.audit.emplace(entry.id, std::move(entry));
}

void MemoryApply::note_publish(const Batch& batch, const Applied& applied) {
  if (batch.publish_actor.empty()) return;
  struct Note {
    EventId first;
    int count = 0;
  };
  std::map<WorkspaceId, Note> notes;
  for (const auto& receipt : applied.events) {
    if (receipt.duplicate || receipt.conflict) continue;
    auto& note = notes[tables_.events.at(receipt.id)->workspace];
    if (note.count++ == 0) note.first = receipt.id;
  }
  for (const auto& [workspace, note] : notes) {
    model::AuditEntry entry;
    entry.workspace = workspace;
    entry.at = now_;
    entry.actor = batch.publish_actor;
    entry.action = "events.publish";
    entry.object =
        note.count == 1 ? note.first.text() : fmt::format("{} ({})", note.first.text(), note.count);
    entry.request_id = batch.request_id;
    append_audit(std::move(entry));
  }
}

}  // namespace posthorn::store

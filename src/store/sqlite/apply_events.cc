#include <fmt/format.h>

#include <algorithm>

#include "store/sqlite/applier_parts.h"

namespace posthorn::store {

void Applier::apply_events(PreparedBatch& prepared, Applied& applied) {
  Batch& batch = prepared.batch;
  if (batch.events.empty()) return;
  applied.events.reserve(batch.events.size());
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    const std::string& file = prepared.files.events[i];
    const WorkspaceId workspace = batch.events[i].event.workspace;
    applied.events.push_back(
        append_event(batch.events[i], file, prepared.event_keys[i], prepared.event_data[i]));
    const EventReceipt& receipt = applied.events.back();
    if (batch.publish_actor.empty() || !batch.audit.empty()) continue;
    if (receipt.duplicate || receipt.conflict) continue;
    auto note = std::ranges::find_if(publishes_, [&](const PublishNote& one) {
      return one.workspace == workspace && one.actor == batch.publish_actor;
    });
    if (note == publishes_.end())
      note = publishes_.insert(note, {.workspace = workspace,
                                      .actor = batch.publish_actor,
                                      .request_id = batch.request_id,
                                      .first = receipt.id,
                                      .count = 0});
    ++note->count;
  }
}

EventReceipt Applier::append_event(NewEvent& fresh, std::string_view body_file,
                                   std::string_view hash, const StoredForm& form) {
  const std::uint64_t id = counters_.event;
  if (!hash.empty())
    if (auto known = claim_client_id(fresh, hash, id)) return *known;
  ++counters_.event;

  auto shared = std::make_shared<model::Event>(std::move(fresh.event));
  model::Event& event = *shared;
  event.id = {id};
  event.position = static_cast<std::int64_t>(id);
  event.fan_out = static_cast<std::uint32_t>(fresh.targets.size());
  event.first_delivery = {counters_.delivery};
  counters_.delivery += event.fan_out;
  event.sequence.reset();
  if (!event.key.empty())
    for (auto rows = sql_->next_sequence.query(event.workspace, event.key); rows.next();)
      event.sequence = rows.number(0);

  const bool in_file = !body_file.empty();
  pack_event(extras_, event,
             {.data_checksum = form.checksum,
              .in_file = in_file,
              .compressed_from = form.compressed_from});
  const std::optional<Blob> data = row_bytes(event.data, in_file, form);
  sql_->insert_event.run(id, event.workspace, event.application, type_number(event.type),
                         event.created_at, event.due_at, event.first_delivery, event.fan_out,
                         event.sequence, Blob{extras_}, data);
  if (in_file) sql_->insert_body.run(id, body_file);

  const std::size_t inline_count = std::min(fresh.targets.size(), fan_out_inline_max);
  const std::uint64_t key_hash = key_hash_of(event.key);
  for (std::size_t i = 0; i < inline_count; ++i)
    insert_delivery(event.first_delivery.value + i, event, fresh.targets[i], key_hash, shared);
  if (inline_count < fresh.targets.size())
    sql_->insert_expansion.run(id, event.first_delivery.value + inline_count,
                               Blob{pack_targets(fresh.targets.data() + inline_count,
                                                 fresh.targets.data() + fresh.targets.size())});

  EventReceipt receipt;
  receipt.id = event.id;
  receipt.position = event.position;
  receipt.first_delivery = event.first_delivery;
  receipt.fan_out = event.fan_out;
  receipt.sequence = event.sequence;
  if (notice_) notice_->events.push_back(std::move(shared));
  return receipt;
}

void Applier::insert_delivery(std::uint64_t id, const model::Event& event, EndpointId endpoint,
                              std::uint64_t key_hash,
                              const std::shared_ptr<const model::Event>& shared) {
  sql_->insert_delivery.run(id, event.id, endpoint, event.workspace, event.due_at, event.created_at,
                            key_hash, 0, model::Trigger::schedule, 0);
  remember_new({id}, endpoint, event.due_at, {});
  if (notice_)
    notice_->deliveries.push_back({.id = {id},
                                   .endpoint = endpoint,
                                   .due_at = event.due_at,
                                   .key_hash = key_hash,
                                   .trigger = model::Trigger::schedule,
                                   .replay_of = {},
                                   .event = shared});
}

void Applier::remember_new(DeliveryId id, EndpointId endpoint, Instant due, DeliveryId replay_of) {
  DeliveryNow row;
  row.id = id;
  row.due_at = due;
  row.endpoint = endpoint;
  row.replay_of = replay_of;
  recent_.put(row);
  ++pending_change_;
  lower_lane(endpoint, due);
}

std::optional<EventReceipt> Applier::claim_client_id(const NewEvent& fresh, std::string_view hash,
                                                     std::uint64_t id) {
  const std::int64_t current = KeyFilters::bucket_of(id);
  for (const std::int64_t bucket : key_filters_.candidates(current, hash))
    if (auto known = known_event(bucket, hash, fresh.content_digest)) return known;
  sql_->insert_event_key.run(current, Blob{hash}, id, Blob{fresh.content_digest});
  if (connection_.changes() == 0) {
    if (auto known = known_event(current, hash, fresh.content_digest)) return known;
    sql_->replace_event_key.run(current, Blob{hash}, id, Blob{fresh.content_digest});
  }
  key_filters_.add(current, hash);
  return std::nullopt;
}

std::optional<EventReceipt> Applier::known_event(std::int64_t bucket, std::string_view hash,
                                                 std::string_view digest) {
  auto keys = sql_->find_event_key.query(bucket, Blob{hash});
  if (!keys.next()) return std::nullopt;
  EventReceipt receipt;
  receipt.id = {keys.id(0)};
  // The id is free again once its event is gone.
  auto rows = sql_->event_receipt.query(receipt.id);
  if (!rows.next()) return std::nullopt;
  receipt.position = static_cast<std::int64_t>(receipt.id.value);
  receipt.first_delivery = {rows.id(0)};
  receipt.fan_out = static_cast<std::uint32_t>(rows.number(1));
  if (!rows.is_null(2)) receipt.sequence = rows.number(2);
  receipt.duplicate = keys.bytes(1) == digest;
  receipt.conflict = !receipt.duplicate;
  return receipt;
}

std::int64_t Applier::type_number(const std::string& name) {
  if (const auto known = types_.find(name)) return *known;
  const std::int64_t number = types_.next();
  sql_->insert_type.run(number, name);
  types_.add(number, name);
  return number;
}

Result<> Applier::check_new_deliveries(const Batch& batch) {
  for (const auto& fresh : batch.deliveries) {
    auto rows = sql_->event_receipt.query(fresh.event);
    if (!rows.next()) return fail(Errc::not_found, fresh.event.text() + " is not kept any more");
  }
  return {};
}

void Applier::apply_new_deliveries(Batch& batch, Applied& applied) {
  for (const auto& fresh : batch.deliveries) {
    const DeliveryId id{counters_.delivery++};
    sql_->insert_delivery.run(id, fresh.event, fresh.endpoint, fresh.workspace, fresh.due_at,
                              clock_.now(), fresh.key_hash, fresh.replay_of, fresh.trigger, 1);
    remember_new(id, fresh.endpoint, fresh.due_at, fresh.replay_of);
    applied.deliveries.push_back(id);
    if (notice_)
      notice_->deliveries.push_back({.id = id,
                                     .endpoint = fresh.endpoint,
                                     .due_at = fresh.due_at,
                                     .key_hash = fresh.key_hash,
                                     .trigger = fresh.trigger,
                                     .replay_of = fresh.replay_of,
                                     .event = nullptr});
  }
}

std::optional<EventId> Applier::next_expansion() {
  auto rows = sql_->first_expansion.query();
  if (!rows.next()) return std::nullopt;
  return EventId{rows.id(0)};
}

Result<bool> Applier::expand_some(const std::shared_ptr<const model::Event>& event) {
  std::uint64_t next = 0;
  std::optional<std::vector<EndpointId>> targets;
  {
    auto rows = sql_->first_expansion.query();
    // Somebody else was faster: come again.
    if (!rows.next() || rows.id(0) != event->id.value) return next_expansion().has_value();
    next = rows.id(1);
    targets = unpack_targets(rows.bytes(2));
  }
  if (!targets) return fail(Errc::corrupt, event->id.text() + ": its expansion cannot be read");
  const std::size_t count = std::min(targets->size(), fan_out_inline_max);
  const std::uint64_t key_hash = key_hash_of(event->key);
  for (std::size_t i = 0; i < count; ++i)
    insert_delivery(next + i, *event, (*targets)[i], key_hash, event);
  if (count == targets->size()) {
    sql_->delete_expansion.run(event->id);
    return next_expansion().has_value();
  }
  sql_->update_expansion.run(
      event->id, next + count,
      Blob{pack_targets(targets->data() + count, targets->data() + targets->size())});
  return true;
}

}  // namespace posthorn::store

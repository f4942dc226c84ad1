#include "store/sqlite/applier.h"

#include <fmt/format.h>

#include <charconv>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "store/sqlite/applier_parts.h"

namespace posthorn::store {

Applier::Applier(Connection& connection, const env::Clock& clock)
    : connection_(connection), clock_(clock), sql_(std::make_unique<WriteStatements>(connection)) {}
Applier::~Applier() = default;

Result<> Applier::load() {
  types_.clear();
  held_.clear();
  lane_dues_.clear();
  recent_.clear();
  recent_requests_.clear();
  epochs_.fill(0);
  for (auto rows = sql_->all_types.query(); rows.next();) types_.add(rows.number(0), rows.text(1));
  for (auto rows = sql_->all_held.query(); rows.next();) {
    HeldRow held;
    held.row = rows.number(4);
    held.interval.endpoint = {rows.id(0)};
    held.interval.from = {rows.id(1)};
    if (!rows.is_null(2)) held.interval.until = DeliveryId{rows.id(2)};
    if (!rows.is_null(3)) held.interval.recover_from = DeliveryId{rows.id(3)};
    held_.add(held);
  }
  for (auto rows = sql_->all_epochs.query(); rows.next();) {
    if (rows.number(0) < 0 || rows.number(0) >= shard_count)
      return fail(Errc::corrupt, "table shards: a shard is out of range");
    epochs_[static_cast<std::size_t>(rows.number(0))] = rows.number(1);
  }
  last_audit_hash_.clear();
  if (auto rows = sql_->last_audit_hash.query(); rows.next()) last_audit_hash_ = rows.text(0);
  std::vector<std::int64_t> buckets;
  for (auto rows = sql_->key_buckets.query(); rows.next();) buckets.push_back(rows.number(0));
  key_filters_.load(buckets);
  buckets.clear();
  for (auto rows = sql_->request_key_buckets.query(); rows.next();)
    buckets.push_back(rows.number(0));
  request_filters_.load(buckets);
  return load_counters();
}

Result<> Applier::load_counters() {
  counters_ = {};
  if (auto rows = sql_->highest_ids.query(); rows.next()) {
    counters_.event = rows.id(0) + 1;
    counters_.delivery = std::max(rows.id(1), rows.id(5)) + 1;
    counters_.attempt = rows.id(2) + 1;
    counters_.object = rows.id(3) + 1;
    counters_.audit = rows.id(4) + 1;
    counters_.request = rows.id(6) + 1;
  }
  if (auto rows = sql_->get_meta.query("counters"); rows.next())
    if (!counters_.raise_to(rows.bytes(0)))
      return fail(Errc::corrupt, "table meta: the counters cannot be read");
  requests_queued_to_ = requests_seen_ = {};
  if (auto rows = sql_->get_meta.query("requests_queued_to"); rows.next()) {
    const auto text = rows.bytes(0);
    std::from_chars(text.data(), text.data() + text.size(), requests_queued_to_.value);
  }
  if (connection_.failed()) return fail(connection_.error());
  return {};
}

void Applier::begin_group(bool telling) {
  counters_before_group_ = counters_;
  pending_change_before_group_ = pending_change_;
  notice_ = telling ? std::make_shared<CommitNotice>() : nullptr;
  publishes_.clear();
}

void Applier::end_group() {
  for (auto& note : publishes_) {
    model::AuditEntry entry;
    entry.workspace = note.workspace;
    entry.at = clock_.now();
    entry.actor = std::move(note.actor);
    entry.action = "events.publish";
    entry.object =
        note.count == 1 ? note.first.text() : fmt::format("{} ({})", note.first.text(), note.count);
    entry.request_id = std::move(note.request_id);
    append_audit(std::move(entry));
  }
  publishes_.clear();
}

Result<> Applier::undo_group() {
  const Counters before = counters_before_group_;
  pending_change_ = pending_change_before_group_;
  notice_.reset();
  publishes_.clear();
  // The filters keep the keys that were taken back: a needless lookup, no harm. load() would empty
  // them.
  KeyFilters filters = std::move(key_filters_), requests = std::move(request_filters_);
  auto loaded = load();
  key_filters_ = std::move(filters);
  request_filters_ = std::move(requests);
  counters_ = before;
  return loaded;
}

Result<> Applier::check_epochs(const Batch& batch) {
  const auto refuse = [](EndpointId endpoint) {
    return fail(Errc::stale_epoch, fmt::format("shard {} has a newer owner", shard_of(endpoint)));
  };
  if (!batch.epochs) return {};
  for (const auto& record : batch.attempts)
    if (is_stale(batch, record.attempt.endpoint)) return refuse(record.attempt.endpoint);
  for (const auto& lane : batch.lanes)
    if (is_stale(batch, lane.endpoint)) return refuse(lane.endpoint);
  return {};
}

Result<Applied> Applier::apply(PreparedBatch& prepared) {
  const Batch& batch = prepared.batch;
  if (auto checked = check_epochs(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_changes(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_new_deliveries(batch); !checked) return fail(std::move(checked).error());
  if (auto checked = check_request_changes(batch); !checked)
    return fail(std::move(checked).error());
  return apply_fallible(prepared);
}

Result<Applied> Applier::apply_fallible(PreparedBatch& prepared) {
  Batch& batch = prepared.batch;
  // One document, or attempts of different deliveries, are checked before anything is written.
  // Where a later part could be refused after an earlier one was written, a savepoint undoes it.
  const bool guarded = batch.objects.size() > 1 ||
                       (!batch.objects.empty() && !batch.attempts.empty()) ||
                       has_repeated_delivery(batch.attempts);
  const Counters before = counters_;
  const std::size_t told_attempts = notice_ ? notice_->attempts.size() : 0;
  const std::size_t told_objects = notice_ ? notice_->objects.size() : 0;
  const std::int64_t pending_before = pending_change_;
  if (guarded) sql_->savepoint.run();

  Applied applied;
  auto done = apply_attempts(batch, guarded);
  if (done) done = apply_objects(batch, applied);
  if (!done) {
    if (guarded) {
      sql_->undo.run();
      sql_->release.run();
      lane_dues_.clear();
      recent_.clear();
    }
    counters_ = before;
    pending_change_ = pending_before;
    if (notice_) {
      notice_->attempts.resize(told_attempts);
      notice_->objects.resize(told_objects);
    }
    return fail(std::move(done).error());
  }
  if (guarded) sql_->release.run();

  apply_changes(batch);
  apply_requests(prepared, applied);
  apply_events(prepared, applied);
  apply_request_changes(batch, applied);
  apply_new_deliveries(batch, applied);
  apply_held(batch);
  apply_lanes(batch);
  apply_audit(batch);
  return applied;
}

void Applier::apply_audit(Batch& batch) {
  for (auto& entry : batch.audit) append_audit(std::move(entry));
}

void Applier::append_audit(model::AuditEntry entry) {
  entry.id = {counters_.audit++};
  entry.previous_hash = last_audit_hash_;
  entry.hash = audit_hash(entry);
  sql_->insert_audit.run(entry.id, entry.workspace, entry.at, entry.actor, entry.action,
                         entry.object, entry.before_hash, entry.after_hash, entry.request_id,
                         entry.previous_hash, entry.hash);
  last_audit_hash_ = std::move(entry.hash);
}

Result<EpochsPtr> Applier::lease(const std::string& node, const std::vector<int>& shards) {
  for (const int shard : shards)
    if (shard < 0 || shard >= shard_count)
      return fail(Errc::invalid,
                  fmt::format("shard {}: 0 to {} are there", shard, shard_count - 1));
  auto epochs = std::make_shared<Epochs>();
  for (const int shard : shards) {
    auto rows = sql_->raise_epoch.query(shard, node);
    while (rows.next()) epochs_[static_cast<std::size_t>(shard)] = rows.number(0);
    epochs->of_shard[static_cast<std::size_t>(shard)] = epochs_[static_cast<std::size_t>(shard)];
  }
  return epochs;
}

void Applier::set_meta(std::string_view name, std::string_view value) {
  sql_->set_meta.run(name, value);
}

void Applier::remove_meta(std::string_view name) { sql_->remove_meta.run(name); }

std::string audit_hash(const model::AuditEntry& entry) {
  return to_hex(crypto::sha256(
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", entry.previous_hash, entry.id.value,
                  entry.workspace.value, entry.at.unix_ms, entry.actor, entry.action, entry.object,
                  entry.before_hash, entry.after_hash, entry.request_id)));
}

}  // namespace posthorn::store

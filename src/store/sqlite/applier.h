#pragma once
// What a batch does to the database, inside the writer's transaction. Everything that can refuse a
// batch is looked at before its first write, or undone by a savepoint: a refused batch leaves
// nothing behind and does not touch the others of its transaction.

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "env/clock.h"
#include "store/sqlite/codec.h"
#include "store/sqlite/compression.h"
#include "store/sqlite/database.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/state.h"
#include "store/store.h"

namespace posthorn::store {

struct WriteStatements;

/// Files of what is too big for a row: one name for each event and each request of a batch; empty:
/// it lies in the row.
struct BatchFiles {
  std::vector<std::string> events, requests;
};

/// A batch on its way, with what was prepared for it off the writer's thread.
struct PreparedBatch {
  Batch batch;
  BatchFiles files;
  /// By request: the hashes of its keys, in their order.
  std::vector<std::vector<std::string>> request_keys;
  /// By event: the hash of its client id; empty where it has none.
  std::vector<std::string> event_keys;
  /// By event and by request: how its payload or body goes into the row.
  std::vector<StoredForm> event_data, request_bodies;
};

/// Used by the writer's thread alone, between BEGIN and COMMIT.
class Applier {
 public:
  Applier(Connection& connection, const env::Clock& clock);
  ~Applier();

  /// Reads the state from the database. Errors: io, corrupt.
  Result<> load();

  /// Starts a group of batches that share a transaction; `telling`: somebody wants the notice.
  void begin_group(bool telling);
  /// Writes what belongs to the group as a whole (the audit entries of publishers).
  void end_group();
  /// The transaction was rolled back: forgets what it did.
  Result<> undo_group();
  /// What the group did; null when nobody wanted it.
  std::shared_ptr<CommitNotice> take_notice() { return std::move(notice_); }

  /// Errors: as Store::apply. After a failure of the database itself the answer means nothing:
  /// ask the connection.
  Result<Applied> apply(PreparedBatch& prepared);

  Result<EpochsPtr> lease(const std::string& node, const std::vector<int>& shards);
  /// Makes up to 100 deliveries of the oldest unfinished fan-out; false: there is none.
  Result<bool> expand_some(const std::shared_ptr<const model::Event>& event);
  /// The event whose fan-out comes next.
  std::optional<EventId> next_expansion();

  /// Cancels up to `limit` deliveries that a closed interval dropped; true while there are more.
  bool settle_held(int limit);

  /// Cancels up to `limit` pending deliveries behind `behind`, which it moves, that were made
  /// before `before`; true while there are more.
  Result<bool> cancel_older(Instant before, DeliveryId& behind, int limit);

  /// Received requests that nothing has become of enter the queue: those that were there at the
  /// previous call, or all.
  void queue_older_requests();
  void queue_all_requests();

  void set_meta(std::string_view name, std::string_view value);
  void remove_meta(std::string_view name);
  /// Stores the counters: in every transaction that deletes rows.
  void save_counters() { set_meta("counters", counters_.text()); }

  [[nodiscard]] Connection& connection() { return connection_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] KeyFilters& key_filters() { return key_filters_; }
  [[nodiscard]] KeyFilters& request_filters() { return request_filters_; }
  /// Pending deliveries made minus settled since the start.
  [[nodiscard]] std::int64_t pending_change() const { return pending_change_; }
  void note_settled(std::int64_t count) { pending_change_ -= count; }
  /// Rows of deliveries were deleted.
  void forget_recent() { recent_.clear(); }
  void note_object(ObjectRef object) {
    if (notice_) notice_->objects.push_back(object);
  }
  /// Deliveries of the endpoint were changed without an attempt.
  void note_touched(EndpointId endpoint) {
    if (!notice_) return;
    notice_->others = true;
    notice_->touched.push_back(endpoint);
  }

 private:
  struct PublishNote;

  // apply.cc
  Result<> check_epochs(const Batch& batch);
  template <class Owner>
  [[nodiscard]] bool is_stale(const Batch& batch, Owner owner) const {
    const auto shard = static_cast<std::size_t>(shard_of(owner));
    return batch.epochs && batch.epochs->of_shard[shard] != epochs_[shard];
  }
  Result<Applied> apply_fallible(PreparedBatch& prepared);
  void apply_audit(Batch& batch);
  void append_audit(model::AuditEntry entry);
  Result<> load_counters();

  // apply_events.cc
  void apply_events(PreparedBatch& prepared, Applied& applied);
  EventReceipt append_event(NewEvent& fresh, std::string_view body_file, std::string_view hash,
                            const StoredForm& form);
  std::optional<EventReceipt> claim_client_id(const NewEvent& fresh, std::string_view hash,
                                              std::uint64_t id);
  std::optional<EventReceipt> known_event(std::int64_t bucket, std::string_view hash,
                                          std::string_view digest);
  std::int64_t type_number(const std::string& name);
  void insert_delivery(std::uint64_t id, const model::Event& event, EndpointId endpoint,
                       std::uint64_t key_hash, const std::shared_ptr<const model::Event>& shared);
  void remember_new(DeliveryId id, EndpointId endpoint, Instant due, DeliveryId replay_of);
  Result<> check_new_deliveries(const Batch& batch);
  void apply_new_deliveries(Batch& batch, Applied& applied);

  // apply_requests.cc
  Result<> check_request_changes(const Batch& batch);
  void apply_requests(PreparedBatch& prepared, Applied& applied);
  RequestReceipt append_request(NewRequest fresh, std::vector<std::string> hashes,
                                std::string_view body_file, const StoredForm& form);
  /// Who holds the key, with what is compared: id, received_at and body_sha256.
  std::optional<model::ReceivedRequest> key_holder(std::int64_t bucket, std::string_view hash);
  void queue_requests_to(RequestId last);
  /// What a duplicate of `id` is a duplicate of.
  RequestId original_of(RequestId id);
  void apply_request_changes(const Batch& batch, const Applied& applied);
  /// What stands in request_states before a change.
  struct RequestNow {
    SourceId source;
    Instant due_at;
    RequestId duplicate_of;
    std::optional<std::string> extras;
  };
  std::optional<RequestNow> read_request_now(RequestId id, model::RequestState& state);
  void change_request(const RequestChange& change, std::optional<RequestNow> now,
                      const std::vector<EventReceipt>& receipts);

  // apply_attempts.cc
  /// Its state is cancelled when a closed held interval dropped it.
  std::optional<DeliveryNow> delivery_now(DeliveryId id);
  std::optional<DeliveryNow> read_delivery(DeliveryId id);
  Result<std::vector<DeliveryNow>> check_attempts(const Batch& batch);
  void record(AttemptRecord& record, const DeliveryNow& now);
  Result<> apply_attempts(Batch& batch, bool one_by_one);
  void resolve_originals(DeliveryId replay_of);
  Result<> check_changes(const Batch& batch);
  void apply_changes(Batch& batch);

  // apply_lanes.cc
  void lower_lane(EndpointId endpoint, Instant due);
  std::optional<Instant> earliest_pending(EndpointId endpoint);
  void apply_lanes(Batch& batch);
  void apply_held(Batch& batch);
  void open_held(EndpointId endpoint);
  void close_held(EndpointId endpoint, std::optional<DeliveryId> recover_from);
  bool settle_interval(HeldRow& row, int limit);
  void cancel(DeliveryId id);

  // apply_objects.cc
  Result<> apply_objects(Batch& batch, Applied& applied);
  Result<model::Object> create(ObjectWrite& write);
  Result<model::Object> replace(ObjectWrite& write);
  Result<model::Object> remove(ObjectWrite& write);
  Result<model::Object> expected(const ObjectWrite& write);

  Connection& connection_;
  const env::Clock& clock_;
  std::unique_ptr<WriteStatements> sql_;

  Counters counters_, counters_before_group_;
  TypeNames types_;
  HeldIntervals held_;
  LaneDues lane_dues_;
  RecentRows<DeliveryNow> recent_;
  RecentRows<RequestRow> recent_requests_;
  RequestId requests_queued_to_, requests_seen_;
  KeyFilters key_filters_, request_filters_;
  std::array<std::int64_t, shard_count> epochs_{};
  std::string last_audit_hash_;
  std::int64_t pending_change_ = 0, pending_change_before_group_ = 0;

  std::shared_ptr<CommitNotice> notice_;
  std::vector<PublishNote> publishes_;
  std::string extras_;  ///< Reused from row to row.
  /// Of the batch's request changes, as check_request_changes() found them; none for a request that
  /// an earlier change of the batch names too.
  std::vector<std::optional<RequestNow>> request_nows_;
};

/// Reads a document from the columns of object_of_id.
model::Object read_object(const Rows& rows);

/// The entry's hash: hex SHA-256 of the previous hash and the other fields, one a line.
std::string audit_hash(const model::AuditEntry& entry);

}  // namespace posthorn::store

#pragma once
// The durable heart: one log of events, the queue of deliveries, their attempts, the lanes, and
// documents. See docs/store.md for why it is cut this way.
//
// Writing is `apply(batch)`: it commits whole or not at all, and returns only when it is durable.
// Batches of many callers that wait at the same time share one transaction. Reading sees what was
// committed before the call. All members may be called from any thread; a coroutine resumes on its
// caller's executor.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"
#include "env/task.h"
#include "model/delivery.h"
#include "model/event.h"
#include "model/objects.h"
#include "model/received_request.h"

namespace posthorn::store {

inline constexpr int shard_count = 256;

/// An endpoint's deliveries, a workspace's events: the unit of ownership.
[[nodiscard]] constexpr int shard_of(EndpointId id) {
  return static_cast<int>((id.value * 0x9E3779B97F4A7C15ULL) >> 56);
}
[[nodiscard]] constexpr int shard_of(WorkspaceId id) {
  return static_cast<int>((id.value * 0x9E3779B97F4A7C15ULL) >> 56);
}

[[nodiscard]] constexpr int shard_of(SourceId id) {
  return static_cast<int>((id.value * 0x9E3779B97F4A7C15ULL) >> 56);
}

/// The key_hash of an event's key (FNV-1a, 64 bits): 0 for no key, never 0 for one.
[[nodiscard]] constexpr std::uint64_t key_hash_of(std::string_view key) {
  if (key.empty()) return 0;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash == 0 ? 1 : hash;
}

/// Proof of ownership, given by lease(). A write that carries an older epoch than the shard's is
/// refused (stale_epoch).
struct Epochs {
  std::array<std::int64_t, shard_count> of_shard{};  ///< 0: not owned.
};
using EpochsPtr = std::shared_ptr<const Epochs>;

/// An event to be appended. Its id, position and sequence are given by the store.
struct NewEvent {
  model::Event event;  ///< id, position, sequence, fan_out and first_delivery are ignored.
  std::vector<EndpointId>
      targets;  ///< One delivery each. Past fan_out_inline_max the rest follow by expansion.
  /// SHA-256 of what makes two publishes equal; used when event.client_id is set.
  std::string content_digest;
};
inline constexpr std::size_t fan_out_inline_max = 100;

/// What became of a NewEvent.
struct EventReceipt {
  EventId id;
  std::int64_t position = 0;
  DeliveryId first_delivery;
  std::uint32_t fan_out = 0;
  std::optional<std::int64_t> sequence;
  bool duplicate = false;  ///< The client id was there with the same content: nothing was written.
  bool conflict =
      false;  ///< The client id was there with other content: nothing was written for this event.
};

/// A delivery made later than its event: a replay, or the recovery of an event for a new endpoint.
struct NewDelivery {
  EventId event;
  EndpointId endpoint;
  WorkspaceId workspace;
  Instant due_at;
  std::uint64_t key_hash = 0;
  DeliveryId replay_of;
  model::Trigger trigger = model::Trigger::replay;
};

/// The end of an attempt and the delivery's next state, together. The delivery must be pending and
/// have `attempt.number - 1` attempts, else the batch fails with conflict.
struct AttemptRecord {
  model::Attempt attempt;  ///< id and previous are given by the store.
  model::DeliveryState state = model::DeliveryState::pending;
  Instant due_at;  ///< Used while state is pending.
};

/// A change of deliveries without an attempt. With `only_if` set, a delivery in another state is
/// left alone (and the batch goes on); DeliveryChange of a delivery that does not exist is ignored.
struct DeliveryChange {
  DeliveryId delivery;
  std::optional<model::DeliveryState> only_if;
  std::optional<model::DeliveryState> state;
  std::optional<Instant> due_at;
  std::optional<int> crashes;
};

/// Creates, replaces or deletes a document.
struct ObjectWrite {
  enum class Action : std::uint8_t { create, replace, remove };
  Action action = Action::create;
  model::Object object;  ///< For remove only kind, workspace and id count. For create an id of 0 is
                         ///< given by the store.
  std::int64_t expected_version = 0;  ///< replace, remove: 0 = any, else conflict when it differs.
  bool keep_existing = false;  ///< create: a document of that name is left as it is, no error.
};

/// Opens, closes or finishes (all dealt with) a held interval; see model::HeldInterval.
struct HeldChange {
  enum class Action : std::uint8_t { open, close, finish };
  Action action = Action::open;
  EndpointId endpoint;
  std::optional<DeliveryId> recover_from;  ///< close: none = recover all.
};

/// What makes two requests of a source the same. Unique per (source, text).
struct DedupeKey {
  std::string text;
  /// 0: for as long as the first request is kept; else a first request that is older does not count
  /// (the key is then taken over).
  Millis within{0};
  /// A one-time token: with the same body it is a duplicate, with another body the new request is
  /// refused (RequestReceipt::token_reused).
  bool token = false;
  bool looks_up = true;  ///< Whether another request that holds it makes this one a duplicate.
  bool claims = true;    ///< Whether others find it; one that does not look up takes it over.
};

/// A request to be kept. Its id is given by the store.
struct NewRequest {
  model::ReceivedRequest request;
  /// Looked up in their order before anything is written; the first that is taken decides. When
  /// none is, all are claimed. A key whose request is gone is free. A request that comes refused
  /// looks up and claims none: what anybody can send must not take the place of the real one.
  std::vector<DedupeKey> keys;
  /// Whether it is written when a key is taken by an equal one (a poller sees the same again and
  /// again).
  bool keep_duplicate = true;
};

struct RequestReceipt {
  /// The new row's: a duplicate and a refused one are kept too. 0: a duplicate that was not kept.
  RequestId id;
  RequestId duplicate_of;     ///< Its state is then duplicate. The first of all, not a duplicate.
  bool token_reused = false;  ///< Its state is then refused.
};

/// A request's next state. The batch fails with conflict when its state is not `only_if` or it is
/// not there; several of one request follow each other. The batch is invalid when it names receipts
/// that the batch does not have, or says that a request is a duplicate of itself.
struct RequestChange {
  RequestId request;
  model::RequestState only_if = model::RequestState::received;
  model::RequestState state = model::RequestState::processed;
  Instant due_at;                         ///< Used while state is received.
  int attempts = 0;                       ///< As it shall be.
  std::optional<int> forced;              ///< None: as it is.
  std::optional<RequestId> duplicate_of;  ///< None: as it is. Of a duplicate: what that is one of.
  std::optional<std::string> verdict;     ///< None: as it is.
  std::string error;                      ///< As it shall be.
  /// With a count: its `events` become those of this batch's receipts [first_event, first_event +
  /// event_count), known ones too; events_new counts the others. Without: as they are.
  std::size_t first_event = 0, event_count = 0;
  Instant processed_at;  ///< As it shall be.
  /// The request as the caller read it, where that is at hand: what never changes of it need not be
  /// read again for the commit notice. May be null.
  std::shared_ptr<const model::ReceivedRequest> known;
};

/// Everything that commits together.
struct Batch {
  std::vector<NewRequest> requests;
  std::vector<RequestChange> request_changes;
  std::vector<NewEvent> events;
  std::vector<NewDelivery> deliveries;
  std::vector<AttemptRecord> attempts;
  std::vector<DeliveryChange> changes;
  std::vector<model::Lane> lanes;  ///< Whole rows, last writer wins.
  std::vector<HeldChange> held;
  std::vector<ObjectWrite> objects;
  std::vector<model::AuditEntry> audit;  ///< id and hashes of the chain are given by the store.
  std::string publish_actor;  ///< With events and no audit entry of their own: who is named in the
                              ///< group's entry.
  std::string request_id;
  EpochsPtr epochs;  ///< Needed for attempts, changes, lanes and request_changes; none: no fence
                     ///< (tests, tools).
};

struct Applied {
  std::vector<RequestReceipt> requests;  ///< In the batch's order.
  std::vector<EventReceipt> events;      ///< In the batch's order.
  std::vector<DeliveryId> deliveries;
  std::vector<model::Object>
      objects;  ///< As stored now (id, version, times); of keep_existing: the one that is there.
};

/// A delivery that came into being, as the lane's owner is told about it.
struct FreshDelivery {
  DeliveryId id;
  EndpointId endpoint;
  Instant due_at;
  std::uint64_t key_hash = 0;
  model::Trigger trigger = model::Trigger::schedule;
  DeliveryId replay_of;
  std::shared_ptr<const model::Event>
      event;  ///< Shared by all deliveries of the event; may be null (then read it).
};

struct ObjectRef {
  model::ObjectKind kind;
  std::uint64_t id;
  WorkspaceId workspace;
  bool removed = false;
};

/// What one commit changed.
struct CommitNotice {
  /// New ones, as committed, and those whose state changed (then without their body).
  std::vector<std::shared_ptr<const model::ReceivedRequest>> requests;
  std::vector<std::shared_ptr<const model::ReceivedRequest>> changed_requests;
  std::vector<FreshDelivery> deliveries;
  std::vector<std::shared_ptr<const model::Event>> events;
  std::vector<model::Attempt> attempts;
  std::vector<ObjectRef> objects;
  bool others = false;  ///< Deliveries were changed, held intervals opened or closed.
  /// Whose deliveries were changed without an attempt (DeliveryChange) or whose held intervals were
  /// opened, closed or finished; may repeat. Their lanes look at the store again. When `others` is
  /// set and this is empty, every lane does.
  std::vector<EndpointId> touched;
};

/// Called after each commit on the store's own thread, before apply() resumes its callers: return
/// at once, typically after posting to an io_context. The notice is shared and immutable.
using CommitListener = std::function<void(std::shared_ptr<const CommitNotice>)>;

/// Newest first unless `oldest_first`. `after` continues behind an id (exclusive).
struct Page {
  std::uint64_t after = 0;
  int limit = 50;
  bool oldest_first = false;
};

struct EventFilter {
  std::optional<WorkspaceId> workspace;
  std::optional<ApplicationId> application;
  std::vector<std::string> types;  ///< With wildcards; empty: all.
  std::string key;
  std::optional<Instant> since, until;  ///< created_at: since <= t < until.
};

struct DeliveryFilter {
  std::optional<WorkspaceId> workspace;
  std::optional<EventId> event;
  std::optional<EndpointId> endpoint;
  std::vector<model::DeliveryState> states;  ///< Empty: all.
  std::vector<std::string> event_types;
  std::vector<int> status_codes;        ///< Of the last attempt.
  std::optional<Instant> since, until;  ///< created_at.
};

struct RequestFilter {
  std::optional<WorkspaceId> workspace;
  std::optional<SourceId> source;
  std::vector<model::RequestState> states;  ///< Empty: all.
  std::optional<RequestId> duplicate_of;
  std::optional<Instant> since, until;  ///< received_at.
};

/// A received request as the worker takes it.
struct DueRequest {
  RequestId id;
  Instant due_at;
  int attempts = 0;
  friend auto operator<=>(const DueRequest&, const DueRequest&) = default;
};

struct ObjectFilter {
  std::optional<WorkspaceId> workspace;
  std::uint64_t parent = 0;  ///< 0: any.
  std::string name_prefix;
};

/// One page, and where the next begins. A page may be short, even empty, while `next` is set: a
/// query looks at a bounded number of rows for each call.
template <class T>
struct Found {
  std::vector<T> rows;
  std::optional<std::uint64_t> next;  ///< Page::after of the next page.
};

/// A pending delivery as a lane takes it.
struct Due {
  DeliveryId id;
  EventId event;
  Instant due_at;
  Instant created_at;
  int attempts = 0;
  int crashes = 0;
  std::uint64_t key_hash = 0;
  model::Trigger trigger = model::Trigger::schedule;
  DeliveryId replay_of;
};

/// Where a lane's window continues: behind (due_at, id).
struct DueCursor {
  Instant due_at{INT64_MIN};
  DeliveryId id;
  friend auto operator<=>(const DueCursor&, const DueCursor&) = default;
};

/// Days to keep each kind; 0 keeps it for ever. Defaults are docs/operations.md's.
struct Retention {
  int payload_days = 30;  ///< Event data (headers of the event stay event_days).
  int event_days = 90;    ///< Events and settled deliveries.
  int attempt_days = 90;
  int audit_days = 365;
  int request_days = 30;  ///< Requests with their bodies and dedupe keys; never one that waits.
  int refused_days = 7;   ///< Refused requests.
};

struct StoreStats {
  std::int64_t events = 0, deliveries_pending = 0, attempts = 0;  ///< Approximate, cheap.
  std::int64_t bytes = 0, wal_bytes = 0, free_bytes = 0;
  std::int64_t commits = 0, batches = 0;
  std::int64_t requests = 0, requests_pending = 0;  ///< Approximate, cheap.
};

class Store {
 public:
  virtual ~Store() = default;

  /// Durable when it returns. Errors: conflict (nothing of this batch is written; the text says
  /// what), stale_epoch, unavailable (disk full: retry later; stopping), not_found (replace or
  /// remove of a missing document). A failed fsync does not return: the process ends (recovery is
  /// the tested path).
  virtual task<Result<Applied>> apply(Batch batch) = 0;

  /// False while it is known that apply() would answer unavailable (disk full): no attempt should
  /// start, since what comes of it could not be recorded. Any thread.
  [[nodiscard]] virtual bool accepting() const { return true; }

  /// The same from a plain thread without an io_context (tools, tests); blocks.
  virtual Result<Applied> apply_blocking(Batch batch) = 0;

  /// Registers for every commit from now on. The returned token ends it when destroyed (no call
  /// runs afterwards).
  virtual std::shared_ptr<void> listen(CommitListener listener) = 0;

  /// Takes over `shards`: raises their epochs. Any earlier owner's writes are refused from then on.
  virtual task<Result<EpochsPtr>> lease(std::string node, std::vector<int> shards) = 0;

  // -- the queue
  /// Pending, from `cursor` on, due at or before `until`, in (due, id) order; without those in
  /// closed intervals that are not recovered.
  virtual task<Result<std::vector<Due>>> due(EndpointId endpoint, DueCursor cursor, Instant until,
                                             int limit) = 0;
  /// The pending deliveries of one key with ids below `before`, oldest first (for Ordering::key).
  virtual task<Result<std::vector<Due>>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                                        DeliveryId before, int limit) = 0;
  /// Whether the key has an exhausted head that blocks it: the lowest exhausted, not
  /// replayed-to-success delivery of the key; none: free.
  virtual task<Result<std::optional<DeliveryId>>> blocking_head(EndpointId endpoint,
                                                                std::uint64_t key_hash) = 0;
  /// The earliest due time among an endpoint's pending deliveries.
  virtual task<Result<std::optional<Instant>>> earliest_due(EndpointId endpoint) = 0;
  /// Lanes with next_due at or before `until`, soonest first, behind `after` of the previous page's
  /// last lane.
  virtual task<Result<std::vector<model::Lane>>> lanes_due(Instant until, std::vector<int> shards,
                                                           int limit,
                                                           std::optional<model::Lane> after) = 0;
  virtual task<Result<std::optional<model::Lane>>> lane(EndpointId endpoint) = 0;
  virtual task<Result<std::vector<model::HeldInterval>>> held(EndpointId endpoint) = 0;
  /// Continues fan-outs past fan_out_inline_max: makes up to 100 deliveries in one transaction.
  /// True while there is more to do.
  virtual task<Result<bool>> expand_some() = 0;

  // -- the other queue
  /// Received requests of a source behind (due, id) of `after`, due at or before `until`, in that
  /// order. Cost here and below: one index seek for each; on SQLite also a transaction where some
  /// came since the last call. Errors: unavailable while the disk is full.
  virtual task<Result<std::vector<DueRequest>>> requests_due(SourceId source,
                                                             std::optional<DueRequest> after,
                                                             Instant until, int limit) = 0;
  /// Sources with received requests and when the first of each is due, by id behind `after`.
  virtual task<Result<std::vector<std::pair<SourceId, Instant>>>> sources_with_requests(
      SourceId after, int limit) = 0;

  // -- reading
  /// With its body.
  virtual task<Result<std::optional<model::ReceivedRequest>>> request(RequestId id) = 0;
  /// In the order asked, with their bodies; a missing one is skipped.
  virtual task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> requests(
      std::vector<RequestId> ids) = 0;
  /// Without bodies.
  virtual task<Result<Found<model::ReceivedRequest>>> list_requests(RequestFilter filter,
                                                                    Page page) = 0;
  /// In the order asked; a missing event is skipped.
  virtual task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) = 0;
  virtual task<Result<std::optional<EventId>>> event_by_client_id(WorkspaceId workspace,
                                                                  std::string client_id) = 0;
  virtual task<Result<Found<std::shared_ptr<const model::Event>>>> list_events(EventFilter filter,
                                                                               Page page) = 0;
  virtual task<Result<std::optional<model::Delivery>>> delivery(DeliveryId id) = 0;
  virtual task<Result<Found<model::Delivery>>> list_deliveries(DeliveryFilter filter,
                                                               Page page) = 0;
  /// Oldest first.
  virtual task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) = 0;
  /// Attempts by position (their id), for the stream.
  virtual task<Result<Found<model::Attempt>>> list_attempts(std::optional<EndpointId> endpoint,
                                                            Page page) = 0;
  virtual task<Result<std::optional<model::Object>>> object(model::ObjectKind kind,
                                                            std::uint64_t id) = 0;
  virtual task<Result<std::optional<model::Object>>> object_by_name(model::ObjectKind kind,
                                                                    WorkspaceId workspace,
                                                                    std::string name) = 0;
  virtual task<Result<Found<model::Object>>> list_objects(model::ObjectKind kind,
                                                          ObjectFilter filter, Page page) = 0;
  virtual task<Result<Found<model::AuditEntry>>> list_audit(std::optional<WorkspaceId> workspace,
                                                            Page page) = 0;

  // -- keeping house
  /// Deletes up to `limit` rows that are past their time; true while there is more. Never a long
  /// lock.
  virtual task<Result<bool>> retain(Retention retention, Instant now, int limit) = 0;
  /// Removes an event's payload; the event itself stays.
  virtual task<Result<>> erase_payload(EventId id) = 0;
  /// Removes a request's body; the rest of it stays.
  virtual task<Result<>> erase_body(RequestId id) = 0;
  /// The newest timeline moment seen in the store: where a restarted Timeline must not fall behind.
  virtual task<Result<Instant>> last_seen() = 0;
  virtual task<Result<StoreStats>> stats() = 0;
  /// Every broken invariant in words; empty when all hold.
  virtual task<Result<std::vector<std::string>>> check() = 0;
};

}  // namespace posthorn::store

#pragma once
// The rows of a MemoryStore and their indexes. Not thread-safe: MemoryStore locks around it.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/store.h"

namespace posthorn::store {

using EventPtr = std::shared_ptr<const model::Event>;
using RequestPtr = std::shared_ptr<const model::ReceivedRequest>;

struct DeliveryRow {
  model::Delivery delivery;
  bool resolved = false;  ///< Exhausted, and a replay of it succeeded: it blocks no key any more.
};

struct ClientKey {
  EventId event;
  std::string digest;
};

struct RequestRow {
  RequestPtr request;
  std::vector<std::string> keys;  ///< That it claimed; a later request may have taken them over.
};

/// Targets of a large fan-out whose deliveries are not made yet; `next` is the first one's id.
struct Expansion {
  DeliveryId next;
  std::vector<EndpointId> targets;
};

struct MemoryTables {
  using DueKey = std::pair<Instant, DeliveryId>;
  using ObjectName = std::tuple<model::ObjectKind, WorkspaceId, std::string>;

  std::uint64_t next_event = 1, next_delivery = 1, next_attempt = 1, next_object = 1,
                next_audit = 1, next_request = 1;
  RequestId requests_gone;  ///< The highest that retention took after its full time.
  std::int64_t commits = 0, batches = 0;
  Instant moment;  ///< The newest timeline moment of a commit.

  std::map<EventId, EventPtr> events;
  std::map<DeliveryId, DeliveryRow> deliveries;
  std::map<AttemptId, model::Attempt> attempts;
  std::map<EndpointId, model::Lane> lanes;
  std::map<EndpointId, std::vector<model::HeldInterval>> held;
  std::map<std::uint64_t, model::Object> objects;
  std::map<AuditId, model::AuditEntry> audit;
  std::map<EventId, Expansion> expansions;
  std::map<std::pair<WorkspaceId, std::string>, ClientKey> client_keys;
  std::map<std::pair<WorkspaceId, std::string>, std::int64_t> sequences;
  std::map<RequestId, RequestRow> requests;
  std::map<std::pair<SourceId, std::string>, RequestId> request_keys;
  std::array<std::int64_t, shard_count> epochs{};
  std::string last_audit_hash;

  // Indexes.
  std::map<EndpointId, std::set<DueKey>> pending;  ///< By due time.
  /// Pending and exhausted deliveries with a key.
  std::map<std::pair<EndpointId, std::uint64_t>, std::set<DeliveryId>> of_key;
  std::map<EventId, std::set<DeliveryId>> of_event;
  std::map<ObjectName, std::uint64_t> names;
  std::map<SourceId, std::set<std::pair<Instant, RequestId>>> received;  ///< By due time.

  /// A pending delivery of a closed interval that was not recovered: it counts as cancelled.
  [[nodiscard]] bool is_dropped(EndpointId endpoint, DeliveryId id) const;
  /// The delivery as readers see it.
  [[nodiscard]] model::Delivery seen(const DeliveryRow& row) const;
  [[nodiscard]] std::optional<Instant> earliest_pending(EndpointId endpoint) const;

  void insert(DeliveryRow row);
  /// Calls `change` with the row's delivery and keeps the indexes and the lane's bound right.
  template <class Change>
  void change(DeliveryRow& row, Change change) {
    unlink(row.delivery);
    change(row.delivery);
    link(row.delivery);
  }
  void erase(DeliveryId id);
  void lower_lane(EndpointId endpoint, Instant due);

  void insert(RequestRow row);
  void replace(const RequestPtr& request);
  void erase(RequestId id);

  /// Every broken invariant in words.
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  void link(const model::Delivery& delivery);
  void unlink(const model::Delivery& delivery);
  void unlink(const model::ReceivedRequest& request);
};

/// The same without its body.
RequestPtr without_body(const model::ReceivedRequest& request);

/// The hash that chains an audit entry: SHA-256 of the previous hash and the other fields.
std::string audit_hash_of(const model::AuditEntry& entry);

}  // namespace posthorn::store

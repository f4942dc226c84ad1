#pragma once
// The store without a disk: the same contract in ordinary containers, for tests and the simulator.
// Nothing survives the process; what outlives one MemoryStore is its MemoryTables.

#include <functional>
#include <memory>
#include <string>

#include "env/clock.h"
#include "store/store.h"

namespace posthorn::store {

struct MemoryTables;

/// What a MemoryStore holds: hand it to the next one to simulate a restart.
using MemoryTablesPtr = std::shared_ptr<MemoryTables>;

/// Keeps the contract of Store, with two differences: it never answers unavailable, and no call
/// suspends: each is done when it returns. Listeners run on the thread that commits and must not
/// write to the store from there.
class MemoryStore : public Store {
 public:
  /// `clock` must outlive the store. Without `tables` it begins empty. Two stores must not use the
  /// same tables at the same time.
  explicit MemoryStore(const env::Clock& clock, MemoryTablesPtr tables = {});
  ~MemoryStore() override;

  /// For the next store, once this one is gone.
  [[nodiscard]] MemoryTablesPtr tables() const;

  task<Result<Applied>> apply(Batch batch) override;
  Result<Applied> apply_blocking(Batch batch) override;
  std::shared_ptr<void> listen(CommitListener listener) override;
  task<Result<EpochsPtr>> lease(std::string node, std::vector<int> shards) override;

  task<Result<std::vector<Due>>> due(EndpointId endpoint, DueCursor cursor, Instant until,
                                     int limit) override;
  task<Result<std::vector<Due>>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                                DeliveryId before, int limit) override;
  task<Result<std::optional<DeliveryId>>> blocking_head(EndpointId endpoint,
                                                        std::uint64_t key_hash) override;
  task<Result<std::optional<Instant>>> earliest_due(EndpointId endpoint) override;
  task<Result<std::vector<model::Lane>>> lanes_due(Instant until, std::vector<int> shards,
                                                   int limit,
                                                   std::optional<model::Lane> after) override;
  task<Result<std::optional<model::Lane>>> lane(EndpointId endpoint) override;
  task<Result<std::vector<model::HeldInterval>>> held(EndpointId endpoint) override;
  task<Result<bool>> expand_some() override;

  task<Result<std::vector<DueRequest>>> requests_due(SourceId source,
                                                     std::optional<DueRequest> after, Instant until,
                                                     int limit) override;
  task<Result<std::vector<std::pair<SourceId, Instant>>>> sources_with_requests(SourceId after,
                                                                                int limit) override;

  task<Result<std::optional<model::ReceivedRequest>>> request(RequestId id) override;
  task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> requests(
      std::vector<RequestId> ids) override;
  task<Result<Found<model::ReceivedRequest>>> list_requests(RequestFilter filter,
                                                            Page page) override;
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override;
  task<Result<std::optional<EventId>>> event_by_client_id(WorkspaceId workspace,
                                                          std::string client_id) override;
  task<Result<Found<std::shared_ptr<const model::Event>>>> list_events(EventFilter filter,
                                                                       Page page) override;
  task<Result<std::optional<model::Delivery>>> delivery(DeliveryId id) override;
  task<Result<Found<model::Delivery>>> list_deliveries(DeliveryFilter filter, Page page) override;
  task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) override;
  task<Result<Found<model::Attempt>>> list_attempts(std::optional<EndpointId> endpoint,
                                                    Page page) override;
  task<Result<std::optional<model::Object>>> object(model::ObjectKind kind,
                                                    std::uint64_t id) override;
  task<Result<std::optional<model::Object>>> object_by_name(model::ObjectKind kind,
                                                            WorkspaceId workspace,
                                                            std::string name) override;
  task<Result<Found<model::Object>>> list_objects(model::ObjectKind kind, ObjectFilter filter,
                                                  Page page) override;
  task<Result<Found<model::AuditEntry>>> list_audit(std::optional<WorkspaceId> workspace,
                                                    Page page) override;

  task<Result<bool>> retain(Retention retention, Instant now, int limit) override;
  task<Result<>> erase_payload(EventId id) override;
  task<Result<>> erase_body(RequestId id) override;
  task<Result<Instant>> last_seen() override;
  task<Result<StoreStats>> stats() override;
  task<Result<std::vector<std::string>>> check() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::store

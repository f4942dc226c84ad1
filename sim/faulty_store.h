#pragma once
// The store as one process sees it: in front of the committed rows, which outlive the process, it
// is slow, fails, refuses, and dies with its process right before or after a commit.

#include <functional>
#include <memory>
#include <string>

#include "sim/clock.h"
#include "sim/random.h"
#include "store/store.h"

namespace posthorn::sim {

/// Faults of the machine's disk: the same for every process.
struct StoreFaults {
  int fail_percent = 0;
  int read_fail_percent = 0;  ///< Of calls that only read; the higher of both counts.
  bool full = false;          ///< Every write is refused as unavailable.
  Millis latency_max{0};
};

class FaultyStore final : public store::Store {
 public:
  enum class Crash : std::uint8_t { none, before_commit, after_commit };

  struct Hooks {
    std::function<store::Store&()> rows;  ///< The store behind.
    std::function<void()> kill;           ///< Ends the process; die() is called from it.
    std::function<void(const store::Batch&, const store::Applied&)> committed;
    std::function<void(const store::Batch&, std::optional<Errc>)>
        answered;  ///< The caller resumes next.
    std::function<void(const std::vector<int>& shards)> leased;
  };
  FaultyStore(Hooks hooks, env::Clock& clock, SimRandom random, const StoreFaults& faults)
      : hooks_(std::move(hooks)), clock_(clock), random_(random), faults_(faults) {}

  /// Nothing reaches the rows any more; every call answers cancelled.
  void die() {
    dead_ = true;
    listening_ = nullptr;
  }
  /// A commit of this process is being told.
  [[nodiscard]] bool is_committing() const { return committing_; }
  /// The next apply() ends the process.
  void crash_at_next_commit(Crash when) { crash_ = when; }

  task<Result<store::Applied>> apply(store::Batch batch) override;
  Result<store::Applied> apply_blocking(store::Batch batch) override;
  std::shared_ptr<void> listen(store::CommitListener listener) override;
  task<Result<store::EpochsPtr>> lease(std::string node, std::vector<int> shards) override;
  task<Result<std::vector<store::Due>>> due(EndpointId endpoint, store::DueCursor cursor,
                                            Instant until, int limit) override;
  task<Result<std::vector<store::Due>>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
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
  task<Result<std::vector<store::DueRequest>>> requests_due(SourceId source,
                                                            std::optional<store::DueRequest> after,
                                                            Instant until, int limit) override;
  task<Result<std::vector<std::pair<SourceId, Instant>>>> sources_with_requests(SourceId after,
                                                                                int limit) override;

  task<Result<std::optional<model::ReceivedRequest>>> request(RequestId id) override;
  task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> requests(
      std::vector<RequestId> ids) override;
  task<Result<store::Found<model::ReceivedRequest>>> list_requests(store::RequestFilter filter,
                                                                   store::Page page) override;
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override;
  task<Result<std::optional<EventId>>> event_by_client_id(WorkspaceId workspace,
                                                          std::string client_id) override;
  task<Result<store::Found<std::shared_ptr<const model::Event>>>> list_events(
      store::EventFilter filter, store::Page page) override;
  task<Result<std::optional<model::Delivery>>> delivery(DeliveryId id) override;
  task<Result<store::Found<model::Delivery>>> list_deliveries(store::DeliveryFilter filter,
                                                              store::Page page) override;
  task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) override;
  task<Result<store::Found<model::Attempt>>> list_attempts(std::optional<EndpointId> endpoint,
                                                           store::Page page) override;
  task<Result<std::optional<model::Object>>> object(model::ObjectKind kind,
                                                    std::uint64_t id) override;
  task<Result<std::optional<model::Object>>> object_by_name(model::ObjectKind kind,
                                                            WorkspaceId workspace,
                                                            std::string name) override;
  task<Result<store::Found<model::Object>>> list_objects(model::ObjectKind kind,
                                                         store::ObjectFilter filter,
                                                         store::Page page) override;
  task<Result<store::Found<model::AuditEntry>>> list_audit(std::optional<WorkspaceId> workspace,
                                                           store::Page page) override;
  task<Result<bool>> retain(store::Retention retention, Instant now, int limit) override;
  task<Result<>> erase_payload(EventId id) override;
  task<Result<>> erase_body(RequestId id) override;
  task<Result<Instant>> last_seen() override;
  task<Result<store::StoreStats>> stats() override;
  task<Result<std::vector<std::string>>> check() override;

 private:
  /// What stands before the call: none, or why it fails.
  task<Result<>> before(bool writes);
  task<> after();
  template <class T>
  task<Result<T>> forward(task<Result<T>> call, bool writes = false);

  Hooks hooks_;
  env::Clock& clock_;
  SimRandom random_;
  const StoreFaults& faults_;
  std::shared_ptr<void> listening_;
  Crash crash_ = Crash::none;
  bool committing_ = false;
  bool dead_ = false;
};

}  // namespace posthorn::sim

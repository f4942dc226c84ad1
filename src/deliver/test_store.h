#pragma once
// The memory store with apply() under the test's control, and as slow as the test wants it.

#include <functional>

#include "env/clock.h"
#include "store/memory/memory_store.h"

namespace posthorn::deliver::testing {

class ScriptedStore : public store::Store {
 public:
  explicit ScriptedStore(store::Store& inner) : inner_(inner) {}

  /// What apply() answers instead of asking the store; none: it asks.
  std::function<std::optional<Error>(const store::Batch&)> refuse = [](const store::Batch&) {
    return std::optional<Error>();
  };
  /// Runs before apply() asks the store: somebody else's change comes first.
  std::function<void(const store::Batch&)> before = [](const store::Batch&) {};
  /// How long a call waits before and again after it is done; none: it does not suspend.
  std::function<Millis()> latency;
  bool open = true;   ///< What accepting() says.
  int key_reads = 0;  ///< Questions about one key.
  int payload_reads = 0;
  bool lists_fail = false;
  int failing_reads = 0;        ///< So many of the next slow reads fail.
  env::Clock* clock = nullptr;  ///< Needed with latency.

  task<Result<store::Applied>> apply(store::Batch batch) override {
    if (auto error = refuse(batch)) co_return fail(*std::move(error));
    if (latency) co_await clock->sleep_until(clock->steady() + latency());
    before(batch);
    auto applied = co_await inner_.apply(std::move(batch));
    if (latency) co_await clock->sleep_until(clock->steady() + latency());
    co_return applied;
  }
  Result<store::Applied> apply_blocking(store::Batch batch) override {
    return inner_.apply_blocking(std::move(batch));
  }
  [[nodiscard]] bool accepting() const override { return open; }
  std::shared_ptr<void> listen(store::CommitListener listener) override {
    return inner_.listen(std::move(listener));
  }
  task<Result<store::EpochsPtr>> lease(std::string node, std::vector<int> shards) override {
    return inner_.lease(std::move(node), std::move(shards));
  }
  task<Result<std::vector<store::Due>>> due(EndpointId endpoint, store::DueCursor cursor,
                                            Instant until, int limit) override {
    return slowly(inner_.due(endpoint, cursor, until, limit));
  }
  task<Result<std::vector<store::Due>>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                                       DeliveryId before_id, int limit) override {
    ++key_reads;
    return slowly(inner_.pending_of_key(endpoint, key_hash, before_id, limit));
  }
  task<Result<std::optional<DeliveryId>>> blocking_head(EndpointId endpoint,
                                                        std::uint64_t key_hash) override {
    ++key_reads;
    return slowly(inner_.blocking_head(endpoint, key_hash));
  }
  task<Result<std::optional<Instant>>> earliest_due(EndpointId endpoint) override {
    return inner_.earliest_due(endpoint);
  }
  task<Result<std::vector<model::Lane>>> lanes_due(Instant until, std::vector<int> shards,
                                                   int limit,
                                                   std::optional<model::Lane> after) override {
    return slowly(inner_.lanes_due(until, std::move(shards), limit, std::move(after)));
  }
  task<Result<std::optional<model::Lane>>> lane(EndpointId endpoint) override {
    return slowly(inner_.lane(endpoint));
  }
  task<Result<std::vector<model::HeldInterval>>> held(EndpointId endpoint) override {
    return inner_.held(endpoint);
  }
  task<Result<bool>> expand_some() override { return slowly(inner_.expand_some()); }
  task<Result<std::vector<store::DueRequest>>> requests_due(SourceId source,
                                                            std::optional<store::DueRequest> after,
                                                            Instant until, int limit) override {
    return slowly(inner_.requests_due(source, after, until, limit));
  }
  task<Result<std::vector<std::pair<SourceId, Instant>>>> sources_with_requests(
      SourceId after, int limit) override {
    return slowly(inner_.sources_with_requests(after, limit));
  }
  task<Result<std::optional<model::ReceivedRequest>>> request(RequestId id) override {
    return slowly(inner_.request(id));
  }
  task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> requests(
      std::vector<RequestId> ids) override {
    return slowly(inner_.requests(std::move(ids)));
  }
  task<Result<store::Found<model::ReceivedRequest>>> list_requests(store::RequestFilter filter,
                                                                   store::Page page) override {
    return inner_.list_requests(std::move(filter), page);
  }
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override {
    ++payload_reads;
    return slowly(inner_.events(std::move(ids)));
  }
  task<Result<std::optional<EventId>>> event_by_client_id(WorkspaceId workspace,
                                                          std::string client_id) override {
    return inner_.event_by_client_id(workspace, std::move(client_id));
  }
  task<Result<store::Found<std::shared_ptr<const model::Event>>>> list_events(
      store::EventFilter filter, store::Page page) override {
    return inner_.list_events(std::move(filter), page);
  }
  task<Result<std::optional<model::Delivery>>> delivery(DeliveryId id) override {
    return slowly(inner_.delivery(id));
  }
  task<Result<store::Found<model::Delivery>>> list_deliveries(store::DeliveryFilter filter,
                                                              store::Page page) override {
    if (lists_fail) co_return fail(Errc::io, "the disk does not answer");
    co_return co_await inner_.list_deliveries(std::move(filter), page);
  }
  task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) override {
    return inner_.attempts(id);
  }
  task<Result<store::Found<model::Attempt>>> list_attempts(std::optional<EndpointId> endpoint,
                                                           store::Page page) override {
    return inner_.list_attempts(endpoint, page);
  }
  task<Result<std::optional<model::Object>>> object(model::ObjectKind kind,
                                                    std::uint64_t id) override {
    return slowly(inner_.object(kind, id));
  }
  task<Result<std::optional<model::Object>>> object_by_name(model::ObjectKind kind,
                                                            WorkspaceId workspace,
                                                            std::string name) override {
    return inner_.object_by_name(kind, workspace, std::move(name));
  }
  task<Result<store::Found<model::Object>>> list_objects(model::ObjectKind kind,
                                                         store::ObjectFilter filter,
                                                         store::Page page) override {
    return inner_.list_objects(kind, std::move(filter), page);
  }
  task<Result<store::Found<model::AuditEntry>>> list_audit(std::optional<WorkspaceId> workspace,
                                                           store::Page page) override {
    return inner_.list_audit(workspace, page);
  }
  task<Result<bool>> retain(store::Retention retention, Instant now, int limit) override {
    return inner_.retain(retention, now, limit);
  }
  task<Result<>> erase_payload(EventId id) override { return inner_.erase_payload(id); }
  task<Result<>> erase_body(RequestId id) override { return inner_.erase_body(id); }
  task<Result<Instant>> last_seen() override { return inner_.last_seen(); }
  task<Result<store::StoreStats>> stats() override { return inner_.stats(); }
  task<Result<std::vector<std::string>>> check() override { return inner_.check(); }

 private:
  template <class T>
  task<T> slowly(task<T> call) {
    if (failing_reads > 0) {
      --failing_reads;
      co_return fail(Errc::io, "the disk does not answer");
    }
    if (latency) co_await clock->sleep_until(clock->steady() + latency());
    auto result = co_await std::move(call);
    if (latency) co_await clock->sleep_until(clock->steady() + latency());
    co_return result;
  }

  store::Store& inner_;
};

}  // namespace posthorn::deliver::testing

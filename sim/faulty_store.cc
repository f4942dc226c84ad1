#include "sim/faulty_store.h"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace posthorn::sim {

using store::Found;
using store::Page;

task<Result<>> FaultyStore::before(bool writes) {
  if (!dead_ && faults_.latency_max > 0ms)
    co_await clock_.sleep_until(clock_.steady() + random_.span(0ms, faults_.latency_max));
  if (dead_) co_return fail(Errc::cancelled, "the process has ended");
  if (writes && faults_.full) co_return fail(Errc::unavailable, "the disk is full");
  const int percent =
      writes ? faults_.fail_percent : std::max(faults_.fail_percent, faults_.read_fail_percent);
  if (percent > 0 && random_.chance(percent))
    co_return fail(writes ? Errc::unavailable : Errc::io, "the disk does not answer");
  co_return Result<>{};
}

task<> FaultyStore::after() {
  if (dead_ || faults_.latency_max == 0ms) co_return;
  try {
    co_await clock_.sleep_until(clock_.steady() + random_.span(0ms, faults_.latency_max));
  } catch (const boost::system::system_error&) {
    // What was committed stays so, whoever gave up waiting for it.
  }
}

template <class T>
task<Result<T>> FaultyStore::forward(task<Result<T>> call, bool writes) {
  auto allowed = co_await before(writes);
  if (!allowed) co_return fail(std::move(allowed).error());
  auto result = co_await std::move(call);
  co_await after();
  if (dead_) co_return fail(Errc::cancelled, "the process has ended");
  co_return result;
}

task<Result<store::Applied>> FaultyStore::apply(store::Batch batch) {
  auto allowed = co_await before(true);
  if (!allowed) {
    if (!dead_) hooks_.answered(batch, allowed.error().code);
    co_return fail(std::move(allowed).error());
  }
  const Crash crash = std::exchange(crash_, Crash::none);
  if (crash == Crash::before_commit) {
    hooks_.kill();
    co_return fail(Errc::cancelled, "the process has ended");
  }
  committing_ = true;
  auto applied = co_await hooks_.rows().apply(batch);
  committing_ = false;
  if (applied) hooks_.committed(batch, *applied);
  if (crash == Crash::after_commit) hooks_.kill();
  co_await after();
  if (dead_) co_return fail(Errc::cancelled, "the process has ended");
  hooks_.answered(batch, applied ? std::nullopt : std::optional(applied.error().code));
  co_return applied;
}

Result<store::Applied> FaultyStore::apply_blocking(store::Batch) {
  return fail(Errc::unsupported, "one thread cannot wait for itself");
}

std::shared_ptr<void> FaultyStore::listen(store::CommitListener listener) {
  listening_ = hooks_.rows().listen(std::move(listener));
  // Whoever holds the token ends it; a process that dies ends it as well.
  const std::weak_ptr<void> weak = listening_;
  return {this, [this, weak](void*) {
            if (!weak.expired()) listening_ = nullptr;
          }};
}

task<Result<store::EpochsPtr>> FaultyStore::lease(std::string node, std::vector<int> shards) {
  auto allowed = co_await before(true);
  if (!allowed) co_return fail(std::move(allowed).error());
  auto epochs = co_await hooks_.rows().lease(std::move(node), shards);
  if (epochs) hooks_.leased(shards);
  co_await after();
  if (dead_) co_return fail(Errc::cancelled, "the process has ended");
  co_return epochs;
}

// Calls to the memory store are made when they are awaited: a lazily started coroutine.

task<Result<std::vector<store::Due>>> FaultyStore::due(EndpointId endpoint, store::DueCursor cursor,
                                                       Instant until, int limit) {
  return forward(hooks_.rows().due(endpoint, cursor, until, limit));
}
task<Result<std::vector<store::Due>>> FaultyStore::pending_of_key(EndpointId endpoint,
                                                                  std::uint64_t key_hash,
                                                                  DeliveryId before_id, int limit) {
  return forward(hooks_.rows().pending_of_key(endpoint, key_hash, before_id, limit));
}
task<Result<std::optional<DeliveryId>>> FaultyStore::blocking_head(EndpointId endpoint,
                                                                   std::uint64_t key_hash) {
  return forward(hooks_.rows().blocking_head(endpoint, key_hash));
}
task<Result<std::optional<Instant>>> FaultyStore::earliest_due(EndpointId endpoint) {
  return forward(hooks_.rows().earliest_due(endpoint));
}
task<Result<std::vector<model::Lane>>> FaultyStore::lanes_due(Instant until,
                                                              std::vector<int> shards, int limit,
                                                              std::optional<model::Lane> behind) {
  return forward(hooks_.rows().lanes_due(until, std::move(shards), limit, behind));
}
task<Result<std::optional<model::Lane>>> FaultyStore::lane(EndpointId endpoint) {
  return forward(hooks_.rows().lane(endpoint));
}
task<Result<std::vector<model::HeldInterval>>> FaultyStore::held(EndpointId endpoint) {
  return forward(hooks_.rows().held(endpoint));
}
task<Result<bool>> FaultyStore::expand_some() { return forward(hooks_.rows().expand_some(), true); }
task<Result<std::vector<store::DueRequest>>> FaultyStore::requests_due(
    SourceId source, std::optional<store::DueRequest> behind, Instant until, int limit) {
  return forward(hooks_.rows().requests_due(source, behind, until, limit));
}
task<Result<std::vector<std::pair<SourceId, Instant>>>> FaultyStore::sources_with_requests(
    SourceId behind, int limit) {
  return forward(hooks_.rows().sources_with_requests(behind, limit));
}
task<Result<std::optional<model::ReceivedRequest>>> FaultyStore::request(RequestId id) {
  return forward(hooks_.rows().request(id));
}
task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> FaultyStore::requests(
    std::vector<RequestId> ids) {
  return forward(hooks_.rows().requests(std::move(ids)));
}
task<Result<Found<model::ReceivedRequest>>> FaultyStore::list_requests(store::RequestFilter filter,
                                                                       Page page) {
  return forward(hooks_.rows().list_requests(std::move(filter), page));
}
task<Result<std::vector<std::shared_ptr<const model::Event>>>> FaultyStore::events(
    std::vector<EventId> ids) {
  return forward(hooks_.rows().events(std::move(ids)));
}
task<Result<std::optional<EventId>>> FaultyStore::event_by_client_id(WorkspaceId workspace,
                                                                     std::string client_id) {
  return forward(hooks_.rows().event_by_client_id(workspace, std::move(client_id)));
}
task<Result<Found<std::shared_ptr<const model::Event>>>> FaultyStore::list_events(
    store::EventFilter filter, Page page) {
  return forward(hooks_.rows().list_events(std::move(filter), page));
}
task<Result<std::optional<model::Delivery>>> FaultyStore::delivery(DeliveryId id) {
  return forward(hooks_.rows().delivery(id));
}
task<Result<Found<model::Delivery>>> FaultyStore::list_deliveries(store::DeliveryFilter filter,
                                                                  Page page) {
  return forward(hooks_.rows().list_deliveries(std::move(filter), page));
}
task<Result<std::vector<model::Attempt>>> FaultyStore::attempts(DeliveryId id) {
  return forward(hooks_.rows().attempts(id));
}
task<Result<Found<model::Attempt>>> FaultyStore::list_attempts(std::optional<EndpointId> endpoint,
                                                               Page page) {
  return forward(hooks_.rows().list_attempts(endpoint, page));
}
task<Result<std::optional<model::Object>>> FaultyStore::object(model::ObjectKind kind,
                                                               std::uint64_t id) {
  return forward(hooks_.rows().object(kind, id));
}
task<Result<std::optional<model::Object>>> FaultyStore::object_by_name(model::ObjectKind kind,
                                                                       WorkspaceId workspace,
                                                                       std::string name) {
  return forward(hooks_.rows().object_by_name(kind, workspace, std::move(name)));
}
task<Result<Found<model::Object>>> FaultyStore::list_objects(model::ObjectKind kind,
                                                             store::ObjectFilter filter,
                                                             Page page) {
  return forward(hooks_.rows().list_objects(kind, std::move(filter), page));
}
task<Result<Found<model::AuditEntry>>> FaultyStore::list_audit(std::optional<WorkspaceId> workspace,
                                                               Page page) {
  return forward(hooks_.rows().list_audit(workspace, page));
}
task<Result<bool>> FaultyStore::retain(store::Retention retention, Instant now, int limit) {
  return forward(hooks_.rows().retain(retention, now, limit), true);
}
task<Result<>> FaultyStore::erase_payload(EventId id) {
  return forward(hooks_.rows().erase_payload(id), true);
}
task<Result<>> FaultyStore::erase_body(RequestId id) {
  return forward(hooks_.rows().erase_body(id), true);
}
task<Result<Instant>> FaultyStore::last_seen() { return forward(hooks_.rows().last_seen()); }
task<Result<store::StoreStats>> FaultyStore::stats() { return forward(hooks_.rows().stats()); }
task<Result<std::vector<std::string>>> FaultyStore::check() {
  return forward(hooks_.rows().check());
}

}  // namespace posthorn::sim

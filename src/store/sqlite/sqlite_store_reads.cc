// Each query goes to a reading thread and comes back.
#include "store/sqlite/sqlite_store_state.h"

namespace posthorn::store {

using EventPtr = std::shared_ptr<const model::Event>;
using RequestPtr = std::shared_ptr<const model::ReceivedRequest>;

task<Result<std::vector<Due>>> SqliteStore::due(EndpointId endpoint, DueCursor cursor,
                                                Instant until, int limit) {
  return state_->read<std::vector<Due>>(
      [=](Reader& reader) { return reader.due(endpoint, cursor, until, limit); });
}

task<Result<std::vector<Due>>> SqliteStore::pending_of_key(EndpointId endpoint,
                                                           std::uint64_t key_hash,
                                                           DeliveryId before, int limit) {
  return state_->read<std::vector<Due>>(
      [=](Reader& reader) { return reader.pending_of_key(endpoint, key_hash, before, limit); });
}

task<Result<std::optional<DeliveryId>>> SqliteStore::blocking_head(EndpointId endpoint,
                                                                   std::uint64_t key_hash) {
  return state_->read<std::optional<DeliveryId>>(
      [=](Reader& reader) { return reader.blocking_head(endpoint, key_hash); });
}

task<Result<std::optional<Instant>>> SqliteStore::earliest_due(EndpointId endpoint) {
  return state_->read<std::optional<Instant>>(
      [=](Reader& reader) { return reader.earliest_due(endpoint); });
}

task<Result<std::vector<model::Lane>>> SqliteStore::lanes_due(Instant until,
                                                              std::vector<int> shards, int limit,
                                                              std::optional<model::Lane> after) {
  return state_->read<std::vector<model::Lane>>([=, shards = std::move(shards)](Reader& reader) {
    return reader.lanes_due(until, shards, limit, after);
  });
}

task<Result<std::optional<model::Lane>>> SqliteStore::lane(EndpointId endpoint) {
  return state_->read<std::optional<model::Lane>>(
      [=](Reader& reader) { return reader.lane(endpoint); });
}

task<Result<std::vector<model::HeldInterval>>> SqliteStore::held(EndpointId endpoint) {
  return state_->read<std::vector<model::HeldInterval>>(
      [=](Reader& reader) { return reader.held(endpoint); });
}

task<Result<>> SqliteStore::State::queue_requests() {
  return write<void>(
      [](Applier& target) -> Result<> {
        target.queue_all_requests();
        return {};
      },
      0);
}

task<Result<std::vector<DueRequest>>> SqliteStore::requests_due(SourceId source,
                                                                std::optional<DueRequest> after,
                                                                Instant until, int limit) {
  if (auto queued = co_await state_->queue_requests(); !queued)
    co_return fail(std::move(queued).error());
  co_return co_await state_->read<std::vector<DueRequest>>(
      [=](Reader& reader) { return reader.requests_due(source, after, until, limit); });
}

task<Result<std::vector<std::pair<SourceId, Instant>>>> SqliteStore::sources_with_requests(
    SourceId after, int limit) {
  if (auto queued = co_await state_->queue_requests(); !queued)
    co_return fail(std::move(queued).error());
  co_return co_await state_->read<std::vector<std::pair<SourceId, Instant>>>(
      [=](Reader& reader) { return reader.sources_with_requests(after, limit); });
}

task<Result<std::optional<model::ReceivedRequest>>> SqliteStore::request(RequestId id) {
  return state_->read<std::optional<model::ReceivedRequest>>(
      [=](Reader& reader) -> Result<std::optional<model::ReceivedRequest>> {
        PH_TRY(const auto found, reader.requests({id}));
        if (found.empty()) return std::nullopt;
        return *found.front();
      });
}

task<Result<std::vector<RequestPtr>>> SqliteStore::requests(std::vector<RequestId> ids) {
  return state_->read<std::vector<RequestPtr>>(
      [ids = std::move(ids)](Reader& reader) { return reader.requests(ids); });
}

task<Result<Found<model::ReceivedRequest>>> SqliteStore::list_requests(RequestFilter filter,
                                                                       Page page) {
  return state_->read<Found<model::ReceivedRequest>>(
      [filter = std::move(filter), page](Reader& reader) {
        return reader.list_requests(filter, page);
      });
}

task<Result<std::vector<EventPtr>>> SqliteStore::events(std::vector<EventId> ids) {
  return state_->read<std::vector<EventPtr>>(
      [ids = std::move(ids)](Reader& reader) { return reader.events(ids); });
}

task<Result<std::optional<EventId>>> SqliteStore::event_by_client_id(WorkspaceId workspace,
                                                                     std::string client_id) {
  return state_->read<std::optional<EventId>>(
      [workspace, client_id = std::move(client_id)](Reader& reader) {
        return reader.event_by_client_id(workspace, client_id);
      });
}

task<Result<Found<EventPtr>>> SqliteStore::list_events(EventFilter filter, Page page) {
  return state_->read<Found<EventPtr>>([filter = std::move(filter), page](Reader& reader) {
    return reader.list_events(filter, page);
  });
}

task<Result<std::optional<model::Delivery>>> SqliteStore::delivery(DeliveryId id) {
  return state_->read<std::optional<model::Delivery>>(
      [=](Reader& reader) { return reader.delivery(id); });
}

task<Result<Found<model::Delivery>>> SqliteStore::list_deliveries(DeliveryFilter filter,
                                                                  Page page) {
  return state_->read<Found<model::Delivery>>([filter = std::move(filter), page](Reader& reader) {
    return reader.list_deliveries(filter, page);
  });
}

task<Result<std::vector<model::Attempt>>> SqliteStore::attempts(DeliveryId id) {
  return state_->read<std::vector<model::Attempt>>(
      [=](Reader& reader) { return reader.attempts(id); });
}

task<Result<Found<model::Attempt>>> SqliteStore::list_attempts(std::optional<EndpointId> endpoint,
                                                               Page page) {
  return state_->read<Found<model::Attempt>>(
      [=](Reader& reader) { return reader.list_attempts(endpoint, page); });
}

task<Result<std::optional<model::Object>>> SqliteStore::object(model::ObjectKind kind,
                                                               std::uint64_t id) {
  return state_->read<std::optional<model::Object>>(
      [=](Reader& reader) { return reader.object(kind, id); });
}

task<Result<std::optional<model::Object>>> SqliteStore::object_by_name(model::ObjectKind kind,
                                                                       WorkspaceId workspace,
                                                                       std::string name) {
  return state_->read<std::optional<model::Object>>(
      [kind, workspace, name = std::move(name)](Reader& reader) {
        return reader.object_by_name(kind, workspace, name);
      });
}

task<Result<Found<model::Object>>> SqliteStore::list_objects(model::ObjectKind kind,
                                                             ObjectFilter filter, Page page) {
  return state_->read<Found<model::Object>>(
      [kind, filter = std::move(filter), page](Reader& reader) {
        return reader.list_objects(kind, filter, page);
      });
}

task<Result<Found<model::AuditEntry>>> SqliteStore::list_audit(std::optional<WorkspaceId> workspace,
                                                               Page page) {
  return state_->read<Found<model::AuditEntry>>(
      [=](Reader& reader) { return reader.list_audit(workspace, page); });
}

}  // namespace posthorn::store

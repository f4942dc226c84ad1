#include "store/memory/filters.h"
#include "store/memory/state.h"

namespace posthorn::store {

task<Result<std::vector<DueRequest>>> MemoryStore::requests_due(SourceId source,
                                                                std::optional<DueRequest> after,
                                                                Instant until, int limit) {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  std::vector<DueRequest> found;
  const auto queue = tables.received.find(source);
  if (queue == tables.received.end()) co_return found;
  auto at = after ? queue->second.upper_bound({after->due_at, after->id}) : queue->second.begin();
  for (; at != queue->second.end() && at->first <= until && std::ssize(found) < limit; ++at)
    found.push_back({.id = at->second,
                     .due_at = at->first,
                     .attempts = tables.requests.at(at->second).request->attempts});
  co_return found;
}

task<Result<std::vector<std::pair<SourceId, Instant>>>> MemoryStore::sources_with_requests(
    SourceId after, int limit) {
  const std::lock_guard lock(state_->mutex);
  const auto& queues = state_->tables->received;
  std::vector<std::pair<SourceId, Instant>> found;
  for (auto at = queues.upper_bound(after); at != queues.end() && std::ssize(found) < limit; ++at)
    found.emplace_back(at->first, at->second.begin()->first);
  co_return found;
}

task<Result<std::optional<model::ReceivedRequest>>> MemoryStore::request(RequestId id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->requests.find(id);
  if (found == state_->tables->requests.end()) co_return std::nullopt;
  co_return *found->second.request;
}

task<Result<std::vector<RequestPtr>>> MemoryStore::requests(std::vector<RequestId> ids) {
  const std::lock_guard lock(state_->mutex);
  const auto& rows = state_->tables->requests;
  std::vector<RequestPtr> found;
  for (const RequestId id : ids)
    if (const auto row = rows.find(id); row != rows.end()) found.push_back(row->second.request);
  co_return found;
}

task<Result<Found<model::ReceivedRequest>>> MemoryStore::list_requests(RequestFilter filter,
                                                                       Page page) {
  const std::lock_guard lock(state_->mutex);
  co_return scan_page<model::ReceivedRequest>(
      state_->tables->requests, page,
      [&filter](const RequestRow& row) -> std::optional<model::ReceivedRequest> {
        if (!matches(filter, *row.request)) return std::nullopt;
        return *without_body(*row.request);
      });
}

}  // namespace posthorn::store

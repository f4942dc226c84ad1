#include "store/memory/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "store/memory/state.h"

namespace posthorn::store {

MemoryStore::MemoryStore(const env::Clock& clock, MemoryTablesPtr tables)
    : state_(std::make_unique<State>(
          clock, tables ? std::move(tables) : std::make_shared<MemoryTables>())) {}
MemoryStore::~MemoryStore() = default;

MemoryTablesPtr MemoryStore::tables() const { return state_->tables; }

void MemoryStore::State::tell(const std::shared_ptr<const CommitNotice>& notice) {
  std::vector<std::shared_ptr<Listener>> told;
  {
    const std::lock_guard lock(listeners_mutex);
    told = listeners;
  }
  for (const auto& entry : told) {
    const std::lock_guard lock(entry->mutex);
    if (entry->listener) entry->listener(notice);
  }
}

Result<Applied> MemoryStore::apply_blocking(Batch batch) {
  return state_->commit([&batch](MemoryApply& apply) { return apply.apply(std::move(batch)); });
}

task<Result<Applied>> MemoryStore::apply(Batch batch) {
  co_return apply_blocking(std::move(batch));
}

std::shared_ptr<void> MemoryStore::listen(CommitListener listener) {
  auto entry = std::make_shared<State::Listener>();
  entry->listener = std::move(listener);
  const std::lock_guard lock(state_->listeners_mutex);
  std::erase_if(state_->listeners, [](const auto& ended) { return ended.use_count() == 1; });
  state_->listeners.push_back(entry);
  // The token may outlive the store, so it holds the entry and not the state.
  return {entry.get(), [entry](void*) {
            const std::lock_guard ending(entry->mutex);
            entry->listener = nullptr;
          }};
}

task<Result<EpochsPtr>> MemoryStore::lease(std::string node, std::vector<int> shards) {
  for (const int shard : shards)
    if (shard < 0 || shard >= shard_count)
      co_return fail(Errc::invalid,
                     fmt::format("{}: shard {}: 0 to {} are there", node, shard, shard_count - 1));
  const std::lock_guard lock(state_->mutex);
  auto epochs = std::make_shared<Epochs>();
  for (const int shard : shards) {
    const auto index = static_cast<std::size_t>(shard);
    epochs->of_shard[index] = ++state_->tables->epochs[index];
  }
  co_return epochs;
}

task<Result<bool>> MemoryStore::expand_some() {
  co_return state_->commit([](MemoryApply& apply) -> Result<bool> { return apply.expand_some(); });
}

task<Result<Instant>> MemoryStore::last_seen() {
  const std::lock_guard lock(state_->mutex);
  co_return state_->tables->moment;
}

task<Result<StoreStats>> MemoryStore::stats() {
  const std::lock_guard lock(state_->mutex);
  const auto& tables = *state_->tables;
  StoreStats stats;
  stats.events = static_cast<std::int64_t>(tables.events.size());
  stats.attempts = static_cast<std::int64_t>(tables.attempts.size());
  stats.requests = static_cast<std::int64_t>(tables.requests.size());
  for (const auto& [source, queue] : tables.received)
    stats.requests_pending += static_cast<std::int64_t>(queue.size());
  stats.commits = tables.commits;
  stats.batches = tables.batches;
  for (const auto& [endpoint, queue] : tables.pending)
    stats.deliveries_pending += std::ranges::count_if(
        queue, [&](const auto& due) { return !tables.is_dropped(endpoint, due.second); });
  co_return stats;
}

task<Result<std::vector<std::string>>> MemoryStore::check() {
  const std::lock_guard lock(state_->mutex);
  co_return state_->tables->faults();
}

}  // namespace posthorn::store

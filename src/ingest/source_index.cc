#include "ingest/source_index.h"

#include <algorithm>

namespace posthorn::ingest {

env::RateVerdict ClientRates::take(std::string_view client, int per_minute, Tick now) {
  const std::lock_guard lock(mutex_);
  if (clients_.size() >= clients_max) clients_.clear();
  return clients_[std::string(client)].take(per_minute, now);
}

task<Result<>> SourceIndex::load() {
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  for (;;) {
    store::ObjectFilter all;
    PH_CO_TRY(const auto found, co_await store_.list_objects(model::ObjectKind::source, all, page));
    for (const auto& object : found.rows) {
      PH_CO_TRY(auto source, source_from(object, vault_));
      upsert(std::move(source));
    }
    if (!found.next) co_return Result<>{};
    page.after = *found.next;
  }
}

LiveSourcePtr SourceIndex::make(Source source, std::shared_ptr<SourceActivity> activity) const {
  auto live = std::make_shared<LiveSource>();
  const Instant now = clock_.now();
  model::Faults ignored;  // What was stored was checked then; a stricter rule must not stop calls.
  live->settings = providers::read_settings(*source.provider, live_config(source, now), ignored);
  live->settings_until = next_expiry(source, now);
  if (!source.schema.empty())
    if (auto schema = model::Schema::parse(source.schema)) live->schema = *std::move(schema);
  live->activity = std::move(activity);
  live->source = std::move(source);
  return live;
}

LiveSourcePtr SourceIndex::current(LiveSourcePtr live) const {
  if (!live || !live->settings_until || clock_.now() < *live->settings_until) return live;
  auto renewed = make(live->source, live->activity);
  const std::unique_lock lock(mutex_);
  if (const auto place = sources_.find(live->source.id);
      place != sources_.end() && place->second == live)
    place->second = renewed;
  return renewed;
}

LiveSourcePtr SourceIndex::by_slug(std::string_view slug) const {
  LiveSourcePtr found;
  {
    const std::shared_lock lock(mutex_);
    const auto place = slugs_.find(std::string(slug));
    if (place == slugs_.end()) return nullptr;
    found = sources_.at(place->second);
  }
  return current(std::move(found));
}

LiveSourcePtr SourceIndex::by_id(SourceId id) const {
  LiveSourcePtr found;
  {
    const std::shared_lock lock(mutex_);
    const auto place = sources_.find(id);
    if (place == sources_.end()) return nullptr;
    found = place->second;
  }
  return current(std::move(found));
}

std::size_t SourceIndex::count(WorkspaceId workspace) const {
  const std::shared_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(sources_, [workspace](const auto& entry) {
    return entry.second->source.workspace == workspace;
  }));
}

std::vector<LiveSourcePtr> SourceIndex::all(std::optional<WorkspaceId> workspace) const {
  std::vector<LiveSourcePtr> found;
  const std::shared_lock lock(mutex_);
  for (const auto& [id, live] : sources_)
    if (!workspace || live->source.workspace == *workspace) found.push_back(live);
  return found;
}

void SourceIndex::upsert(Source source) {
  std::shared_ptr<SourceActivity> activity;
  {
    const std::shared_lock lock(mutex_);
    if (const auto known = sources_.find(source.id); known != sources_.end()) {
      if (known->second->source.version > source.version) return;
      activity = known->second->activity;
    }
  }
  if (!activity) activity = std::make_shared<SourceActivity>();
  auto live = make(std::move(source), std::move(activity));
  const std::unique_lock lock(mutex_);
  auto& place = sources_[live->source.id];
  if (place && place->source.version > live->source.version) return;
  slugs_[live->source.slug] = live->source.id;
  place = std::move(live);
}

void SourceIndex::remove(SourceId id) {
  const std::unique_lock lock(mutex_);
  const auto found = sources_.find(id);
  if (found == sources_.end()) return;
  slugs_.erase(found->second->source.slug);
  sources_.erase(found);
}

void SourceIndex::note(const store::CommitNotice& notice) {
  for (const auto& object : notice.objects) {
    if (object.kind != model::ObjectKind::source) continue;
    const std::lock_guard lock(changes_mutex_);
    changes_.push_back(SourceId{object.id});
    changed_.store(true, std::memory_order_release);
  }
}

task<Result<>> SourceIndex::refresh_changed() {
  std::vector<SourceId> ids;
  {
    const std::lock_guard lock(changes_mutex_);
    ids.swap(changes_);
    changed_.store(false, std::memory_order_release);
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto object = co_await store_.object(model::ObjectKind::source, ids[i].value);
    auto source = object && *object ? source_from(**object, vault_) : Result<Source>(Source{});
    if (!object || !source) {
      const std::lock_guard lock(changes_mutex_);
      changes_.insert(changes_.end(), ids.begin() + static_cast<std::ptrdiff_t>(i), ids.end());
      changed_.store(true, std::memory_order_release);
      co_return fail(object ? source.error() : object.error());
    }
    if (*object)
      upsert(*std::move(source));
    else
      remove(ids[i]);
  }
  co_return Result<>{};
}

}  // namespace posthorn::ingest

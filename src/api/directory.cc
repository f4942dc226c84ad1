#include "api/directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/try.h"
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "text/nearest.h"

namespace posthorn::api {

namespace {

constexpr std::string_view key_prefix = "phk_";
constexpr std::size_t key_lookup_bytes = 8;
constexpr std::size_t key_bytes = key_prefix.size() + 43;
constexpr std::string_view default_workspace_name = "default";

constexpr std::array cached_kinds{model::ObjectKind::workspace, model::ObjectKind::application,
                                  model::ObjectKind::event_type, model::ObjectKind::api_key};

template <class Map, class Key>
auto value_or_null(const Map& map, const Key& key) -> typename Map::mapped_type {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

/// Two levels: workspace, then name.
template <class Map>
auto value_or_null(const Map& map, WorkspaceId workspace, std::string_view name) ->
    typename Map::mapped_type::mapped_type {
  const auto group = map.find(workspace);
  if (group == map.end()) return nullptr;
  return value_or_null(group->second, name);
}

std::optional<std::string_view> bearer_token(std::optional<std::string_view> authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (!authorization || authorization->size() <= scheme.size() ||
      !equal_ignoring_case_ascii(authorization->substr(0, scheme.size()), scheme))
    return std::nullopt;
  return trim(authorization->substr(scheme.size()));
}

}  // namespace

std::string_view Caller::actor() const {
  if (key) return key->actor;
  return entry ? "key:admin" : "anonymous";
}

Directory::Directory(store::Store& store, const crypto::Vault& vault, Secret admin_key)
    : store_(store), vault_(vault), admin_key_(std::move(admin_key)) {}

task<Result<>> Directory::load() {
  for (const auto kind : cached_kinds) PH_CO_TRY_VOID(co_await load_kind(kind));
  co_return co_await make_defaults();
}

task<Result<>> Directory::load_kind(model::ObjectKind kind) {
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  for (;;) {
    store::ObjectFilter everything;
    PH_CO_TRY(const auto found, co_await store_.list_objects(kind, everything, page));
    for (const auto& object : found.rows) PH_CO_TRY_VOID(upsert(object));
    if (!found.next) co_return Result<>{};
    page.after = *found.next;
  }
}

task<Result<>> Directory::make_defaults() {
  if (workspaces() == 0) {
    model::Workspace first;
    first.name = default_workspace_name;
    store::Batch batch;
    batch.objects.push_back(
        {store::ObjectWrite::Action::create, model::to_object(first), 0, /*keep_existing=*/true});
    PH_CO_TRY(const auto applied, co_await store_.apply(std::move(batch)));
    PH_CO_TRY_VOID(upsert(applied.objects.front()));
  }
  std::vector<WorkspaceId> without;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : workspaces_)
      if (!value_or_null(applications_by_uid_, id, model::default_application_uid))
        without.push_back(id);
  }
  for (const auto id : without) {
    model::Application application;
    application.workspace = id;
    application.uid = model::default_application_uid;
    store::Batch batch;
    batch.objects.push_back({store::ObjectWrite::Action::create, model::to_object(application), 0,
                             /*keep_existing=*/true});
    PH_CO_TRY(const auto applied, co_await store_.apply(std::move(batch)));
    PH_CO_TRY_VOID(upsert(applied.objects.front()));
  }
  co_return Result<>{};
}

Entrance Directory::enter(std::optional<std::string_view> authorization,
                          std::optional<std::string_view> workspace_wanted, Instant now,
                          Caller& caller) {
  const auto token = bearer_token(authorization);
  if (!token) return Entrance::no_key;
  if (const auto entered = enter_with(*token, now, caller); entered != Entrance::granted)
    return entered;
  if (workspace_wanted) return choose_workspace(*workspace_wanted, caller);
  return caller.entry ? Entrance::granted : Entrance::no_workspace;
}

Entrance Directory::choose_workspace(std::string_view id_or_name, Caller& caller) const {
  if (!allows(caller.scopes, Scope::admin)) {
    if (!caller.entry) return Entrance::no_workspace;
    // Names are not unique: the key's own workspace is meant before an older one of its name.
    const bool is_own = WorkspaceId::parse(id_or_name) == caller.workspace ||
                        id_or_name == caller.entry->workspace.name;
    return is_own ? Entrance::granted : Entrance::other_workspace;
  }
  auto entry = workspace(id_or_name);
  if (!entry) return Entrance::no_workspace;
  caller.workspace = entry->workspace.id;
  caller.entry = std::move(entry);
  return Entrance::granted;
}

Entrance Directory::enter_with(std::string_view token, Instant now, Caller& caller) {
  if (!admin_key_.empty() && crypto::equal_in_constant_time(token, admin_key_.reveal())) {
    caller.scopes = bit(Scope::admin);
    caller.entry = first_workspace();
    if (caller.entry) caller.workspace = caller.entry->workspace.id;
    return Entrance::granted;
  }
  return enter_with_key(token, now, caller);
}

Entrance Directory::enter_with_key(std::string_view token, Instant now, Caller& caller) {
  if (token.size() != key_bytes || !token.starts_with(key_prefix)) return Entrance::unknown_key;
  const auto prefix = token.substr(key_prefix.size(), key_lookup_bytes);
  bool known = false;
  {
    const std::shared_lock lock(mutex_);
    caller.key = value_or_null(keys_by_prefix_, prefix);
    if (!caller.key) return Entrance::unknown_key;
    caller.entry = value_or_null(workspaces_, caller.key->key.workspace);
    known = crypto::equal_in_constant_time(caller.key->verified.reveal(), token);
  }
  if (!known) {
    if (!crypto::equal_in_constant_time(vault_.keyed_hash(token), caller.key->key.hash))
      return Entrance::unknown_key;
    const std::unique_lock lock(mutex_);
    caller.key->verified = Secret(std::string(token));
  }
  if (caller.key->key.revoked_at) return Entrance::revoked;
  if (!caller.key->key.is_live(now)) return Entrance::expired;
  caller.scopes = caller.key->scopes;
  caller.workspace = caller.key->key.workspace;
  return Entrance::granted;
}

bool Directory::is_still_valid(const Caller& caller, Instant now) const {
  if (!caller.key) return caller.entry != nullptr;
  const std::shared_lock lock(mutex_);
  const auto current = value_or_null(keys_, caller.key->key.id);
  return current && current->key.is_live(now);
}

std::shared_ptr<const WorkspaceEntry> Directory::workspace(WorkspaceId id) const {
  const std::shared_lock lock(mutex_);
  return value_or_null(workspaces_, id);
}

std::shared_ptr<const WorkspaceEntry> Directory::workspace(std::string_view id_or_name) const {
  if (const auto id = WorkspaceId::parse(id_or_name)) return workspace(*id);
  const std::shared_lock lock(mutex_);
  for (const auto& [id, entry] : workspaces_)
    if (entry->workspace.name == id_or_name) return entry;
  return nullptr;
}

std::shared_ptr<const WorkspaceEntry> Directory::first_workspace() const {
  const std::shared_lock lock(mutex_);
  return workspaces_.empty() ? nullptr : workspaces_.begin()->second;
}

std::size_t Directory::workspaces() const {
  const std::shared_lock lock(mutex_);
  return workspaces_.size();
}

std::shared_ptr<const model::Application> Directory::application(ApplicationId id) const {
  const std::shared_lock lock(mutex_);
  return value_or_null(applications_, id);
}

std::shared_ptr<const model::Application> Directory::application(WorkspaceId workspace,
                                                                 std::string_view id_or_uid) const {
  const std::shared_lock lock(mutex_);
  if (const auto id = ApplicationId::parse(id_or_uid)) {
    auto found = value_or_null(applications_, *id);
    return found && found->workspace == workspace ? found : nullptr;
  }
  return value_or_null(applications_by_uid_, workspace, id_or_uid);
}

std::shared_ptr<const TypeEntry> Directory::event_type(WorkspaceId workspace,
                                                       std::string_view name) const {
  const std::shared_lock lock(mutex_);
  return value_or_null(event_types_by_name_, workspace, name);
}

std::optional<std::string> Directory::nearest_event_type(WorkspaceId workspace,
                                                         std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto group = event_types_by_name_.find(workspace);
  if (group == event_types_by_name_.end()) return std::nullopt;
  std::vector<std::string_view> names;
  for (const auto& [known, entry] : group->second)
    if (!entry->type.archived) names.push_back(known);
  const auto nearest = text::nearest(name, names);
  if (!nearest) return std::nullopt;
  return std::string(*nearest);
}

Result<> Directory::upsert(const model::Object& object) {
  switch (object.kind) {
    case model::ObjectKind::workspace: {
      PH_TRY(auto workspace, model::workspace_from(object));
      return upsert(std::move(workspace));
    }
    case model::ObjectKind::application: {
      PH_TRY(auto application, model::application_from(object));
      return upsert(std::move(application));
    }
    case model::ObjectKind::event_type: {
      PH_TRY(auto type, model::event_type_from(object));
      return upsert(std::move(type));
    }
    case model::ObjectKind::api_key: {
      PH_TRY(auto key, model::api_key_from(object));
      return upsert(std::move(key));
    }
    default:
      return {};
  }
}

Result<> Directory::upsert(model::Workspace workspace) {
  auto made = std::make_shared<WorkspaceEntry>();
  const std::unique_lock lock(mutex_);
  auto& place = workspaces_[workspace.id];
  if (place && place->workspace.version > workspace.version) return {};
  made->load = place ? place->load : std::make_shared<WorkspaceLoad>();
  made->workspace = std::move(workspace);
  place = std::move(made);
  return {};
}

Result<> Directory::upsert(model::Application application) {
  auto made = std::make_shared<const model::Application>(std::move(application));
  const std::unique_lock lock(mutex_);
  auto& place = applications_[made->id];
  if (place && place->version > made->version) return {};
  applications_by_uid_[made->workspace][made->uid] = made;
  place = std::move(made);
  return {};
}

Result<> Directory::upsert(model::EventType type) {
  auto made = std::make_shared<TypeEntry>();
  if (const auto* current = type.current()) {
    made->current_version = current->n;
    if (!current->json_schema.empty()) {
      PH_TRY(made->schema, model::Schema::parse(current->json_schema));
    }
  }
  made->type = std::move(type);
  const std::unique_lock lock(mutex_);
  auto& place = event_types_[made->type.id];
  if (place && place->type.version > made->type.version) return {};
  event_types_by_name_[made->type.workspace][made->type.name] = made;
  place = std::move(made);
  return {};
}

Result<> Directory::upsert(model::ApiKey key) {
  auto made = std::make_shared<KeyEntry>();
  made->scopes = scopes_named(key.scopes);
  made->actor = "key:" + key.id.text();
  if (key.last_used_at) made->last_used_ms.store(key.last_used_at->unix_ms);
  made->key = std::move(key);
  const std::unique_lock lock(mutex_);
  auto& place = keys_[made->key.id];
  if (place && place->key.version > made->key.version) return {};
  if (place && place->key.hash == made->key.hash) made->verified = place->verified;
  keys_by_prefix_[made->key.prefix] = made;
  place = std::move(made);
  return {};
}

void Directory::remove(model::ObjectKind kind, std::uint64_t id) {
  const std::unique_lock lock(mutex_);
  if (kind == model::ObjectKind::workspace) {
    workspaces_.erase(WorkspaceId{id});
  } else if (kind == model::ObjectKind::application) {
    const auto found = applications_.find(ApplicationId{id});
    if (found == applications_.end()) return;
    applications_by_uid_[found->second->workspace].erase(found->second->uid);
    applications_.erase(found);
  } else if (kind == model::ObjectKind::event_type) {
    const auto found = event_types_.find(EventTypeId{id});
    if (found == event_types_.end()) return;
    event_types_by_name_[found->second->type.workspace].erase(found->second->type.name);
    event_types_.erase(found);
  } else if (kind == model::ObjectKind::api_key) {
    const auto found = keys_.find(ApiKeyId{id});
    if (found == keys_.end()) return;
    keys_by_prefix_.erase(found->second->key.prefix);
    keys_.erase(found);
  }
}

void Directory::note(const store::CommitNotice& notice) {
  for (const auto& changed : notice.objects) {
    if (std::ranges::find(cached_kinds, changed.kind) == cached_kinds.end()) continue;
    const std::lock_guard lock(changes_mutex_);
    changes_.push_back(changed);
    changed_.store(true, std::memory_order_release);
  }
}

task<Result<>> Directory::refresh_changed() {
  std::vector<store::ObjectRef> changes;
  {
    const std::lock_guard lock(changes_mutex_);
    changes.swap(changes_);
    changed_.store(false, std::memory_order_release);
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto& changed = changes[i];
    if (changed.removed) {
      remove(changed.kind, changed.id);
      continue;
    }
    auto object = co_await store_.object(changed.kind, changed.id);
    auto taken = object ? Result<>{} : Result<>(fail(std::move(object).error()));
    if (object && *object) taken = upsert(**object);
    if (!taken) {
      const std::lock_guard lock(changes_mutex_);
      changes_.insert(changes_.end(), changes.begin() + static_cast<std::ptrdiff_t>(i),
                      changes.end());
      changed_.store(true, std::memory_order_release);
      co_return taken;
    }
  }
  co_return Result<>{};
}

}  // namespace posthorn::api

#pragma once
// What every call needs to know, in memory: workspaces, applications, event types and keys.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/load.h"
#include "api/scopes.h"
#include "crypto/vault.h"
#include "model/api_key.h"
#include "model/application.h"
#include "model/event_type.h"
#include "model/schema.h"
#include "model/workspace.h"
#include "store/store.h"

namespace posthorn::api {

struct WorkspaceEntry {
  model::Workspace workspace;
  std::shared_ptr<WorkspaceLoad> load;  ///< The same object while the process lives.
};

struct TypeEntry {
  model::EventType type;
  int current_version = 1;              ///< What new events have.
  std::optional<model::Schema> schema;  ///< Of that version; none: nothing is checked.
};

struct KeyEntry {
  model::ApiKey key;
  ScopeSet scopes = 0;
  std::string actor;  ///< "key:key_…"
  /// The whole key once it was found right, so that the next call compares instead of hashing.
  /// Guarded by the directory's lock.
  mutable Secret verified;
  mutable std::atomic<std::int64_t> last_used_ms{0};
};

/// A caller whose key was checked.
struct Caller {
  ScopeSet scopes = 0;
  WorkspaceId workspace;
  std::shared_ptr<const WorkspaceEntry> entry;  ///< Null on open routes.
  std::shared_ptr<const KeyEntry> key;          ///< Null for the installation's admin key too.
  /// "key:key_…", "key:admin" or "anonymous": names the actor of audit entries and events.
  [[nodiscard]] std::string_view actor() const;
};

/// Why a caller is not let in.
enum class Entrance : std::uint8_t {
  granted,
  no_key,
  unknown_key,
  expired,
  revoked,
  no_workspace,
  other_workspace,  ///< X-Posthorn-Workspace names another one than the key's.
};

/// Thread-safe. Kept current by upsert() after each commit of the API and by refresh_changed().
class Directory {
 public:
  Directory(store::Store& store, const crypto::Vault& vault, Secret admin_key);

  /// Makes the `default` workspace and its `default` application when they are missing, and reads
  /// everything. Errors: those of the store; corrupt.
  task<Result<>> load();

  /// `authorization` is the header's value, `workspace` that of X-Posthorn-Workspace (an id or a
  /// name; only callers with the admin scope may name another one than their key's). With
  /// Entrance::granted the caller is filled in.
  Entrance enter(std::optional<std::string_view> authorization,
                 std::optional<std::string_view> workspace, Instant now, Caller& caller);

  /// False once the caller's key was revoked, has expired or was deleted.
  [[nodiscard]] bool is_still_valid(const Caller& caller, Instant now) const;

  [[nodiscard]] std::shared_ptr<const WorkspaceEntry> workspace(WorkspaceId id) const;
  [[nodiscard]] std::shared_ptr<const WorkspaceEntry> workspace(std::string_view id_or_name) const;
  /// The oldest one, whatever its name is now: where the admin key works unless told otherwise.
  [[nodiscard]] std::shared_ptr<const WorkspaceEntry> first_workspace() const;
  [[nodiscard]] std::size_t workspaces() const;
  /// By app_… or uid.
  [[nodiscard]] std::shared_ptr<const model::Application> application(
      WorkspaceId workspace, std::string_view id_or_uid) const;
  [[nodiscard]] std::shared_ptr<const model::Application> application(ApplicationId id) const;
  [[nodiscard]] std::shared_ptr<const TypeEntry> event_type(WorkspaceId workspace,
                                                            std::string_view name) const;
  /// The name in the catalogue that a misspelt one most likely means.
  [[nodiscard]] std::optional<std::string> nearest_event_type(WorkspaceId workspace,
                                                              std::string_view name) const;

  /// Takes over a document as it was stored; kinds that are not kept here are ignored. An older
  /// version than the kept one is ignored too. Error: corrupt.
  Result<> upsert(const model::Object& object);
  void remove(model::ObjectKind kind, std::uint64_t id);

  /// For Store::listen: remembers what others may have changed. Returns at once.
  void note(const store::CommitNotice& notice);
  [[nodiscard]] bool has_changes() const { return changed_.load(std::memory_order_acquire); }
  /// Reads what note() remembered. Errors: those of the store; what is left is tried next time.
  task<Result<>> refresh_changed();

 private:
  Result<> upsert(model::Workspace workspace);
  Result<> upsert(model::Application application);
  Result<> upsert(model::EventType type);
  Result<> upsert(model::ApiKey key);
  task<Result<>> load_kind(model::ObjectKind kind);
  task<Result<>> make_defaults();
  Entrance enter_with(std::string_view token, Instant now, Caller& caller);
  [[nodiscard]] Entrance choose_workspace(std::string_view id_or_name, Caller& caller) const;
  Entrance enter_with_key(std::string_view token, Instant now, Caller& caller);

  store::Store& store_;
  const crypto::Vault& vault_;
  const Secret admin_key_;

  mutable std::shared_mutex mutex_;
  std::map<WorkspaceId, std::shared_ptr<const WorkspaceEntry>> workspaces_;
  std::map<ApplicationId, std::shared_ptr<const model::Application>> applications_;
  std::map<WorkspaceId,
           std::map<std::string, std::shared_ptr<const model::Application>, std::less<>>>
      applications_by_uid_;
  std::map<EventTypeId, std::shared_ptr<const TypeEntry>> event_types_;
  std::map<WorkspaceId, std::map<std::string, std::shared_ptr<const TypeEntry>, std::less<>>>
      event_types_by_name_;
  std::map<ApiKeyId, std::shared_ptr<const KeyEntry>> keys_;
  std::map<std::string, std::shared_ptr<const KeyEntry>, std::less<>> keys_by_prefix_;

  std::atomic<bool> changed_{false};
  std::mutex changes_mutex_;
  std::vector<store::ObjectRef> changes_;
};

}  // namespace posthorn::api

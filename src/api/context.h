#pragma once
// What every handler works with: the call, and the parts of the API that all calls share.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/directory.h"
#include "api/load.h"
#include "api/metrics.h"
#include "api/object_ids.h"
#include "api/ports.h"
#include "api/request_changes.h"
#include "api/route.h"
#include "api/stream_hub.h"
#include "text/cursor.h"

namespace posthorn::api {

/// The Idempotency-Key of a call, and what is to be kept under it.
struct IdempotencyClaim {
  std::string name;         ///< Of the stored reply: a keyed hash of workspace, actor and key.
  std::string fingerprint;  ///< Of method, address, actor and body.
  std::int64_t stale_version = 0;  ///< A reply that is there but has expired; 0: none.
  std::uint64_t stale_id = 0;
  std::uint64_t kept_id = 0;  ///< Of what the handler's commit wrote; 0: nothing yet.
  bool reply_kept = false;    ///< The whole reply is in it.
};

/// One call whose caller, query and body were found right.
struct Call {
  const http::Request& request;
  const Route& route;
  Caller caller;
  std::vector<std::string> path;  ///< Values of the pattern's braces.
  Query query;
  json::object body;  ///< For Body::object and Body::optional_object.
  Instant now;        ///< Wall clock, once for the whole call.
  std::optional<IdempotencyClaim> idempotency;

  [[nodiscard]] WorkspaceId workspace() const { return caller.workspace; }
  /// The path's value number `at`, as an id; nullopt when it is none.
  template <class Identifier>
  [[nodiscard]] std::optional<Identifier> id(std::size_t at = 0) const {
    return Identifier::parse(path.at(at));
  }
  /// 412 when the caller sent an If-Match that does not name `version`.
  [[nodiscard]] std::optional<Problem> mismatch(std::int64_t version) const;
};

/// Shared by all calls; its parts are thread-safe.
class Context {
 public:
  Context(Ports ports_in, Config config_in);

  Ports ports;
  Config config;
  Metrics metrics;
  Directory directory;
  ObjectIds object_ids;
  env::FairGate publish_gate;
  text::CursorCodec cursors;
  std::string openapi;  ///< The OpenAPI document, made once.
  RequestChanges request_changes;
  std::shared_ptr<StreamHub> streams;  ///< Shared with streams that are still being written.

  /// An audit entry of the call's route. `before` and `after` are the documents, empty where there
  /// is none.
  [[nodiscard]] model::AuditEntry audit(const Call& call, std::string object,
                                        std::string_view before, std::string_view after) const;

  /// Adds a document to the batch, with its audit entry: a new one when `before` is null, else in
  /// place of `before`.
  void write(store::Batch& batch, const Call& call, model::Object object,
             const model::Object* before, std::string id_text) const;
  /// Takes a document away, with its audit entry.
  void remove(store::Batch& batch, const Call& call, const model::Object& before,
              std::string id_text) const;

  /// Applies the batch under the call's request id, keeps `reply` in the same commit when the call
  /// has an Idempotency-Key, and lets the directory, the bins and the routing know. Errors: those
  /// of Store::apply.
  task<Result<store::Applied>> commit(Call& call, store::Batch batch, const http::Response* reply);

  // -- lists
  /// The place that the call's cursor names; 0 without one. A Problem for a cursor of another list.
  [[nodiscard]] std::expected<store::Page, Problem> page_of(const Call& call) const;
  [[nodiscard]] std::optional<std::string> next_cursor(const Call& call,
                                                       std::optional<std::uint64_t> next) const;

  /// An object of the caller's workspace; a Problem when it is not there (or of another one).
  task<std::expected<model::Object, Problem>> own_object(const Call& call, model::ObjectKind kind,
                                                         std::uint64_t id, std::string_view what);

  /// Whether the store takes writes; asked at most once a second.
  task<bool> is_store_writable();

 private:
  void forget(const store::ObjectRef& gone);
  Result<> take_over(const store::Applied& applied, const std::vector<store::ObjectRef>& removed);

  std::atomic<std::int64_t> writable_asked_ms_{INT64_MIN};
  std::atomic<bool> writable_{true};
};

/// Rows of one answer, gathered over as many queries as a sparse filter needs (but a bounded
/// number: then the answer is short and goes on with its cursor). `query` asks the store for a
/// page; it is called at once and must not be a coroutine itself. `keep`: what the store's filter
/// cannot tell apart; none: all.
template <class Row>
task<Result<store::Found<Row>>> gather(
    std::function<task<Result<store::Found<Row>>>(store::Page)> query, store::Page page,
    std::function<bool(const Row&)> keep = {}) {
  constexpr int rounds_max = 20;
  store::Found<Row> all;
  const int wanted = page.limit;
  for (int round = 0; round < rounds_max; ++round) {
    page.limit = wanted - static_cast<int>(all.rows.size());
    PH_CO_TRY(auto found, co_await query(page));
    for (auto& row : found.rows)
      if (!keep || keep(row)) all.rows.push_back(std::move(row));
    all.next = found.next;
    if (!found.next || static_cast<int>(all.rows.size()) >= wanted) break;
    page.after = *found.next;
  }
  co_return all;
}

}  // namespace posthorn::api

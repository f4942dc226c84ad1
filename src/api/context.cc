#include "api/context.h"

#include <fmt/format.h>

#include "api/idempotency.h"
#include "api/openapi.h"
#include "api/try.h"
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "model/json.h"

namespace posthorn::api {

namespace {

std::string document_hash(std::string_view document) {
  return document.empty() ? std::string() : to_hex(crypto::sha256(document));
}

/// What a cursor of this call is bound to.
std::string list_name(const Call& call) {
  std::string name = fmt::format("{}\n{}\n", call.route.pattern, call.workspace().value);
  for (const auto& part : call.path) name += part + '\n';
  return name + call.query.fingerprint();
}

}  // namespace

std::optional<Problem> Call::mismatch(std::int64_t version) const {
  const auto wanted = request.head.header("If-Match");
  if (!wanted || trim(*wanted) == "*" || trim(*wanted) == fmt::format("\"{}\"", version))
    return std::nullopt;
  return Problem{
      412,
      "version_mismatch",
      fmt::format("it is at version \"{}\" now; read it again and repeat the change", version),
      {},
      {}};
}

Context::Context(Ports ports_in, Config config_in)
    : ports(ports_in),
      config(std::move(config_in)),
      metrics(ports.metrics),
      directory(ports.store, ports.vault, config.admin_key),
      object_ids(ports.store),
      publish_gate(config.publishes_in_flight_max),
      cursors([&vault = ports_in.vault](std::string_view text) {
        return vault.keyed_hash(fmt::format("cursor\n{}", text));
      }),
      openapi(openapi_document(config.version, config.public_url)),
      streams(std::make_shared<StreamHub>()) {}

model::AuditEntry Context::audit(const Call& call, std::string object, std::string_view before,
                                 std::string_view after) const {
  model::AuditEntry entry;
  entry.workspace = call.workspace();
  entry.at = call.now;
  entry.actor = call.caller.actor();
  entry.action = call.route.audit;
  entry.object = std::move(object);
  entry.before_hash = document_hash(before);
  entry.after_hash = document_hash(after);
  entry.request_id = call.request.request_id;
  return entry;
}

void Context::write(store::Batch& batch, const Call& call, model::Object object,
                    const model::Object* before, std::string id_text) const {
  batch.audit.push_back(audit(call, std::move(id_text),
                              before == nullptr ? std::string_view() : before->document,
                              object.document));
  store::ObjectWrite made;
  made.object = std::move(object);
  if (before != nullptr) {
    made.action = store::ObjectWrite::Action::replace;
    made.object.id = before->id;
    made.object.workspace = before->workspace;
    made.expected_version = before->version;
  }
  batch.objects.push_back(std::move(made));
}

void Context::remove(store::Batch& batch, const Call& call, const model::Object& before,
                     std::string id_text) const {
  batch.audit.push_back(audit(call, std::move(id_text), before.document, {}));
  store::ObjectWrite made;
  made.action = store::ObjectWrite::Action::remove;
  made.object = before;
  made.expected_version = before.version;
  batch.objects.push_back(std::move(made));
}

task<Result<store::Applied>> Context::commit(Call& call, store::Batch batch,
                                             const http::Response* reply) {
  batch.request_id = call.request.request_id;
  std::vector<store::ObjectRef> removed;
  for (const auto& made : batch.objects)
    if (made.action == store::ObjectWrite::Action::remove)
      removed.push_back({made.object.kind, made.object.id, made.object.workspace, true});
  if (call.idempotency) batch.objects.push_back(kept_reply(*this, call, reply));
  PH_CO_TRY(auto applied, co_await ports.publisher.publish(std::move(batch)));
  if (call.idempotency) {
    call.idempotency->kept_id = applied.objects.back().id;
    call.idempotency->reply_kept = reply != nullptr;
  }
  for (const auto& gone : removed) forget(gone);
  PH_CO_TRY_VOID(take_over(applied, removed));
  co_return applied;
}

task<bool> Context::is_store_writable() {
  const auto now_ms = ports.clock.steady().ms;
  auto asked_ms = writable_asked_ms_.load();
  const bool is_old = asked_ms == INT64_MIN || now_ms - asked_ms >= 1000;
  if (is_old && writable_asked_ms_.compare_exchange_strong(asked_ms, now_ms)) {
    store::Batch nothing;
    const auto applied = co_await ports.store.apply(std::move(nothing));
    writable_.store(applied.has_value());
  }
  co_return writable_.load();
}

void Context::forget(const store::ObjectRef& gone) {
  if (gone.kind == model::ObjectKind::endpoint) {
    ports.routing.remove(EndpointId{gone.id});
    ports.delivery.endpoint_changed(EndpointId{gone.id});
  } else if (gone.kind == model::ObjectKind::bin) {
    ports.bins.remove(BinId{gone.id});
  } else if (gone.kind == model::ObjectKind::source) {
    ports.sources.remove(SourceId{gone.id});
  } else {
    directory.remove(gone.kind, gone.id);
  }
}

Result<> Context::take_over(const store::Applied& applied,
                            const std::vector<store::ObjectRef>& removed) {
  for (const auto& object : applied.objects) {
    const bool gone = std::ranges::any_of(
        removed, [&object](const store::ObjectRef& one) { return one.id == object.id; });
    if (gone) continue;
    if (object.kind == model::ObjectKind::endpoint) {
      PH_TRY(auto endpoint, model::endpoint_from(object, ports.vault));
      const auto id = endpoint.id;
      ports.routing.upsert(std::make_shared<const model::Endpoint>(std::move(endpoint)));
      ports.delivery.endpoint_changed(id);
    } else if (object.kind == model::ObjectKind::bin) {
      PH_TRY(auto bin, inspect::bin_from(object, ports.vault));
      ports.bins.upsert(std::move(bin));
    } else if (object.kind == model::ObjectKind::source) {
      PH_TRY(auto source, ingest::source_from(object, ports.vault));
      ports.sources.upsert(std::move(source));
    } else {
      PH_TRY_VOID(directory.upsert(object));
    }
  }
  return {};
}

std::expected<store::Page, Problem> Context::page_of(const Call& call) const {
  store::Page page{.after = 0, .limit = call.query.limit(), .oldest_first = false};
  const auto cursor = call.query.text("cursor");
  if (!cursor) return page;
  const auto fields = cursors.decode(list_name(call), *cursor);
  const auto place = fields ? fields->find("after") : text::CursorFields::const_iterator();
  if (!fields || place == fields->end()) {
    const bool other_list = !fields && fields.error().code == Errc::conflict;
    return std::unexpected(
        Problem{400,
                other_list ? "cursor_filter_mismatch" : "invalid_cursor",
                fields ? "the cursor is not one of this list" : fields.error().what,
                {{"?cursor", "format",
                  other_list ? "was given by another list or with other filters"
                             : "is not a next_cursor of this server"}},
                {}});
  }
  page.after = std::stoull(place->second);
  return page;
}

std::optional<std::string> Context::next_cursor(const Call& call,
                                                std::optional<std::uint64_t> next) const {
  if (!next) return std::nullopt;
  return cursors.encode(list_name(call), {{"after", std::to_string(*next)}});
}

task<std::expected<model::Object, Problem>> Context::own_object(const Call& call,
                                                                model::ObjectKind kind,
                                                                std::uint64_t id,
                                                                std::string_view what) {
  auto found = co_await ports.store.object(kind, id);
  if (!found) co_return std::unexpected(problem_of(found.error()));
  if (!*found || (*found)->workspace != call.workspace())
    co_return std::unexpected(not_found(what));
  co_return **std::move(found);
}

}  // namespace posthorn::api

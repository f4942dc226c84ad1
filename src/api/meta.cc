#include <fmt/format.h>

#include "api/handlers.h"

namespace posthorn::api {

namespace {

http::Response text_response(std::string text, std::string content_type) {
  http::Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(text);
  return response;
}

/// Where an id of each kind is found.
struct Kind {
  std::string_view prefix;
  std::string_view name;
  std::string_view address;  ///< The id follows a last '/'; else it is in the list there.
  Scope scope;
  std::optional<model::ObjectKind> document;
};

constexpr std::array kinds{
    Kind{"ep", "endpoint", "/v1/endpoints/", Scope::endpoints_read, model::ObjectKind::endpoint},
    Kind{"app", "application", "/v1/applications/", Scope::applications_read,
         model::ObjectKind::application},
    Kind{"ety", "event_type", "/v1/event-types/", Scope::event_types_read,
         model::ObjectKind::event_type},
    Kind{"key", "api_key", "/v1/api-keys/", Scope::keys_read, model::ObjectKind::api_key},
    Kind{"bin", "bin", "/v1/bins/", Scope::bins_read, model::ObjectKind::bin},
    Kind{"cap", "capture", "/v1/bins/", Scope::bins_read, model::ObjectKind::bin_capture},
    Kind{"rpl", "replay_job", "/v1/replay-jobs/", Scope::deliveries_read,
         model::ObjectKind::replay_job},
    Kind{"src", "source", "/v1/sources/", Scope::sources_read, model::ObjectKind::source},
    Kind{"req", "request", "/v1/requests/", Scope::requests_read, std::nullopt},
    Kind{"ntf", "notification", "/v1/notifications", Scope::endpoints_read,
         model::ObjectKind::notification},
    Kind{"evt", "event", "/v1/events/", Scope::events_read, std::nullopt},
    Kind{"dlv", "delivery", "/v1/deliveries/", Scope::deliveries_read, std::nullopt},
    Kind{"att", "attempt", "/v1/attempts/", Scope::deliveries_read, std::nullopt},
    Kind{"ws", "workspace", "/v1/workspaces/", Scope::admin, std::nullopt},
    Kind{"aud", "audit_entry", "/v1/audit", Scope::audit_read, std::nullopt},
};

/// What was looked up: kind and number, from either form of an id.
struct Wanted {
  const Kind* kind = nullptr;
  std::uint64_t id = 0;
};

Wanted wanted_of(std::string_view text) {
  Wanted wanted;
  const auto find = [](std::string_view prefix) {
    return &*std::ranges::find(kinds, prefix, &Kind::prefix);
  };
  if (const auto delivery = parse_delivery_id(text)) return {find("dlv"), delivery->value};
  const auto end = text.find('_');
  if (end == std::string_view::npos) return wanted;
  const auto kind = std::ranges::find(kinds, text.substr(0, end), &Kind::prefix);
  const auto id = from_base32(text.substr(end + 1));
  if (kind == kinds.end() || !id || *id == 0) return wanted;
  return {&*kind, *id};
}

json::object found(const Kind& kind, std::string id, const std::string& address) {
  return {{"object", "lookup"}, {"kind", kind.name}, {"id", std::move(id)}, {"path", address}};
}

task<Answer> look_up_document(Context& context, const Call& call, Wanted wanted, std::string id) {
  const auto& kind = *wanted.kind;
  const auto object = co_await context.own_object(call, *kind.document, wanted.id, kind.name);
  if (!object) co_return object.error();
  auto address = std::string(kind.address) + id;
  if (kind.document == model::ObjectKind::event_type)
    address = std::string(kind.address) + object->name;
  if (kind.document == model::ObjectKind::notification) address = kind.address;
  if (kind.document == model::ObjectKind::bin_capture)
    address = fmt::format("{}{}/requests/{}", kind.address, BinId{object->parent}.text(), id);
  co_return json_response(200, found(kind, std::move(id), address));
}

task<Result<bool>> is_row_there(Context& context, const Call& call, Wanted wanted) {
  if (wanted.kind->name == "event") {
    std::vector<EventId> ids{EventId{wanted.id}};
    PH_CO_TRY(const auto events, co_await context.ports.store.events(std::move(ids)));
    co_return !events.empty() && events.front()->workspace == call.workspace();
  }
  if (wanted.kind->name == "request") {
    PH_CO_TRY(const auto request, co_await context.ports.store.request(RequestId{wanted.id}));
    co_return request && request->workspace == call.workspace();
  }
  if (wanted.kind->name == "workspace")
    co_return context.directory.workspace(WorkspaceId{wanted.id}) != nullptr;
  if (wanted.kind->name == "audit_entry") {
    const store::Page page{.after = wanted.id - 1, .limit = 1, .oldest_first = true};
    PH_CO_TRY(const auto rows, co_await context.ports.store.list_audit(call.workspace(), page));
    co_return !rows.rows.empty() && rows.rows.front().id.value == wanted.id;
  }
  auto delivery_id = DeliveryId{wanted.id};
  if (wanted.kind->name == "attempt") {
    const store::Page page{.after = wanted.id - 1, .limit = 1, .oldest_first = true};
    PH_CO_TRY(const auto rows, co_await context.ports.store.list_attempts(std::nullopt, page));
    if (rows.rows.empty() || rows.rows.front().id.value != wanted.id) co_return false;
    delivery_id = rows.rows.front().delivery;
  }
  PH_CO_TRY(const auto delivery, co_await context.ports.store.delivery(delivery_id));
  co_return delivery && delivery->workspace == call.workspace();
}

}  // namespace

task<Answer> front_page(Context& context, Call&) {
  co_return text_response(fmt::format("Posthorn {}\n\nThe API is described by /v1/openapi.json.\n"
                                      "Health: /healthz /readyz /metrics\n",
                                      context.config.version),
                          "text/plain; charset=utf-8");
}

task<Answer> health(Context&, Call&) {
  co_return json_response(200, json::object{{"status", "ok"}});
}

task<Answer> readiness(Context& context, Call&) {
  const bool writable = co_await context.is_store_writable();
  const auto stats = co_await context.ports.store.stats();
  const bool has_room = stats && stats->free_bytes >= context.config.free_bytes_min;
  const bool delivering = context.ports.delivery.is_delivering();
  json::array warnings;
  for (const auto& warning : context.config.warnings) warnings.emplace_back(warning);
  if (stats && !has_room)
    warnings.emplace_back(fmt::format("only {} MiB are free on the disk of the data folder",
                                      stats->free_bytes >> 20));
  const bool ready = writable && delivering;
  const auto said = [](bool fine) { return fine ? "ok" : "failing"; };
  auto response = json_response(
      ready ? 200 : 503,
      json::object{
          {"status", said(ready)},
          {"checks",
           {{"store", said(writable)}, {"delivering", said(delivering)}, {"disk", said(has_room)}}},
          {"warnings", std::move(warnings)}});
  if (!ready) response.headers.emplace_back("Retry-After", "2");
  co_return response;
}

task<Answer> metrics_page(Context& context, Call&) {
  co_return text_response(context.ports.metrics.exposition(), "text/plain; version=0.0.4");
}

task<Answer> openapi_page(Context& context, Call&) {
  co_return raw_json_response(200, context.openapi);
}

task<Answer> meta(Context& context, Call& call) {
  json::array scopes;
  for (const auto name : grantable_names()) {
    const auto scope = scope_named(name);
    if (scope && allows(call.caller.scopes, *scope)) scopes.emplace_back(name);
  }
  co_return json_response(200, json::object{{"object", "meta"},
                                            {"version", context.config.version},
                                            {"time", to_rfc3339(call.now)},
                                            {"workspace_id", call.workspace().text()},
                                            {"workspace_name", call.caller.entry->workspace.name},
                                            {"actor", call.caller.actor()},
                                            {"scopes", std::move(scopes)},
                                            {"deprecations", json::array{}}});
}

task<Answer> look_up(Context& context, Call& call) {
  const auto& text = call.path.front();
  const auto wanted = wanted_of(text);
  if (wanted.kind == nullptr) co_return not_found("thing");
  const auto& kind = *wanted.kind;
  if (!allows(call.caller.scopes, kind.scope))
    co_return Problem{403,
                      "missing_scope",
                      fmt::format("this API key lacks the scope {}", to_string(kind.scope)),
                      {},
                      {}};
  auto id = fmt::format("{}_{}", kind.prefix, to_base32(wanted.id));
  if (kind.document) co_return co_await look_up_document(context, call, wanted, std::move(id));
  PH_CO_TRY(const bool there, co_await is_row_there(context, call, wanted));
  if (!there) co_return not_found(kind.name);
  const bool has_address = kind.address.ends_with('/');
  const auto address = std::string(kind.address) + (has_address ? id : "");
  auto shape = found(kind, std::move(id), address);
  if (kind.name == "delivery") shape["uuid"] = to_uuid(DeliveryId{wanted.id});
  co_return json_response(200, shape);
}

}  // namespace posthorn::api

#include <fmt/format.h>

#include "api/documents.h"
#include "api/endpoint_parts.h"
#include "api/handlers.h"

namespace posthorn::api {

namespace {

/// Names are views into the reading of one body: a function is handed on, so it owns what it needs.
Result<> check_url(const Context& context, WorkspaceId workspace, std::string_view url) {
  if (!url.starts_with("bin://")) return context.ports.check_url(url);
  const auto bin = context.ports.bins.by_url(url);
  if (bin && bin->workspace == workspace) return {};
  return fail(Errc::not_found, "there is no such bin in this workspace");
}

/// Sets the application that the body names, or the default one; a fault when there is none.
void set_application(const Context& context, const Call& call, model::EndpointInput& input,
                     model::Faults& faults) {
  const auto named = input.application.value_or(std::string(model::default_application_uid));
  const auto found = context.directory.application(call.workspace(), named);
  if (!found)
    return faults.add("/application", "not_found",
                      fmt::format("there is no application {}", model::shown(named)));
  input.endpoint.application = found->id;
}

Result<json::object> endpoint_shape(const Context& context, const Call& call,
                                    const model::Object& object) {
  PH_TRY(const auto endpoint, model::endpoint_from(object, context.ports.vault));
  return model::to_api(endpoint, call.now);
}

}  // namespace

task<std::expected<StoredEndpoint, Problem>> stored_endpoint(Context& context, const Call& call) {
  const auto id = call.id<EndpointId>();
  if (!id) co_return std::unexpected(not_found("endpoint"));
  auto object =
      co_await context.own_object(call, model::ObjectKind::endpoint, id->value, "endpoint");
  if (!object) co_return std::unexpected(std::move(object).error());
  if (auto mismatch = call.mismatch(object->version))
    co_return std::unexpected(*std::move(mismatch));
  auto endpoint = model::endpoint_from(*object, context.ports.vault);
  if (!endpoint) co_return std::unexpected(problem_of(endpoint.error()));
  StoredEndpoint stored{*std::move(object), *std::move(endpoint)};
  co_return stored;
}

std::shared_ptr<const model::Endpoint> routed_endpoint(const Context& context, const Call& call) {
  const auto id = call.id<EndpointId>();
  auto found = id ? context.ports.routing.current()->endpoint(*id) : nullptr;
  return found && found->workspace == call.workspace() ? found : nullptr;
}

model::EndpointRules rules_for(const Context& context, const Call& call) {
  return {[&context, workspace = call.workspace()](std::string_view url) {
            return check_url(context, workspace, url);
          },
          context.ports.random, call.now};
}

task<Answer> save_endpoint(Context& context, Call& call, StoredEndpoint stored,
                           model::Endpoint changed, EndpointChange change) {
  changed.updated_at = call.now;
  changed.version = stored.object.version + 1;
  store::Batch batch;
  context.write(batch, call, model::to_object(changed, context.ports.vault), &stored.object,
                changed.id.text());
  if (change.held) batch.held.push_back(*change.held);
  auto shape = model::to_api(changed, call.now);
  for (const auto& [name, value] : change.more) shape[name] = value;
  const auto reply = json_response(change.status, shape, changed.version);
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), &reply));
  static_cast<void>(applied);
  co_return reply;
}

task<Answer> list_endpoints(Context& context, Call& call) {
  store::ObjectFilter filter;
  if (const auto named = call.query.text("application")) {
    const auto application = context.directory.application(call.workspace(), *named);
    if (!application) co_return unknown_application(*named);
    filter.parent = application->id.value;
  }
  co_return co_await list_documents(context, call, model::ObjectKind::endpoint, filter,
                                    &endpoint_shape);
}

task<Answer> create_endpoint(Context& context, Call& call) {
  model::Faults faults;
  model::Endpoint base;
  base.workspace = call.workspace();
  auto input = model::read_endpoint(call.body, faults, base, rules_for(context, call));
  set_application(context, call, input, faults);
  if (!faults.empty()) co_return Answer(faults);
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  auto& endpoint = input.endpoint;
  endpoint.id = EndpointId{id};
  endpoint.created_at = endpoint.updated_at = call.now;
  endpoint.version = 1;
  auto shape = model::to_api(endpoint, call.now);
  shape["secret"] = endpoint.secrets.empty() ? json::value(nullptr)
                                             : json::value(endpoint.secrets.back().text.reveal());
  auto object = model::to_object(endpoint, context.ports.vault);
  co_return co_await save(context, call, std::move(object), std::nullopt, endpoint.id.text(),
                          std::move(shape));
}

task<Answer> get_endpoint(Context& context, Call& call) {
  const auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  co_return json_response(200, model::to_api(stored->endpoint, call.now), stored->object.version);
}

task<Answer> update_endpoint(Context& context, Call& call) {
  auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  model::Faults faults;
  auto input = model::read_endpoint(call.body, faults, stored->endpoint, rules_for(context, call));
  if (input.application) set_application(context, call, input, faults);
  if (!faults.empty()) co_return Answer(faults);
  co_return co_await save_endpoint(context, call, *std::move(stored), std::move(input.endpoint));
}

task<Answer> delete_endpoint(Context& context, Call& call) {
  const auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  co_return co_await take_away(context, call, stored->object, stored->endpoint.id.text());
}

}  // namespace posthorn::api

#include <set>

#include "api/test_world.h"
#include "model/names.h"

namespace posthorn::api::testing {

namespace {

/// Components of the published document, with their references pointing inside of themselves.
class Document {
 public:
  Document() {
    auto text = openapi_document("test", "http://here");
    constexpr std::string_view from = "#/components/schemas/", to = "#/$defs/";
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, from.size(), to);
    parsed_ = json::parse(text);
    schemas_ = parsed_.at("components").at("schemas").as_object();
  }

  void check(std::string_view component, const json::value& instance) {
    const auto known = compiled_.find(std::string(component));
    const auto& schema =
        known != compiled_.end()
            ? known->second
            : compiled_.emplace(std::string(component), compile(component)).first->second;
    model::Faults faults;
    schema.check(instance, faults);
    CHECK_MESSAGE(faults.empty(), std::string(component) << ": " << faults.summary() << " in "
                                                         << json::serialize(instance));
  }

 private:
  void reach(const json::value& from, json::object& definitions) {
    if (const auto* list = from.if_array())
      for (const auto& one : *list) reach(one, definitions);
    const auto* object = from.if_object();
    if (object == nullptr) return;
    for (const auto& [name, value] : *object) {
      constexpr std::string_view to = "#/$defs/";
      if (name == "$ref") {
        const auto target = std::string_view(value.as_string()).substr(to.size());
        if (definitions.contains(target)) continue;
        REQUIRE_MESSAGE(schemas_.contains(target), std::string(target));
        definitions[target] = schemas_.at(target);
        reach(schemas_.at(target), definitions);
      } else {
        reach(value, definitions);
      }
    }
  }

  model::Schema compile(std::string_view component) {
    json::object root{{"$ref", "#/$defs/" + std::string(component)}};
    json::object definitions;
    reach(root, definitions);
    root["$defs"] = std::move(definitions);
    model::Faults faults;
    auto schema = model::Schema::read(root, faults);
    REQUIRE_MESSAGE(faults.empty(), std::string(component) << ": " << faults.summary());
    return schema;
  }

  json::value parsed_;
  json::object schemas_;
  std::map<std::string, model::Schema> compiled_;
};

}  // namespace

World::World(Config config, store::MemoryTablesPtr tables) : store(clock, std::move(tables)) {
  config.admin_key = Secret(std::string(admin_key));
  config.free_bytes_min = 0;
  service.emplace(Ports{store, routing, publisher, delivery, bins, sources, vault,
                        [](std::string_view url) -> Result<> {
                          if (url.starts_with("https://")) return {};
                          return fail(Errc::refused, "only https:// is sent to");
                        },
                        clock, timeline, random, log, registry, &certificates, &receiving},
                  std::move(config));
  receiving.receiver = &receiver;
  const auto started = wait(service->start());
  REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().what));
}

World::~World() {
  service->end_streams();
  context.restart();
  context.poll();
}

void World::run_until(const std::function<bool()>& done) {
  const auto limit = clock.steady() + Millis{1h};
  for (;;) {
    context.restart();
    context.poll();
    if (done() || !clock.advance(limit)) return;
  }
}

Reply World::call(std::string_view method, std::string target, std::string body, Headers headers) {
  http::Request request;
  request.head.method = method;
  request.head.target = target;
  const auto question = std::min(target.find('?'), target.size());
  request.head.path = std::string_view(target).substr(0, question);
  if (question < target.size()) request.head.query = std::string_view(target).substr(question + 1);
  const auto authorization = "Bearer " + key;
  if (!key.empty()) request.head.headers.push_back({"Authorization", authorization});
  bool has_type = false;
  for (const auto& [name, value] : headers) {
    if (name == "Content-Type") has_type = true;
    request.head.headers.push_back({name, value});
  }
  if (!body.empty()) {
    request.head.content_length = body.size();
    if (!has_type) request.head.headers.push_back({"Content-Type", "application/json"});
  }
  request.body = body;
  request.remote_address = "192.0.2.1";
  request.request_id = request.head.request_id = "req-test";

  auto admitted = service->admit(request.head, request.remote_address);
  http::Response response = std::holds_alternative<http::Response>(admitted)
                                ? std::get<http::Response>(std::move(admitted))
                                : wait(service->serve(request));
  Reply reply{response.status, response.content_type, {}, response.body, nullptr, response.stream};
  for (const auto& [name, value] : response.headers) reply.headers[name] = value;
  if (reply.content_type.find("json") != std::string::npos && !reply.body.empty()) {
    auto parsed = text::parse_json(reply.body);
    REQUIRE_MESSAGE(parsed.has_value(), reply.body);
    reply.json = *std::move(parsed);
  }
  check_against_document(method, request.head.path, reply);
  return reply;
}

void World::check_against_document(std::string_view method, std::string_view path,
                                   const Reply& reply) {
  static Document document;
  static const Router router(routes());
  CAPTURE(std::string(method));
  CAPTURE(std::string(path));
  const auto routed = router.find(method, path);
  if (reply.status >= 400 && reply.content_type == "application/problem+json") {
    document.check("Problem", reply.json);
    CHECK(reply.text("request_id") == "req-test");
    CHECK(reply.at("status").as_int64() == reply.status);
    return;
  }
  REQUIRE(routed.route != nullptr);
  if (routed.route->method == "ANY" || reply.status == 304) return;
  if (path == "/readyz") return document.check("Readiness", reply.json);
  const bool as_said = reply.status == routed.route->success;
  CHECK_MESSAGE(as_said, reply.status << ": " << reply.body);
  if (!routed.route->response_schema.empty())
    document.check(routed.route->response_schema, reply.json);
}

std::string World::make_key(const std::string& scopes) {
  const auto before = std::exchange(key, std::string(admin_key));
  const auto made = post("/v1/api-keys", R"({"name":"t","scopes":[)" + scopes + "]}");
  key = before;
  REQUIRE(made.status == 201);
  return made.text("key");
}

std::string World::make_endpoint(const std::string& more) {
  const auto made = post("/v1/endpoints", R"({"url":"https://a.example/hook")" + more + "}");
  REQUIRE_MESSAGE(made.status == 201, made.body);
  return made.text("id");
}

std::string World::publish(const std::string& type, const std::string& data) {
  const auto made = post("/v1/events", R"({"type":")" + type + R"(","data":)" + data + "}");
  REQUIRE_MESSAGE(made.status == 202, made.body);
  return made.text("id");
}

void World::settle(std::string_view delivery_text, model::DeliveryState state, int status) {
  const auto id = parse_delivery_id(delivery_text);
  REQUIRE(id.has_value());
  const auto stored = wait(store.delivery(*id));
  REQUIRE((stored && *stored));
  store::AttemptRecord record;
  record.attempt.delivery = *id;
  record.attempt.endpoint = (*stored)->endpoint;
  record.attempt.number = (*stored)->attempts + 1;
  record.attempt.started_at = clock.now();
  record.attempt.status = status;
  record.attempt.success = status / 100 == 2;
  record.attempt.decision = "settled";
  record.state = state;
  store::Batch batch;
  batch.attempts.push_back(record);
  const auto applied = store.apply_blocking(std::move(batch));
  REQUIRE_MESSAGE(applied.has_value(), (applied ? "" : applied.error().what));
}

std::size_t World::audit_entries() {
  const auto found = wait(store.list_audit(std::nullopt, store::Page{0, 500, false}));
  REQUIRE(found.has_value());
  return found->rows.size();
}

}  // namespace posthorn::api::testing

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

TEST_CASE("the OpenAPI document is what the server gives, and names every route once") {
  World world;
  world.key.clear();
  const auto reply = world.get("/v1/openapi.json");
  REQUIRE(reply.status == 200);
  CHECK(reply.text("openapi") == "3.1.0");
  CHECK(reply.at("webhooks").as_object().contains("endpoint.disabled"));
  std::set<std::string> operations;
  for (const auto& [path, methods] : reply.at("paths").as_object())
    for (const auto& [method, operation] : methods.as_object())
      CHECK(operations.insert(std::string(operation.at("operationId").as_string())).second);
  std::size_t expected = 0;
  for (const auto& route : api::routes()) expected += route.method == "ANY" ? 5 : 1;
  CHECK(operations.size() == expected);
}

namespace {

/// The names of an operation's parameters in that place.
std::set<std::string> parameters_in(const json::value& operation, std::string_view place) {
  std::set<std::string> names;
  for (const auto& parameter : operation.at("parameters").as_array())
    if (parameter.at("in") == json::value(place)) names.emplace(parameter.at("name").as_string());
  return names;
}

template <class Table>
json::array names_or_null(const Table& table) {
  json::array names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  names.emplace_back(nullptr);
  return names;
}

}  // namespace

TEST_CASE("the OpenAPI document says what a new thing needs and what a member may be") {
  const auto document = json::parse(openapi_document("test", "http://here"));
  const auto body = [&document](const char* path, const char* method) {
    return document.at("paths")
        .at(path)
        .at(method)
        .at("requestBody")
        .at("content")
        .at("application/json")
        .at("schema");
  };
  CHECK(body("/v1/endpoints", "post").at("required") == json::array{"url"});
  CHECK_FALSE(body("/v1/endpoints/{id}", "patch").as_object().contains("required"));
  CHECK(body("/v1/sources", "post").at("required") == json::array{"provider", "name"});

  const auto& schemas = document.at("components").at("schemas");
  const auto& endpoint = schemas.at("EndpointInput");
  CHECK_FALSE(endpoint.as_object().contains("required"));
  const auto& members = endpoint.at("properties");
  CHECK(members.at("application").at("type") == "string");
  CHECK(members.at("asymmetric").at("type") == "boolean");
  CHECK(members.at("format").at("enum") == names_or_null(model::payload_formats));
  CHECK(members.at("ordering").at("enum") == names_or_null(model::orderings));
  CHECK(members.at("on_exhausted").at("enum") == names_or_null(model::exhausted_actions));
  for (const auto& name : schemas.at("RetryInput").at("anyOf").at(0).at("enum").as_array())
    CHECK(model::retry_profile(std::string_view(name.as_string())).has_value());
  const auto& published = schemas.at("PublishBody").at("anyOf");
  CHECK(published.at(0).at("$ref") == "#/components/schemas/EventInput");
  CHECK(published.at(1).at("items") == published.at(0));
}

TEST_CASE("the OpenAPI document names the headers that an operation heeds") {
  const auto document = json::parse(openapi_document("test", "http://here"));
  const auto headers = [&document](const char* path, const char* method) {
    return parameters_in(document.at("paths").at(path).at(method), "header");
  };
  using Names = std::set<std::string>;
  CHECK(headers("/healthz", "get").empty());
  CHECK(headers("/v1/events", "get") == Names{"X-Posthorn-Workspace"});
  CHECK(headers("/v1/events", "post") ==
        Names{"X-Posthorn-Workspace", "Idempotency-Key", "webhook-hop", "traceparent"});
  CHECK(headers("/v1/stream", "get") == Names{"X-Posthorn-Workspace", "Last-Event-ID"});
  CHECK(headers("/v1/endpoints/{id}", "get") == Names{"X-Posthorn-Workspace", "If-None-Match"});
  CHECK(headers("/v1/endpoints/{id}", "patch") == Names{"X-Posthorn-Workspace", "If-Match"});
}

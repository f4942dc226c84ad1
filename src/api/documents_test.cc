#include <set>

#include "api/test_receiving.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

TEST_CASE("every route that changes something writes an audit entry of its name") {
  World world;
  std::set<std::string> written;
  const auto expect = [&](const std::string& action, const Reply& reply) {
    CAPTURE(action);
    REQUIRE_MESSAGE(reply.status < 300, reply.body);
    const auto entry = world.get("/v1/audit?limit=1").at("data").at(0);
    CHECK(entry.at("action") == json::value(action));
    CHECK(entry.at("actor") == "key:admin");
    CHECK(entry.at("request_id") == "req-test");
    written.insert(action);
    return reply;
  };
  const auto del = [&world](const std::string& target) { return world.call("DELETE", target); };
  const auto patch = [&world](const std::string& target, const std::string& body) {
    return world.call("PATCH", target, body);
  };
  const auto workspace =
      expect("workspace.create", world.post("/v1/workspaces", R"({"name":"w"})"));
  const auto own = world.get("/v1/meta").text("workspace_id");
  expect("workspace.update", patch("/v1/workspaces/" + own, R"({"name":"mine"})"));
  const auto app =
      expect("application.create", world.post("/v1/applications", R"({"uid":"acme"})"));
  expect("application.update", patch("/v1/applications/acme", R"({"name":"Acme"})"));
  expect("application.delete", del("/v1/applications/" + app.text("id")));
  const auto key =
      expect("api_key.create", world.post("/v1/api-keys", R"({"scopes":["events:read"]})"));
  expect("api_key.update", patch("/v1/api-keys/" + key.text("id"), R"({"name":"n"})"));
  expect("api_key.revoke", del("/v1/api-keys/" + key.text("id")));
  expect("event_type.create", world.post("/v1/event-types", R"({"name":"a.b"})"));
  expect("event_type.update", patch("/v1/event-types/a.b", R"({"description":"d"})"));
  expect("event_type.delete", del("/v1/event-types/a.b"));
  const auto endpoint =
      expect("endpoint.create", world.post("/v1/endpoints", R"({"url":"https://a.example/"})"));
  const auto at = "/v1/endpoints/" + endpoint.text("id");
  expect("endpoint.update", patch(at, R"({"description":"d"})"));
  expect("endpoint.disable", world.post(at + "/disable"));
  expect("endpoint.enable", world.post(at + "/enable"));
  expect("endpoint.test", world.post(at + "/test"));
  expect("endpoint.rotate_secret", world.post(at + "/rotate-secret"));
  const auto event =
      expect("events.publish", world.post("/v1/events", R"({"type":"a.b","data":{}})"));
  expect("events.publish", world.post("/v1/publish/a.b"));
  const auto listed = world.get("/v1/deliveries").at("data").as_array();
  const auto first = "/v1/deliveries/" + std::string(listed.at(0).at("id").as_string());
  expect("delivery.replay", world.post(first + "/replay"));
  expect("delivery.cancel", world.post(first + "/cancel"));
  const auto job = expect("replay_job.create",
                          world.post("/v1/replay-jobs", R"({"filter":{"status":"cancelled"}})"));
  const auto job_at = "/v1/replay-jobs/" + job.text("id");
  expect("replay_job.pause", world.post(job_at + "/pause"));
  expect("replay_job.resume", world.post(job_at + "/resume"));
  expect("replay_job.cancel", world.post(job_at + "/cancel"));
  expect("event.erase", del("/v1/events/" + event.text("id") + "/content"));
  const auto bin = expect("bin.create", world.post("/v1/bins"));
  const auto bin_at = "/v1/bins/" + bin.text("id");
  expect("bin.update", patch(bin_at, R"({"name":"b"})"));
  expect("bin.clear", del(bin_at + "/requests"));
  expect("bin.delete", del(bin_at));
  const auto source = expect("source.create", world.post("/v1/sources", std::string(stripe)));
  const auto source_at = "/v1/sources/" + source.text("id");
  expect("source.update", patch(source_at, R"({"name":"cards"})"));
  expect("source.pause", world.post(source_at + "/pause"));
  expect("source.resume", world.post(source_at + "/resume"));
  expect("source.rotate_secret",
         world.post(source_at + "/rotate-secret", R"({"value":"whsec_fedcba9876543210"})"));
  const auto triggered = expect("source.trigger", world.post(source_at + "/trigger"));
  REQUIRE_MESSAGE(triggered.at("accepted") == true, triggered.body);
  const auto request = std::string(triggered.at("request").at("id").as_string());
  Receiving(world).settle(request, model::RequestState::parked);
  expect("request.replay", world.post("/v1/requests/" + request + "/replay"));
  expect("request.erase", del("/v1/requests/" + request + "/body"));
  expect("source.delete", del(source_at));
  model::Object notice;
  notice.kind = model::ObjectKind::notification;
  notice.workspace = *WorkspaceId::parse(own);
  notice.document = R"({"kind":"endpoint.disabled","text":"t","at":"2026-01-01T00:00:00Z"})";
  store::Batch batch;
  batch.objects.push_back({store::ObjectWrite::Action::create, notice, 0, false});
  REQUIRE(world.store.apply_blocking(std::move(batch)).has_value());
  const auto id = std::string(world.get("/v1/notifications").at("data").at(0).at("id").as_string());
  expect("notification.update", patch("/v1/notifications/" + id, R"({"read":true})"));
  expect("endpoint.delete", del(at));

  for (const auto& route : routes()) {
    CAPTURE(std::string(route.pattern));
    const bool changes = route.method != "GET" && route.method != "ANY";
    CHECK(changes == !route.audit.empty());
    if (changes) CHECK(written.contains(std::string(route.audit)));
  }
}

TEST_CASE("a created thing's audit entry names its id; a refused change writes none") {
  World world;
  const auto id = world.make_endpoint();
  CHECK(world.get("/v1/audit").at("data").at(0).at("object_id") == json::value(id));
  const auto before = world.audit_entries();
  CHECK(world.post("/v1/endpoints", "{}").status == 422);
  CHECK(world.call("PATCH", "/v1/endpoints/" + id, R"({"nope":1})").status == 422);
  CHECK(world.audit_entries() == before);
}

TEST_CASE("applications are found by id and uid, and keep what uses them") {
  World world;
  const auto made = world.post("/v1/applications", R"({"uid":"acme","name":"Acme"})");
  REQUIRE(made.status == 201);
  CHECK(world.get("/v1/applications/acme").text("id") == made.text("id"));
  const auto taken = world.post("/v1/applications", R"({"uid":"acme"})");
  CHECK(taken.code() == "uid_taken");
  CHECK(taken.at("errors").at(0).at("pointer") == "/uid");
  for (const std::string list : {"/v1/endpoints", "/v1/events"}) {
    const auto unknown = world.get(list + "?application=nobody");
    CHECK(unknown.status == 404);
    CHECK(unknown.at("errors").at(0).at("pointer") == "?application");
  }
  world.make_endpoint(R"(,"application":"acme")");
  CHECK(world.call("DELETE", "/v1/applications/acme").code() == "application_in_use");
  CHECK(world.call("DELETE", "/v1/applications/default").code() == "default_application");
  CHECK(world.get("/v1/endpoints?application=acme").at("data").as_array().size() == 1);
  CHECK(world.get("/v1/endpoints?application=default").at("data").as_array().empty());
  world.publish();
  CHECK(world.get("/v1/deliveries").at("data").as_array().empty());
}

TEST_CASE("a bin keeps what it is sent and answers as it was told, one answer after the other") {
  World world;
  const auto bin =
      world.post("/v1/bins", R"({"responses":[{"status":503,"body":"busy"},{"status":204}]})");
  REQUIRE(bin.status == 201);
  const auto url = bin.text("url");
  const auto path = url.substr(url.find("/b/"));
  const auto hook = [&world, &path](const std::string& method, const std::string& more) {
    return world.call(method, path + more, "hello", {{"Content-Type", "text/x"}});
  };
  CHECK(hook("POST", "/sub?q=1").status == 503);
  CHECK(hook("PUT", "").status == 204);
  CHECK(hook("DELETE", "").status == 204);
  const auto at = "/v1/bins/" + bin.text("id");
  const auto listed = world.get(at + "/requests").at("data").as_array();
  REQUIRE(listed.size() == 3);
  CHECK(listed[2].at("path") == "/sub");
  CHECK(listed[2].at("query") == "q=1");
  CHECK(listed[2].at("body") == "hello");
  CHECK(listed[2].at("answered") == 503);
  const auto id = std::string(listed[0].at("id").as_string());
  CHECK(world.get(at + "/requests/" + id).text("method") == "DELETE");
  CHECK(world.call("DELETE", at + "/requests").status == 204);
  CHECK(world.get(at + "/requests").at("data").as_array().empty());
  CHECK(world.post("/b/nothing").status == 404);
  CHECK(world.post("/v1/bins", R"({"response":{"status":99,"headers":{"Connection":"x"}}})")
            .at("errors")
            .as_array()
            .size() == 2);
}

TEST_CASE("a started service finds what an earlier one stored") {
  store::MemoryTablesPtr tables;
  std::string endpoint, key;
  {
    World world;
    endpoint = world.make_endpoint();
    key = world.make_key(R"("endpoints:read")");
    tables = world.store.tables();
  }
  World world({}, tables);
  world.key = key;
  CHECK(world.get("/v1/endpoints/" + endpoint).status == 200);
  CHECK(world.routing.current()->endpoints().size() == 1);
  world.key = admin_key;
  CHECK(world.get("/v1/workspaces").at("data").as_array().size() == 1);
}

TEST_CASE("a workspace and an audit entry are looked up like every other id") {
  World world;
  world.make_endpoint();
  const auto workspace = world.get("/v1/meta").text("workspace_id");
  CHECK(world.get("/v1/lookup/" + workspace).text("path") == "/v1/workspaces/" + workspace);
  const auto entry = std::string(world.get("/v1/audit").at("data").at(0).at("id").as_string());
  CHECK(world.get("/v1/lookup/" + entry).text("kind") == "audit_entry");
  CHECK(world.get("/v1/lookup/" + entry).text("path") == "/v1/audit");
  CHECK(world.get("/v1/lookup/ws_zzzz").status == 404);
  CHECK(world.get("/v1/lookup/aud_zzzz").status == 404);

  const auto other = world.post("/v1/workspaces", R"({"name":"other"})").text("id");
  CHECK(world.call("GET", "/v1/lookup/" + entry, "", {{"X-Posthorn-Workspace", other}}).status ==
        404);
  world.key = world.make_key(R"("events:read")");
  CHECK(world.get("/v1/lookup/" + workspace).code() == "missing_scope");
  CHECK(world.get("/v1/lookup/" + entry).code() == "missing_scope");
}

TEST_CASE("the server's own pages") {
  World world;
  world.key.clear();
  CHECK(world.get("/healthz").status == 200);
  CHECK(world.get("/readyz").status == 200);
  CHECK(world.get("/").body.find("/v1/openapi.json") != std::string::npos);
  CHECK(world.get("/metrics").body.find("posthorn_api_requests_total") != std::string::npos);
  world.delivery.delivering = false;
  CHECK(world.get("/readyz").status == 503);
}

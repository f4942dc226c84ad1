#include "api/test_world.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

namespace {

/// An address of the route, with ids that stand for nothing.
std::string address_of(const Route& route) {
  std::string path(route.pattern);
  for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, "nothing");
  return path;
}

Reply call(World& world, const Route& route) {
  return world.call(route.method == "ANY" ? "POST" : route.method, address_of(route),
                    route.body == Body::none ? "" : R"({"x-unknown":1})");
}

}  // namespace

TEST_CASE("a route is opened by its own scope, by admin, and by no other scope") {
  World world;
  for (const auto& route : routes()) {
    CAPTURE(std::string(route.method));
    CAPTURE(std::string(route.pattern));
    if (route.scope == Scope::open) {
      world.key.clear();
      CHECK(call(world, route).status != 401);
      continue;
    }
    world.key.clear();
    CHECK(call(world, route).code() == "no_key");
    world.key = "phk_" + std::string(43, 'b');
    CHECK(call(world, route).code() == "unknown_key");
  }
  for (const auto name : grantable_names()) {
    const auto scope = scope_named(name);
    REQUIRE(scope.has_value());
    world.key = world.make_key("\"" + std::string(name) + "\"");
    for (const auto& route : routes()) {
      if (route.scope == Scope::open || route.scope == Scope::any) continue;
      CAPTURE(std::string(name));
      CAPTURE(std::string(route.pattern));
      const auto reply = call(world, route);
      const bool is_opened = *scope == Scope::admin || *scope == route.scope;
      CHECK((reply.status != 403) == is_opened);
      if (!is_opened) CHECK(reply.code() == "missing_scope");
      CHECK(reply.status < 500);
    }
  }
}

TEST_CASE("an address that does not exist is 404, another method 405 with Allow") {
  World world;
  CHECK(world.get("/v1/nothing").code() == "no_such_address");
  const auto other = world.call("DELETE", "/v1/events");
  CHECK(other.status == 405);
  CHECK(other.headers.at("Allow") == "POST, GET, HEAD");
}

TEST_CASE("a refusal names the request, however early it is") {
  World world;
  CHECK(world.call("DELETE", "/v1/events").text("request_id") == "req-test");
  const auto unread = world.service->refuse(413, "The body is larger than is taken here.", "req-7");
  CHECK(unread.body.find(R"("request_id":"req-7")") != std::string::npos);
}

TEST_CASE("unknown query parameters are refused with the nearest name, all faults at once") {
  World world;
  const auto reply = world.get("/v1/deliveries?stats=exhausted&limit=501&since=yesterday");
  CHECK(reply.status == 400);
  const auto& errors = reply.at("errors").as_array();
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].at("pointer") == "?stats");
  CHECK(std::string(errors[0].at("detail").as_string()).find("status") != std::string::npos);
  CHECK(errors[1].at("pointer") == "?limit");
  CHECK(errors[2].at("pointer") == "?since");
}

TEST_CASE("a list from a time on takes no end that is before it") {
  World world;
  for (const std::string list : {"/v1/events", "/v1/deliveries", "/v1/requests"}) {
    CAPTURE(list);
    const auto refused = world.get(list + "?since=-1h&until=-2h");
    CHECK(refused.status == 400);
    CHECK(refused.at("errors").as_array().size() == 1);
    CHECK(refused.at("errors").at(0).at("pointer") == "?until");
    CHECK(refused.text("detail").find("\"-2h\"") != std::string::npos);
    CHECK(world.get(list + "?since=-2h&until=-1h").status == 200);
  }
}

TEST_CASE("a body must be JSON by its content type") {
  World world;
  const auto call = [&world](const std::string& type) {
    return world.post("/v1/events", R"({"type":"a.b","data":{}})", {{"Content-Type", type}}).status;
  };
  CHECK(call("application/json") == 202);
  CHECK(call("application/json; charset=UTF-8") == 202);
  CHECK(call("application/json; charset=latin1") == 415);
  CHECK(call("text/plain") == 415);
  CHECK(world.post("/v1/bins", "{}", {{"Content-Encoding", "gzip"}}).status == 415);
  const auto twice =
      world.post("/v1/events", R"({"type":"a.b","data":{}})",
                 {{"Content-Type", "application/json"}, {"Content-Type", "application/json"}});
  CHECK(twice.status == 415);
  CHECK(twice.text("detail") == "Content-Type is given more than once");
  CHECK(twice.headers.at("Accept") == "application/json");
  CHECK(world.post("/v1/endpoints", "{\"url\":").code() == "invalid_json");
  CHECK(world.post("/v1/endpoints", "[]").status == 422);
}

TEST_CASE("a key that is revoked or expired opens nothing from then on") {
  World world;
  const auto made = world.post("/v1/api-keys",
                               R"({"scopes":["events:read"],"expires_at":"2030-01-01T00:00:00Z"})");
  REQUIRE(made.status == 201);
  world.key = made.text("key");
  CHECK(world.get("/v1/events").status == 200);
  world.key = admin_key;
  CHECK(world.call("DELETE", "/v1/api-keys/" + made.text("id")).status == 204);
  CHECK(world.get("/v1/api-keys/" + made.text("id")).at("revoked_at").is_string());
  world.key = made.text("key");
  CHECK(world.get("/v1/events").code() == "revoked_key");

  world.key = admin_key;
  const auto soon = to_rfc3339(world.clock.now() + Millis{5s});
  const auto brief =
      world.post("/v1/api-keys", R"({"scopes":["events:read"],"expires_at":")" + soon + R"("})");
  REQUIRE(brief.status == 201);
  world.key = brief.text("key");
  CHECK(world.get("/v1/events").status == 200);
  world.clock.jump_to(world.clock.steady() + Millis{6s});
  CHECK(world.get("/v1/events").code() == "expired_key");
}

TEST_CASE("nobody grants a scope that he has not himself") {
  World world;
  world.key = world.make_key(R"("keys:write","events:read")");
  CHECK(world.post("/v1/api-keys", R"({"scopes":["events:read"]})").status == 201);
  const auto more = world.post("/v1/api-keys", R"({"scopes":["events:read","admin"]})");
  CHECK(more.status == 422);
  CHECK(more.at("errors").at(0).at("pointer") == "/scopes/1");
}

TEST_CASE("a workspace past its rate is told when to come back; others are not slowed") {
  Config config;
  config.rate_per_minute = 3;
  World world(config);
  const auto first = world.get("/v1/meta");
  CHECK(first.headers.at("RateLimit-Limit") == "3");
  CHECK(first.headers.at("X-RateLimit-Remaining") == "2");
  CHECK(world.get("/v1/meta").status == 200);
  CHECK(world.get("/v1/meta").status == 200);
  const auto refused = world.get("/v1/meta");
  CHECK(refused.status == 429);
  CHECK(refused.headers.at("Retry-After") == "20");
  CHECK(refused.headers.at("RateLimit-Remaining") == "0");
  world.clock.jump_to(world.clock.steady() + Millis{20s});
  CHECK(world.get("/v1/meta").status == 200);
}

TEST_CASE("another workspace's things are 404, whatever the way they are asked for") {
  World world;
  const auto endpoint = world.make_endpoint();
  const auto event = world.publish();
  const auto delivery = world.get("/v1/deliveries").at("data").at(0).at("id").as_string();
  const auto bin = world.post("/v1/bins").text("id");
  const auto made = world.post("/v1/workspaces", R"({"name":"other"})");
  REQUIRE(made.status == 201);
  const Headers there{{"X-Posthorn-Workspace", made.text("id")}};
  const auto foreign = [&](std::string_view method, const std::string& target) {
    return world.call(method, target, method == "GET" || method == "DELETE" ? "" : "{}", there)
        .status;
  };
  for (const auto& target :
       {"/v1/endpoints/" + endpoint, "/v1/endpoints/" + endpoint + "/secret",
        "/v1/endpoints/" + endpoint + "/stats", "/v1/endpoints/" + endpoint + "/events",
        "/v1/events/" + event, "/v1/events/" + event + "/explain",
        "/v1/deliveries/" + std::string(delivery), "/v1/bins/" + bin, "/v1/lookup/" + endpoint,
        "/v1/lookup/" + event, "/v1/lookup/" + std::string(delivery)}) {
    CAPTURE(target);
    CHECK(foreign("GET", target) == 404);
    CHECK(world.get(target).status == 200);
  }
  CHECK(foreign("PATCH", "/v1/endpoints/" + endpoint) == 404);
  CHECK(foreign("POST", "/v1/endpoints/" + endpoint + "/disable") == 404);
  CHECK(foreign("POST", "/v1/deliveries/" + std::string(delivery) + "/replay") == 404);
  CHECK(foreign("DELETE", "/v1/bins/" + bin) == 404);
  CHECK(world.call("GET", "/v1/events", "", there).at("data").as_array().empty());
  CHECK(world.call("GET", "/v1/deliveries", "", there).at("data").as_array().empty());
}

TEST_CASE("a key names its own workspace or none; admin may name any that is there, once") {
  World world;
  const auto own = world.get("/v1/meta");
  const auto other = world.post("/v1/workspaces", R"({"name":"other"})").text("id");
  const auto meta = [&world](const std::string& workspace) {
    return world.call("GET", "/v1/meta", "", {{"X-Posthorn-Workspace", workspace}});
  };
  CHECK(meta(other).text("workspace_id") == other);
  CHECK(meta("other").text("workspace_id") == other);
  const auto unknown = meta("ws_zzzz");
  CHECK(unknown.status == 404);
  CHECK(unknown.at("errors").at(0).at("pointer") == "X-Posthorn-Workspace");
  CHECK(unknown.text("detail").find("\"ws_zzzz\"") != std::string::npos);
  const auto twice = world.call("GET", "/v1/meta", "",
                                {{"X-Posthorn-Workspace", other}, {"X-Posthorn-Workspace", other}});
  CHECK(twice.status == 400);
  CHECK(twice.at("errors").at(0).at("code") == "duplicate");

  world.key = world.make_key(R"("events:read")");
  CHECK(meta(own.text("workspace_id")).status == 200);
  CHECK(meta(own.text("workspace_name")).status == 200);
  for (const auto& foreign : {other, std::string("other"), std::string("ws_zzzz")}) {
    const auto refused = meta(foreign);
    CHECK(refused.status == 403);
    CHECK(refused.code() == "other_workspace");
    CHECK(refused.at("errors").at(0).at("pointer") == "X-Posthorn-Workspace");
  }
}

TEST_CASE("a reply's version is its ETag: 304 for who has it, 412 for who changed another") {
  World world;
  const auto id = world.make_endpoint();
  const auto tag = world.get("/v1/endpoints/" + id).headers.at("ETag");
  CHECK(world.call("GET", "/v1/endpoints/" + id, "", {{"If-None-Match", tag}}).status == 304);
  const auto patch = [&world, &id](const std::string& match) {
    return world.call("PATCH", "/v1/endpoints/" + id, R"({"description":"x"})",
                      {{"If-Match", match}});
  };
  CHECK(patch("\"77\"").code() == "version_mismatch");
  CHECK(patch(tag).status == 200);
  CHECK(patch(tag).status == 412);
}

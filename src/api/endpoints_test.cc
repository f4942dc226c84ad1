#include "api/test_world.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

TEST_CASE("an endpoint is made with a secret, routed at once, and never shows the secret again") {
  World world;
  const auto made =
      world.post("/v1/endpoints", R"({"url":"https://a.example/h","event_types":["ticket.*"]})");
  REQUIRE(made.status == 201);
  CHECK(made.text("secret").starts_with("whsec_"));
  const auto id = made.text("id");
  CHECK_FALSE(world.get("/v1/endpoints/" + id).at("signing").at("secrets").as_array().empty());
  CHECK(world.get("/v1/endpoints/" + id).body.find(made.text("secret")) == std::string::npos);
  CHECK(world.get("/v1/endpoints/" + id + "/secret").text("secret") == made.text("secret"));
  CHECK(world.routing.current()->endpoints().size() == 1);
  CHECK(world.delivery.changed.size() == 1);
  CHECK(world.post("/v1/endpoints", R"({"url":"https://a.example/","secret":null})")
            .at("secret")
            .is_null());
}

TEST_CASE("bad endpoints are refused with every fault") {
  World world;
  const auto reply = world.post(
      "/v1/endpoints",
      R"({"url":"http://a.example/","event_type":["x"],"timeout_ms":5,"application":"nobody",)"
      R"("headers":{"Host":"x","X-A":"a\r\nb"}})");
  CHECK(reply.status == 422);
  CHECK(reply.at("errors").as_array().size() == 6);
  CHECK(world.post("/v1/endpoints", R"({"url":"bin://bin_0000000000009"})").status == 422);
}

TEST_CASE("a bin of the workspace is an endpoint's address") {
  World world;
  const auto bin = world.post("/v1/bins", R"({"name":"mine"})");
  CHECK(world.post("/v1/endpoints", R"({"url":")" + bin.text("endpoint_url") + R"("})").status ==
        201);
}

TEST_CASE("disabling holds, enabling recovers all, some or none") {
  World world;
  const auto id = world.make_endpoint();
  const auto address = "/v1/endpoints/" + id;
  const auto count = [&world](const std::string& status) {
    return world.get("/v1/deliveries?status=" + status).at("data").as_array().size();
  };
  const auto disabled = world.post(address + "/disable");
  CHECK(disabled.at("enabled") == false);
  CHECK(disabled.text("disabled_reason") == "manual");
  CHECK(world.post(address + "/disable").status == 200);
  world.publish();
  world.clock.jump_to(world.clock.steady() + Millis{1h});
  const auto since = to_rfc3339(world.clock.now());
  world.publish();
  CHECK(world.post(address + "/enable", R"({"recover":"some"})").status == 422);
  CHECK(world.post(address + "/enable", R"({"recover":{"sinse":"x"}})").status == 422);
  CHECK(count("held") == 2);
  CHECK(count("pending") == 0);
  CHECK(world.post(address + "/enable", R"({"recover":{"since":")" + since + R"("}})")
            .at("enabled") == true);
  CHECK(count("pending") == 1);
  CHECK(world.post(address + "/disable").status == 200);
  CHECK(world.post(address + "/enable", R"({"recover":"none"})").status == 200);
  CHECK(count("pending") == 0);
}

TEST_CASE("a secret is rotated with an overlap in which both sign") {
  World world;
  const auto id = world.make_endpoint();
  const auto before = world.get("/v1/endpoints/" + id + "/secret").text("secret");
  const auto rotated =
      world.post("/v1/endpoints/" + id + "/rotate-secret", R"({"grace_seconds":60})");
  REQUIRE(rotated.status == 200);
  const auto live = world.get("/v1/endpoints/" + id + "/secret");
  CHECK(live.text("secret") == rotated.text("secret"));
  CHECK(live.at("others").at(0) == json::value(before));
  world.clock.jump_to(world.clock.steady() + Millis{61s});
  CHECK(world.get("/v1/endpoints/" + id + "/secret").at("others").as_array().empty());
  CHECK(world.post("/v1/endpoints/" + id + "/rotate-secret", R"({"grace":1})").status == 422);
}

TEST_CASE("a test sends now, with the type's example, and changes no state") {
  World world;
  const auto id = world.make_endpoint();
  CHECK(world.post("/v1/event-types", R"({"name":"a.b","example":{"e":1}})").status == 201);
  const auto result = world.post("/v1/endpoints/" + id + "/test", R"({"type":"a.b"})");
  CHECK(result.at("success") == true);
  REQUIRE(world.delivery.tested.size() == 1);
  CHECK(*world.delivery.tested[0]->data == R"({"e":1})");
  CHECK(world.get("/v1/deliveries").at("data").as_array().empty());
}

TEST_CASE("a test of a type that none can be is told what it was") {
  World world;
  const auto refused = world.post("/v1/endpoints/" + world.make_endpoint() + "/test",
                                  R"({"type":"Ticket.Created"})");
  CHECK(refused.status == 422);
  CHECK(std::string(refused.at("errors").at(0).at("detail").as_string())
            .ends_with("not \"Ticket.Created\""));
}

TEST_CASE("the feed gives what an endpoint was sent, with signatures, and its cursor goes on") {
  World world;
  const auto id = world.make_endpoint();
  const auto first = world.publish("a.b", R"({"n":1})");
  const auto address = "/v1/endpoints/" + id + "/events";
  const auto page = world.get(address + "?limit=1");
  REQUIRE(page.at("data").as_array().size() == 1);
  const auto& item = page.at("data").at(0);
  CHECK(item.at("headers").at("webhook-id") == json::value(first));
  CHECK(std::string(item.at("headers").at("webhook-signature").as_string()).starts_with("v1,"));
  CHECK(std::string(item.at("body").as_string()).find(R"("data":{"n":1}})") != std::string::npos);
  const auto cursor = page.text("next_cursor");
  const auto nothing = world.get(address + "?cursor=" + cursor);
  CHECK(nothing.at("data").as_array().empty());
  const auto second = world.publish("a.b", R"({"n":2})");
  const auto more = world.get(address + "?cursor=" + nothing.text("next_cursor"));
  REQUIRE(more.at("data").as_array().size() == 1);
  CHECK(more.at("data").at(0).at("event_id") == json::value(second));
}

TEST_CASE("statistics count deliveries by state") {
  World world;
  const auto id = world.make_endpoint();
  world.publish();
  world.publish();
  const auto delivery = world.get("/v1/deliveries").at("data").at(0).at("id");
  world.settle(delivery.as_string(), model::DeliveryState::succeeded, 200);
  const auto stats = world.get("/v1/endpoints/" + id + "/stats");
  CHECK(stats.at("deliveries").at("succeeded") == 1);
  CHECK(stats.at("deliveries").at("pending") == 1);
  CHECK(stats.at("succeeded_at_first_try") == 1);
  CHECK(stats.at("lane").at("state") == "idle");
}

TEST_CASE("a deleted endpoint is out of the routing, and its address is 404") {
  World world;
  const auto id = world.make_endpoint();
  CHECK(world.call("DELETE", "/v1/endpoints/" + id).status == 204);
  CHECK(world.get("/v1/endpoints/" + id).status == 404);
  CHECK(world.routing.current()->endpoints().empty());
  CHECK(world.delivery.changed.size() == 2);
}

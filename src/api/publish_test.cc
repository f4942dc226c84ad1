#include "api/test_world.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

TEST_CASE("an event is stored with its data as it came, and gets a delivery for each endpoint") {
  World world;
  world.make_endpoint();
  world.make_endpoint(R"(,"event_types":["invoice.*"])");
  const auto made =
      world.post("/v1/events",
                 R"({"type":"ticket.created","data":{"big":12345678901234567890123,"z":1,"a":2},)"
                 R"("key":"k1","channels":["c"]})");
  REQUIRE(made.status == 202);
  CHECK(made.at("deliveries") == 1);
  CHECK(made.at("sequence") == 1);
  const auto read = world.get("/v1/events/" + made.text("id"));
  CHECK(read.body.find(R"("data":{"big":12345678901234567890123,"z":1,"a":2}})") !=
        std::string::npos);
  CHECK(read.text("actor") == "key:admin");
}

TEST_CASE("every fault of an event is told at once, with its pointer") {
  World world;
  const auto reply = world.post(
      "/v1/events", R"({"type":"Ticket","data":5,"chanels":[],"application":"acme","key":7,)"
                    R"("deliver_at":"soon","channels":["a b"]})");
  CHECK(reply.status == 422);
  std::vector<std::string> pointers;
  for (const auto& error : reply.at("errors").as_array())
    pointers.emplace_back(error.at("pointer").as_string());
  CHECK(pointers == std::vector<std::string>{"/type", "/data", "/chanels", "/application", "/key",
                                             "/deliver_at", "/channels/0"});
  CHECK(world.post("/v1/events", "5").status == 422);
  CHECK(world.post("/v1/events", "{\"type\":").status == 400);
}

TEST_CASE("an id or key with a line end, or an id that could not be looked up, is refused") {
  World world;
  const auto fault = [&](const std::string& members) {
    const auto reply = world.post("/v1/events", R"({"type":"a.b","data":{},)" + members + "}");
    if (reply.status == 202) return std::string("taken");
    CHECK(reply.status == 422);
    const auto& first = reply.at("errors").at(0);
    return std::string(first.at("pointer").as_string()) + " " +
           std::string(first.at("code").as_string());
  };
  CHECK(fault(R"("id":"x\ny")") == "/id format");
  CHECK(fault(R"("id":"x\ty")") == "/id format");
  CHECK(fault(R"("key":"a\nb")") == "/key format");
  CHECK(fault(R"("id":".")") == "/id reserved");
  CHECK(fault(R"("id":"..")") == "/id reserved");
  CHECK(fault("\"id\":\"" + EventId{7}.text() + "\"") == "/id reserved");
  CHECK(fault(R"("id":"evt_1042")") == "taken");
  CHECK(fault(R"("id":"...")") == "taken");
}

TEST_CASE("the bare payload is published as it is; a scalar is none") {
  World world;
  const auto made = world.post("/v1/publish/abuse.test", " [1, 2]\n");
  REQUIRE(made.status == 202);
  CHECK(made.text("type") == "abuse.test");
  CHECK(world.get("/v1/events/" + made.text("id")).body.find(R"("data":[1, 2]})") !=
        std::string::npos);
  CHECK(world.post("/v1/publish/abuse.test", "5").status == 422);
  const auto misnamed = world.post("/v1/publish/Abuse", "{}");
  CHECK(misnamed.code() == "validation_failed");
  CHECK(misnamed.at("errors").at(0).at("pointer") == "path/type");
  CHECK(world.post("/v1/publish/abuse.test", R"({"a":1,"a":2})").status == 400);
}

TEST_CASE("a list is answered item by item; only a list without a good event is refused whole") {
  World world;
  const auto reply =
      world.post("/v1/events", R"([{"type":"a.b","data":{},"id":"x1"},{"type":"a.b"},7,)"
                               R"({"type":"a.b","data":{"other":1},"id":"x1"}])");
  REQUIRE(reply.status == 202);
  const auto& items = reply.at("data").as_array();
  REQUIRE(items.size() == 4);
  CHECK(items[0].at("status") == 202);
  CHECK(items[1].at("status") == 422);
  CHECK(items[1].at("errors").at(0).at("pointer") == "/1/data");
  CHECK(items[2].at("errors").at(0).at("pointer") == "/2");
  CHECK(items[3].at("status") == 409);
  CHECK(world.post("/v1/events", R"([{"type":"a.b"}])").status == 422);
  CHECK(world.post("/v1/events", "[]").status == 422);
  std::string many = "[";
  for (int i = 0; i < 500; ++i) many += R"({"type":"a.b","data":{}},)";
  CHECK(world.post("/v1/events", many + R"({"type":"a.b","data":{}}])").status == 422);
  many.back() = ']';
  CHECK(world.post("/v1/events", many).at("data").as_array().size() == 500);
}

TEST_CASE("a client id publishes once; with other content it is a conflict") {
  World world;
  const std::string body = R"({"type":"a.b","data":{"n":1},"id":"order-7"})";
  const auto first = world.post("/v1/events", body);
  const auto second = world.post("/v1/events", body);
  CHECK(second.text("id") == first.text("id"));
  CHECK(second.at("duplicate") == true);
  const auto other = world.post("/v1/events", R"({"type":"a.b","data":{"n":2},"id":"order-7"})");
  CHECK(other.status == 409);
  CHECK(other.code() == "id_conflict");
  CHECK(world.get("/v1/events/order-7").text("id") == first.text("id"));
  CHECK(world.get("/v1/events/order-7/explain").text("event_id") == first.text("id"));
  CHECK(world.get("/v1/events/order-8/explain").status == 404);
}

TEST_CASE("an unknown type is listed at first sight; a strict workspace refuses it") {
  World world;
  world.publish("order.paid");
  CHECK(world.get("/v1/event-types/order.paid").status == 200);
  const auto workspace = world.get("/v1/meta").text("workspace_id");
  CHECK(world.call("PATCH", "/v1/workspaces/" + workspace, R"({"strict":true})").status == 200);
  world.publish("order.paid");
  const auto refused = world.post("/v1/events", R"({"type":"order.payed","data":{}})");
  CHECK(refused.status == 422);
  const auto& fault = refused.at("errors").at(0);
  CHECK(fault.at("code") == "unknown_event_type");
  CHECK(std::string(fault.at("detail").as_string()).find("order.paid?") != std::string::npos);
  CHECK(world.call("PATCH", "/v1/event-types/order.paid", R"({"archived":true})").status == 200);
  CHECK(world.post("/v1/events", R"({"type":"order.paid","data":{}})")
            .at("errors")
            .at(0)
            .at("code") == "archived");
}

TEST_CASE("data is checked against the schema of the type's current version") {
  World world;
  const auto made = world.post("/v1/event-types",
                               R"({"name":"a.b","json_schema":{"type":"object","required":["n"],)"
                               R"("properties":{"n":{"type":"integer"}}},"example":{"n":1}})");
  REQUIRE(made.status == 201);
  CHECK(made.at("current_version") == 1);
  world.publish("a.b", R"({"n":1})");
  const auto refused = world.post("/v1/events", R"({"type":"a.b","data":{"n":"1"}})");
  CHECK(refused.status == 422);
  CHECK(refused.at("errors").at(0).at("pointer") == "/data/n");
  const auto example = world.call("PATCH", "/v1/event-types/a.b", R"({"example":{"n":2}})");
  CHECK(example.at("current_version") == 2);
  CHECK(world.post("/v1/events", R"({"type":"a.b","data":{"n":"1"}})").status == 422);
  CHECK(world.call("PATCH", "/v1/event-types/a.b", R"({"versions":[]})").status == 422);
  const auto changed = world.call("PATCH", "/v1/event-types/a.b", R"({"json_schema":true})");
  CHECK(changed.at("current_version") == 3);
  const auto id = world.publish("a.b", R"({"n":"1"})");
  CHECK(world.get("/v1/events/" + id).at("type_version") == 3);
}

TEST_CASE("a delayed event is due when it was told to be, and a looping one goes to nobody") {
  World world;
  world.make_endpoint();
  const auto at = to_rfc3339(world.clock.now() + Millis{1h});
  const auto made =
      world.post("/v1/events", R"({"type":"a.b","data":{},"deliver_at":")" + at + R"("})");
  REQUIRE(made.status == 202);
  const auto delivery = world.get("/v1/deliveries").at("data").at(0);
  CHECK(delivery.at("next_attempt_at") == json::value(at));
  const auto looping =
      world.post("/v1/events", R"({"type":"a.b","data":{}})", {{"webhook-hop", "3"}});
  CHECK(looping.at("deliveries") == 0);
  CHECK(world.get("/v1/events/" + looping.text("id")).at("hop") == 3);
  CHECK(world.post("/v1/events", R"({"type":"a.b","data":{}})", {{"webhook-hop", "x"}}).status ==
        400);
}

TEST_CASE("a compressed body is inflated, within its ratio") {
  World world;
  // printf '{"type":"a.b","data":{}}' | gzip -n | base64
  const auto gzipped = from_base64("H4sIAAAAAAACA6tWKqksSFWyUkrUS1LSUUpJLElUsqqurQUALDBTsxgAAAA=");
  REQUIRE(gzipped.has_value());
  const Headers gzip{{"Content-Encoding", "gzip"}};
  CHECK(world.post("/v1/events", *gzipped, gzip).status == 202);
  CHECK(world.post("/v1/events", gzipped->substr(0, 20), gzip).status == 400);
  CHECK(world.post("/v1/events", "{}", gzip).code() == "invalid_gzip");
}

TEST_CASE("the same Idempotency-Key again is answered again, not done again") {
  World world;
  world.make_endpoint();
  const Headers key{{"Idempotency-Key", "\"k-1\""}};
  const std::string body = R"({"type":"a.b","data":{}})";
  const auto first = world.post("/v1/events", body, key);
  const auto second = world.post("/v1/events", body, {{"Idempotency-Key", "k-1"}});
  CHECK(second.body == first.body);
  CHECK(second.headers.at("Idempotency-Replayed") == "true");
  CHECK(world.get("/v1/events").at("data").as_array().size() == 1);
  const auto other = world.post("/v1/events", R"({"type":"a.c","data":{}})", key);
  CHECK(other.status == 422);
  CHECK(other.code() == "idempotency_key_reused");
  CHECK(world.post("/v1/events", body, {{"Idempotency-Key", ""}}).status == 400);
  const auto unusable = world.post("/v1/events", body, {{"Idempotency-Key", "k\u00e9"}});
  CHECK(unusable.status == 400);
  CHECK(unusable.at("errors").at(0).at("pointer") == "Idempotency-Key");
  CHECK(unusable.text("detail").ends_with("not \"k\u00e9\""));

  // Another caller's key of the same name is another key, and a day later it is new.
  world.key = world.make_key(R"("events:write","events:read")");
  CHECK_FALSE(world.post("/v1/events", body, key).headers.contains("Idempotency-Replayed"));
  world.clock.jump_to(world.clock.steady() + Millis{25h});
  CHECK_FALSE(world.post("/v1/events", body, key).headers.contains("Idempotency-Replayed"));
  CHECK(world.get("/v1/events").at("data").as_array().size() == 3);
}

TEST_CASE("what is created under an Idempotency-Key is kept with its secret, and once") {
  World world;
  const Headers key{{"Idempotency-Key", "make"}};
  const std::string body = R"({"url":"https://a.example/"})";
  const auto first = world.post("/v1/endpoints", body, key);
  const auto second = world.post("/v1/endpoints", body, key);
  CHECK(first.status == 201);
  CHECK(second.body == first.body);
  CHECK(world.get("/v1/endpoints").at("data").as_array().size() == 1);
  // A refusal is not kept: the corrected request may use the same key.
  const Headers other{{"Idempotency-Key", "other"}};
  CHECK(world.post("/v1/endpoints", R"({"url":"http://a.example/"})", other).status == 422);
  CHECK(world.post("/v1/endpoints", body, other).status == 201);
}

TEST_CASE("erasing an event's content keeps the event") {
  World world;
  const auto id = world.publish();
  CHECK(world.call("DELETE", "/v1/events/" + id + "/content").status == 204);
  CHECK(world.get("/v1/events/" + id).at("data").is_null());
}

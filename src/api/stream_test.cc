#include "api/test_receiving.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

namespace {

class Reader final : public http::BodyWriter {
 public:
  task<bool> write(std::string bytes) override {
    text += bytes;
    co_return open;
  }
  std::string text;
  bool open = true;
};

/// A stream that is being read.
struct Watching {
  Watching(World& world, Reply reply) : response(std::move(reply)) {
    REQUIRE_MESSAGE(response.status == 200, response.body);
    asio::co_spawn(world.context, response.stream(reader),
                   [this](std::exception_ptr) { ended = true; });
  }
  Reply response;
  Reader reader;
  bool ended = false;
};

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void pass_time(World& world, Millis span) {
  const auto end = world.clock.steady() + span;
  do {
    world.context.restart();
    world.context.poll();
  } while (world.clock.advance(end));
  world.clock.jump_to(end);
}

std::string last_id(const std::string& text) {
  const auto at = text.rfind("id: ") + 4;
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a stream tells what happens, and one that resumes misses and repeats nothing") {
  World world;
  world.make_endpoint();
  world.publish("before.it");
  Watching first(world, world.get("/v1/stream"));
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, "event: ") == 0);
  world.publish("one.one");
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, "event: event") == 1);
  const auto delivery =
      std::string(world.get("/v1/deliveries?limit=1").at("data").at(0).at("id").as_string());
  world.settle(delivery, model::DeliveryState::succeeded, 200);
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, "event: attempt") == 1);
  const auto place = last_id(first.reader.text);
  first.reader.open = false;
  world.publish("two.two");
  pass_time(world, 100ms);
  CHECK(first.ended);

  Watching second(world, world.call("GET", "/v1/stream", "", {{"Last-Event-ID", place}}));
  pass_time(world, 100ms);
  CHECK(count(second.reader.text, "event: event") == 1);
  CHECK(second.reader.text.find("two.two") != std::string::npos);
  pass_time(world, 31s);
  CHECK(count(second.reader.text, ": ping") == 2);
  world.service->end_streams();
  pass_time(world, 100ms);
  CHECK(second.ended);
}

TEST_CASE("a stream gives its caller's workspace and topics alone, and ends with its key") {
  World world;
  world.make_endpoint();
  CHECK(world.call("GET", "/v1/stream", "", {{"Last-Event-ID", "x"}}).status == 400);
  world.key = world.make_key(R"("events:read")");
  CHECK(world.get("/v1/stream").code() == "missing_scope");
  Watching watching(world, world.get("/v1/stream?topics=events"));
  world.key = admin_key;
  pass_time(world, 100ms);
  const auto other = world.post("/v1/workspaces", R"({"name":"other"})");
  CHECK(world
            .post("/v1/events", R"({"type":"not.ours","data":{}})",
                  {{"X-Posthorn-Workspace", other.text("id")}})
            .status == 202);
  world.publish("is.ours");
  pass_time(world, 100ms);
  CHECK(watching.reader.text.find("not.ours") == std::string::npos);
  CHECK(watching.reader.text.find("is.ours") != std::string::npos);
  CHECK(watching.reader.text.find("event: attempt") == std::string::npos);
  const auto keys = world.get("/v1/api-keys");
  const auto id = std::string(keys.at("data").at(0).at("id").as_string());
  CHECK(world.call("DELETE", "/v1/api-keys/" + id).status == 204);
  pass_time(world, 100ms);
  CHECK(watching.ended);
}

TEST_CASE("a place that no stream gave is refused where it was named") {
  World world;
  const auto by_query = world.get("/v1/stream?cursor=zz");
  CHECK(by_query.status == 400);
  CHECK(by_query.at("errors").at(0).at("pointer") == "?cursor");
  CHECK(by_query.text("detail").ends_with("not \"zz\""));
  const auto by_header = world.call("GET", "/v1/stream", "", {{"Last-Event-ID", "zz"}});
  CHECK(by_header.status == 400);
  CHECK(by_header.at("errors").at(0).at("pointer") == "Last-Event-ID");
}

TEST_CASE("a stream tells of requests as they come and of what becomes of them") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  receiving.receive(source);
  Watching first(world, world.get("/v1/stream?topics=requests"));
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, "event: ") == 0);
  const auto id = receiving.receive(source);
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, "event: request") == 1);
  CHECK(count(first.reader.text, id) == 1);
  CHECK(count(first.reader.text, R"("state":"received")") == 1);
  const auto place = last_id(first.reader.text);
  receiving.settle(id, model::RequestState::processed);
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, R"("state":"processed")") == 1);
  CHECK(last_id(first.reader.text) == place);
  receiving.receive(source, {.forged = true});
  pass_time(world, 100ms);
  CHECK(count(first.reader.text, R"("state":"refused")") == 1);

  Watching second(world,
                  world.call("GET", "/v1/stream?topics=requests", "", {{"Last-Event-ID", place}}));
  pass_time(world, 100ms);
  CHECK(count(second.reader.text, "event: request") == 1);
  CHECK(count(second.reader.text, R"("state":"refused")") == 1);
  world.key = world.make_key(R"("events:read","deliveries:read")");
  CHECK(world.get("/v1/stream?topics=requests").code() == "missing_scope");
  Watching plain(world, world.get("/v1/stream"));
  world.key = admin_key;
  receiving.receive(source);
  pass_time(world, 100ms);
  CHECK(count(plain.reader.text, "event: request") == 0);
}

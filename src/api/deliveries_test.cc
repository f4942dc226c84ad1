#include "api/replay_runner.h"
#include "api/test_world.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

namespace {

std::string newest_delivery(World& world) {
  return std::string(world.get("/v1/deliveries?limit=1").at("data").at(0).at("id").as_string());
}

}  // namespace

TEST_CASE("a delivery is found by id and by UUID, with its attempts and where it stands") {
  World world;
  world.make_endpoint();
  world.publish();
  const auto id = newest_delivery(world);
  world.settle(id, model::DeliveryState::exhausted, 500);
  const auto read = world.get("/v1/deliveries/" + id);
  CHECK(read.text("status") == "exhausted");
  CHECK(read.text("event_type") == "ticket.created");
  REQUIRE(read.at("attempts").as_array().size() == 1);
  CHECK(read.text("state_in_words").starts_with("failed: all retries are used after 1 attempt"));
  CHECK(world.get("/v1/deliveries/" + read.text("uuid")).text("id") == id);
  CHECK(world.get("/v1/lookup/" + read.text("uuid")).text("id") == id);
  const auto attempt = std::string(read.at("attempts").at(0).at("id").as_string());
  CHECK(world.get("/v1/attempts/" + attempt).text("delivery_id") == id);
  CHECK(world.get("/v1/attempts").at("data").as_array().size() == 1);
  CHECK(world.get("/v1/deliveries/" + id + "/attempts").at("data").as_array().size() == 1);
}

TEST_CASE("a delivery and its attempts are of one moment, also when one is recorded meanwhile") {
  World world;
  world.make_endpoint();
  world.publish();
  const auto id = newest_delivery(world);
  world.store.before_attempts = [&] { world.settle(id, model::DeliveryState::succeeded, 200); };
  const auto read = world.get("/v1/deliveries/" + id);
  CHECK(read.at("attempts").as_array().size() == 1);
  CHECK(read.text("status") == "succeeded");
  CHECK(read.at("attempt_count") == 1);
}

TEST_CASE("pages follow each other by cursors that belong to their filters") {
  World world;
  world.make_endpoint();
  for (int i = 0; i < 5; ++i) world.publish();
  std::vector<std::string> seen;
  std::string cursor;
  for (int round = 0; round < 10; ++round) {
    const auto page = world.get("/v1/deliveries?status=pending&limit=2" +
                                (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const auto& row : page.at("data").as_array()) seen.emplace_back(row.at("id").as_string());
    if (page.at("next_cursor").is_null()) break;
    cursor = page.text("next_cursor");
  }
  CHECK(seen.size() == 5);
  CHECK(std::is_sorted(seen.rbegin(), seen.rend()));
  CHECK(world.get("/v1/deliveries?status=parked&cursor=" + cursor).code() ==
        "cursor_filter_mismatch");
  CHECK(world.get("/v1/deliveries?cursor=abc").status == 400);
  CHECK(world.get("/v1/events?cursor=" + cursor).status == 400);
}

TEST_CASE("a replay is a new delivery of the same event; a removed payload cannot be replayed") {
  World world;
  world.make_endpoint();
  const auto event = world.publish();
  const auto id = newest_delivery(world);
  world.settle(id, model::DeliveryState::exhausted, 500);
  const auto again = world.post("/v1/deliveries/" + id + "/replay");
  REQUIRE(again.status == 202);
  CHECK(again.text("replay_of") == id);
  CHECK(again.text("event_id") == event);
  CHECK(world.call("DELETE", "/v1/events/" + event + "/content").status == 204);
  CHECK(world.post("/v1/deliveries/" + id + "/replay").code() == "payload_gone");
}

TEST_CASE("only what is not settled can be cancelled") {
  World world;
  world.make_endpoint();
  world.publish();
  const auto id = newest_delivery(world);
  CHECK(world.post("/v1/deliveries/" + id + "/cancel").text("status") == "cancelled");
  CHECK(world.post("/v1/deliveries/" + id + "/cancel").code() == "delivery_settled");
}

TEST_CASE("held and pending ones fill their pages, though the store knows them as one") {
  World world;
  const auto held = world.make_endpoint(R"(,"event_types":["ticket.*"])");
  REQUIRE(world.post("/v1/endpoints/" + held + "/disable").status == 200);
  for (int i = 0; i < 4; ++i) world.publish();
  const auto open = world.make_endpoint(R"(,"event_types":["ticket.*"])");
  for (int i = 0; i < 10; ++i) world.publish();
  const auto page = [&world](const std::string& query) {
    std::vector<std::string> endpoints;
    const auto found = world.get("/v1/deliveries?" + query);
    for (const auto& one : found.at("data").as_array())
      endpoints.emplace_back(one.at("endpoint_id").as_string());
    return endpoints;
  };
  CHECK(page("status=held&limit=12") == std::vector(12, held));
  CHECK(page("status=held&limit=50") == std::vector(14, held));
  CHECK(page("status=pending&limit=7") == std::vector(7, open));
  CHECK(page("status=pending&status=held&limit=20").size() == 20);
  const auto stats = world.get("/v1/endpoints/" + held + "/stats").at("deliveries");
  CHECK(stats.at("held") == 14);
  CHECK(stats.at("pending") == 0);
  const auto others = world.get("/v1/endpoints/" + open + "/stats").at("deliveries");
  CHECK(others.at("held") == 0);
  CHECK(others.at("pending") == 10);
}

TEST_CASE("explain says for each endpoint why it got an event or did not") {
  World world;
  const auto wants = world.make_endpoint();
  const auto other_type = world.make_endpoint(R"(,"event_types":["invoice.*"])");
  const auto filtered = world.make_endpoint(R"(,"filter":{"data.n":{"$gte":10}})");
  const auto event = world.publish();
  const auto told = world.get("/v1/events/" + event + "/explain");
  std::map<std::string, json::value> by_id;
  for (const auto& one : told.at("endpoints").as_array())
    by_id[std::string(one.at("endpoint_id").as_string())] = one;
  CHECK(by_id[wants].at("matched") == true);
  CHECK(by_id[wants].at("deliveries").as_array().size() == 1);
  CHECK(by_id[other_type].at("reason") == "type");
  CHECK(by_id[other_type].at("in_words") == "it wants invoice.*, not ticket.created");
  CHECK(by_id[filtered].at("reason") == "filter");
  CHECK(std::string(by_id[filtered].at("in_words").as_string()).find("data.n") !=
        std::string::npos);

  world.delivery.view.state = deliver::LaneState::probing;
  const auto probing = world.get("/v1/events/" + event + "/explain");
  const auto words = json::serialize(probing.json);
  CHECK(words.find("waits: the endpoint is probing") != std::string::npos);
}

TEST_CASE("a replay job is counted first, runs at its rate, pauses, and never replays itself") {
  World world;
  world.make_endpoint();
  for (int i = 0; i < 7; ++i) {
    world.publish();
    world.settle(newest_delivery(world), model::DeliveryState::exhausted, 500);
  }
  world.clock.jump_to(world.clock.steady() + Millis{1s});
  const auto counted = world.post(
      "/v1/replay-jobs", R"({"filter":{"status":"exhausted","since":"-2h"},"dry_run":true})");
  REQUIRE(counted.status == 201);
  CHECK(counted.at("total") == 7);
  CHECK(counted.text("status") == "completed");
  CHECK(counted.at("replayed") == 0);

  const auto job =
      world.post("/v1/replay-jobs", R"({"filter":{"status":["exhausted"]},"rate":4})").text("id");
  ReplayRunner runner(
      {world.store, world.routing, world.clock, world.timeline, world.log, world.sources});
  bool ended = false;
  asio::co_spawn(world.context, runner.run(), [&ended](std::exception_ptr bug) {
    ended = true;
    if (bug) std::rethrow_exception(bug);
  });
  const auto replayed = [&world, &job] {
    return world.get("/v1/replay-jobs/" + job).at("replayed").as_int64();
  };
  CHECK(replayed() == 2);
  CHECK(world.post("/v1/replay-jobs/" + job + "/pause").text("status") == "paused");
  world.run_until(
      [&world, end = world.clock.steady() + Millis{60s}] { return world.clock.steady() >= end; });
  CHECK(replayed() == 2);
  CHECK(world.post("/v1/replay-jobs/" + job + "/resume").text("status") == "running");
  world.run_until(
      [&] { return world.get("/v1/replay-jobs/" + job).text("status") == "completed"; });
  CHECK(replayed() == 7);
  CHECK(world.get("/v1/deliveries").at("data").as_array().size() == 14);
  CHECK(world.post("/v1/replay-jobs/" + job + "/cancel").code() == "wrong_state");
  runner.stop();
  world.run_until([&ended] { return ended; });
  CHECK(ended);
}

TEST_CASE("a replay job needs a filter, and its faults are told with their place") {
  World world;
  CHECK(world.post("/v1/replay-jobs", "{}").status == 422);
  CHECK(world.post("/v1/replay-jobs", R"({"filter":{}})").status == 422);
  CHECK(world.post("/v1/replay-jobs", R"({"filter":{"status":"held"}})").status == 422);
  const auto reply = world.post(
      "/v1/replay-jobs", R"({"filter":{"status":"pending","stauts":"x","code":"99"},"rate":0})");
  CHECK(reply.status == 422);
  CHECK(reply.at("errors").as_array().size() == 4);
  CHECK(reply.at("errors").at(0).at("pointer") == "/filter/stauts");
}

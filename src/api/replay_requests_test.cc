// Received requests worked on again: one, many, and by filter as a job.

#include "api/replay_runner.h"
#include "api/test_receiving.h"
#include "crypto/test_certificate.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;
using model::RequestState;

namespace {

std::string replay_of(const std::string& id) { return "/v1/requests/" + id + "/replay"; }

std::string state_of(World& world, const std::string& id) {
  return world.get("/v1/requests/" + id).text("state");
}

/// A runner that works while it lives.
class Running {
 public:
  explicit Running(World& world)
      : world_(world),
        runner_(
            {world.store, world.routing, world.clock, world.timeline, world.log, world.sources}) {
    asio::co_spawn(world.context, runner_.run(), [this](std::exception_ptr bug) {
      ended_ = true;
      if (bug) std::rethrow_exception(bug);
    });
  }
  ~Running() {
    runner_.stop();
    world_.run_until([this] { return ended_; });
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  World& world_;
  ReplayRunner runner_;
  bool ended_ = false;
};

void pass_time(World& world, Millis span) {
  world.run_until(
      [&world, end = world.clock.steady() + span] { return world.clock.steady() >= end; });
  world.clock.jump_to(world.clock.steady() + span);
}

}  // namespace

TEST_CASE("what waits, was a handshake, repeats another or is not kept whole is not replayed") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto id = receiving.receive(source, {.unique = "00000000000000aa"});
  CHECK(world.post(replay_of(id)).code() == "already_waiting");
  const auto twin = receiving.receive(source, {.unique = "00000000000000aa"});
  REQUIRE(state_of(world, twin) == "duplicate");
  CHECK(world.post(replay_of(twin)).code() == "duplicate");
  CHECK(world.post(replay_of(twin)).text("detail").find(id) != std::string::npos);
  receiving.settle(id, RequestState::processed);
  REQUIRE(world.post(replay_of(id)).status == 202);
  receiving.settle(id, RequestState::answered);
  CHECK(world.post(replay_of(id)).code() == "handshake");
  CHECK(world.call("DELETE", "/v1/requests/" + twin + "/body").status == 204);
  CHECK(world.post(replay_of(twin), R"({"force":true})").code() == "body_not_kept");
  CHECK(world.call("DELETE", "/v1/sources/" + source).status == 204);
  CHECK(world.post(replay_of(id)).code() == "source_deleted");
  CHECK(world.post(replay_of(id), R"({"forced":true})").status == 422);
}

TEST_CASE("one that failed and waits for its next try is tried now; force counts up") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto id = receiving.receive(source);
  store::Batch batch;
  store::RequestChange failed;
  failed.request = *RequestId::parse(id);
  failed.state = RequestState::received;
  failed.attempts = 3;
  failed.error = "no";
  failed.due_at = world.timeline.now() + 1h;
  batch.request_changes.push_back(failed);
  REQUIRE(world.store.apply_blocking(std::move(batch)).has_value());
  const auto again = world.post(replay_of(id));
  REQUIRE(again.status == 202);
  CHECK(again.at("attempts") == 0);
  CHECK(again.at("error").is_null());
  CHECK(world.post(replay_of(id)).code() == "already_waiting");
  for (int round = 1; round <= 2; ++round) {
    receiving.settle(id, RequestState::processed);
    REQUIRE(world.post(replay_of(id), R"({"force":true})").status == 202);
    const auto stored = world.wait(world.store.request(*RequestId::parse(id)));
    CHECK(stored->value().forced == round);
  }
}

TEST_CASE("a refused request whose bytes were accepted when they came again is not replayed") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(by_bytes)).text("id");
  const auto refused =
      receiving.receive(source, {.unique = "00000000000000aa", .as_refused = true});
  const auto lonely = receiving.receive(source, {.unique = "00000000000000bb", .as_refused = true});
  const auto accepted = receiving.receive(source, {.unique = "00000000000000aa"});
  REQUIRE(state_of(world, accepted) == "received");
  CHECK(world.post(replay_of(refused)).code() == "duplicate");
  CHECK(world.post(replay_of(refused), R"({"force":true})").status == 202);
  CHECK(world.post(replay_of(lonely)).status == 202);
}

TEST_CASE("a refused request with a one-time token goes on with force alone") {
  World world;
  Receiving receiving(world);
  const auto source = world.post(
      "/v1/sources",
      R"({"provider":"mailgun","name":"m","config":{"signing_key":"key-0123456789abcdef"}})");
  REQUIRE_MESSAGE(source.status == 201, source.body);
  const auto refused = receiving.receive(source.text("id"), {.as_refused = true});
  CHECK(world.post(replay_of(refused)).code() == "one_time_token");
  CHECK(world.post(replay_of(refused), R"({"force":true})").status == 202);
}

TEST_CASE("what is signed with a certificate that cannot be had is not judged") {
  World world;
  Receiving receiving(world);
  const auto source = world.post(
      "/v1/sources",
      R"({"provider":"ses_sns","name":"mail","config":{"topic_arns":["arn:aws:sns:eu-west-1:123456789012:ses"],"private_key":)" +
          json::serialize(json::value(crypto::test_private_key)) + "}}");
  REQUIRE_MESSAGE(source.status == 201, source.body);
  const auto refused = receiving.receive(source.text("id"));
  REQUIRE(state_of(world, refused) == "refused");
  const auto told = world.get("/v1/requests/" + refused + "/explain");
  CHECK(told.at("now").is_null());
  CHECK(told.text("now_unknown_because").find("certificate") != std::string::npos);
  CHECK(world.post(replay_of(refused)).code() == "certificate_unavailable");
}

TEST_CASE("many are replayed in one call, with an answer for each") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  std::string ids;
  for (int i = 0; i < 20; ++i) {
    const auto id = receiving.receive(source);
    if (i != 3) receiving.settle(id, RequestState::parked);
    ids += "\"" + id + "\",";
  }
  ids += "\"" + RequestId{999}.text() + "\"";
  const auto audited = world.audit_entries();
  const auto reply = world.post("/v1/requests/replay", R"({"ids":[)" + ids + "]}");
  REQUIRE(reply.status == 202);
  const auto& answers = reply.at("data").as_array();
  REQUIRE(answers.size() == 21);
  CHECK(answers[0].at("status") == 202);
  CHECK(answers[0].at("request").at("state") == "received");
  CHECK(answers[3].at("code") == "already_waiting");
  CHECK(answers[20].at("status") == 404);
  CHECK(world.audit_entries() == audited + 19);
  CHECK(world.get("/v1/requests?state=received").at("data").as_array().size() == 20);
  CHECK(world.post("/v1/requests/replay", "{}").status == 422);
  CHECK(world.post("/v1/requests/replay", R"({"ids":["req_1"]})").status == 422);
  const auto twice = RequestId{1}.text();
  CHECK(world.post("/v1/requests/replay", R"({"ids":[")" + twice + R"(",")" + twice + R"("]})")
            .status == 422);
}

TEST_CASE("requests are replayed by filter as a job, which counts, skips and can be paused") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto other = world.post("/v1/sources", std::string(by_bytes)).text("id");
  std::vector<std::string> parked;
  for (int i = 0; i < 6; ++i) {
    parked.push_back(receiving.receive(source));
    receiving.settle(parked.back(), RequestState::parked);
  }
  CHECK(world.call("DELETE", "/v1/requests/" + parked[2] + "/body").status == 204);
  const auto elsewhere = receiving.receive(other);
  receiving.settle(elsewhere, RequestState::parked);
  world.clock.jump_to(world.clock.steady() + Millis{1s});
  const auto counted = world.post(
      "/v1/replay-jobs", R"({"requests":{"source_id":")" + source + R"("},"dry_run":true})");
  REQUIRE(counted.status == 201);
  CHECK(counted.at("total") == 6);
  CHECK(counted.at("filter").is_null());
  CHECK(counted.at("requests").at("state").at(0) == "parked");

  const auto job =
      world.post("/v1/replay-jobs", R"({"requests":{"provider":"stripe"},"rate":4})").text("id");
  const Running running(world);
  const auto path = "/v1/replay-jobs/" + job;
  CHECK(world.get(path).at("replayed") == 2);
  CHECK(world.post(path + "/pause").text("status") == "paused");
  pass_time(world, 60s);
  CHECK(world.get(path).at("seen") == 2);
  CHECK(world.post(path + "/resume").text("status") == "running");
  world.run_until([&] { return world.get(path).text("status") == "completed"; });
  CHECK(world.get(path).at("replayed") == 5);
  CHECK(world.get(path).at("skipped") == 1);
  CHECK(world.get(path).at("total") == 6);
  CHECK(state_of(world, parked[0]) == "received");
  CHECK(state_of(world, parked[2]) == "parked");
  CHECK(state_of(world, elsewhere) == "parked");
}

TEST_CASE("a job over requests says what is wrong with it, and needs its scope") {
  World world;
  const auto codes = [&world](const std::string& body) {
    const auto reply = world.post("/v1/replay-jobs", body);
    CHECK(reply.status == 422);
    std::string all;
    for (const auto& fault : reply.at("errors").as_array())
      all += std::string(fault.at("pointer").as_string()) + " " +
             std::string(fault.at("code").as_string()) + ";";
    return all;
  };
  CHECK(codes(R"({"requests":{"force":true}})") == "/requests required;");
  CHECK(codes(R"({"requests":{"state":"received"}})") == "/requests/state not_allowed;");
  CHECK(codes(R"({"requests":{"state":"duplicate"}})") == "/requests/state not_allowed;");
  CHECK(codes(R"({"requests":{"stat":"parked","source_id":"src_1"}})") ==
        "/requests/stat unknown_parameter;/requests/source_id format;");
  CHECK(codes(R"({"requests":{"state":"parked","force":1}})") == "/requests/force type;");
  CHECK(codes(R"({"requests":{"state":"parked"},"filter":{"type":"a"}})") ==
        "/filter not_allowed;");
  world.key = world.make_key(R"("deliveries:write")");
  const auto refused = world.post("/v1/replay-jobs", R"({"requests":{"state":"parked"}})");
  CHECK(refused.code() == "missing_scope");
  CHECK(refused.text("detail").find("requests:write") != std::string::npos);
}

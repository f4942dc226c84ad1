// Sources and received requests over the API.

#include "api/test_receiving.h"

using namespace posthorn;
using namespace posthorn::api;
using namespace posthorn::api::testing;

TEST_CASE("a source is made, shown without its secret, changed, paused and deleted") {
  World world;
  const auto made = world.post("/v1/sources", std::string(stripe));
  REQUIRE(made.status == 201);
  CHECK(made.text("ingest_url").find("/in/") != std::string::npos);
  CHECK(made.body.find("0123456789abcdef") == std::string::npos);
  const auto path = "/v1/sources/" + made.text("id");
  CHECK(world.get(path).text("name") == "payments");
  CHECK(world.call("PATCH", path, R"({"name":"cards","config":{"tolerance_s":60}})").text("name") ==
        "cards");
  CHECK(world.get(path).at("config").at("tolerance_s") == 60);
  CHECK(world.post(path + "/pause").at("paused") == true);
  CHECK(world.sources.by_id(*SourceId::parse(made.text("id")))->source.paused);
  CHECK(world.post(path + "/resume").at("paused") == false);
  CHECK(world.get("/v1/sources").at("data").as_array().size() == 1);
  CHECK(world.get("/v1/lookup/" + made.text("id")).text("kind") == "source");
  CHECK(world.call("DELETE", path).status == 204);
  CHECK(world.get(path).status == 404);
  CHECK_FALSE(world.sources.by_id(*SourceId::parse(made.text("id"))));
}

TEST_CASE("wrong settings are a 422 with every fault at once") {
  World world;
  const auto wrong = world.post(
      "/v1/sources",
      R"({"provider":"stripe","name":"","config":{"tolerance_s":0,"signing_secrt":"x"},"more":1})");
  REQUIRE(wrong.status == 422);
  CHECK(wrong.at("errors").as_array().size() >= 4);
  CHECK(wrong.body.find("signing_secret") != std::string::npos);
  const auto unknown = world.post("/v1/sources", R"({"provider":"strpe","name":"a","config":{}})");
  CHECK(unknown.status == 422);
  CHECK(unknown.body.find("stripe") != std::string::npos);
}

TEST_CASE("a secret is rotated and the old one is shown to verify for its overlap") {
  World world;
  const auto made = world.post("/v1/sources", std::string(stripe));
  const auto path = "/v1/sources/" + made.text("id");
  const auto rotated = world.post(path + "/rotate-secret",
                                  R"({"value":"whsec_fedcba9876543210","overlap_seconds":60})");
  REQUIRE(rotated.status == 200);
  CHECK(rotated.at("previous_secrets").as_array().size() == 1);
  const auto live = world.sources.by_id(*SourceId::parse(made.text("id")));
  CHECK(live->settings.all("signing_secret").size() == 2);
  CHECK(world.post(path + "/rotate-secret", R"({"field":"nothing","value":7})").status == 422);
}

TEST_CASE("providers are listed with their settings, instructions name the source's address") {
  World world;
  const auto providers = world.get("/v1/providers");
  CHECK(providers.at("data").as_array().size() == providers::registry().size());
  CHECK(world.get("/v1/providers/stripe").text("title") == "Stripe");
  CHECK(world.get("/v1/providers/nobody").status == 404);
  const auto made = world.post("/v1/sources", std::string(stripe));
  const auto told = world.get("/v1/sources/" + made.text("id") + "/instructions");
  CHECK(told.text("markdown").find(made.text("ingest_url")) != std::string::npos);
  CHECK(told.text("markdown").find("{url}") == std::string::npos);
}

TEST_CASE("a received request is listed, shown, its body given raw, and erased") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto id = receiving.receive(source);
  const auto list = world.get("/v1/requests?source_id=" + source + "&state=received");
  REQUIRE(list.at("data").as_array().size() == 1);
  const auto shown = world.get("/v1/requests/" + id);
  REQUIRE(shown.status == 200);
  CHECK(shown.text("state_in_words") == "waits for the worker");
  CHECK(shown.text("body").find("evt_") != std::string::npos);
  const auto raw = world.get("/v1/requests/" + id + "/body");
  CHECK(raw.body == shown.text("body"));
  CHECK(raw.headers.at("Content-Security-Policy") == "sandbox");
  CHECK(world.get("/v1/lookup/" + id).text("kind") == "request");
  CHECK(world.call("DELETE", "/v1/requests/" + id + "/body").status == 204);
  CHECK(world.get("/v1/requests/" + id + "/body").status == 404);
  CHECK(world.get("/v1/requests?state=nothing").status == 400);
}

TEST_CASE("a refused request is explained, and replayed once the settings are right") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto forged = receiving.receive(source, {.forged = true});
  const auto told = world.get("/v1/requests/" + forged + "/explain");
  REQUIRE(told.status == 200);
  CHECK(told.at("now").at("verified") == false);
  CHECK(told.text("in_words").starts_with("was refused: "));
  CHECK(told.at("at_receipt").at("steps").as_array().size() > 1);
  CHECK(world.post("/v1/requests/" + forged + "/replay").code() == "still_refused");
  // Signed with the secret of another source: named, and accepted once it is this one's.
  const auto other = world.post(
      "/v1/sources",
      R"({"provider":"stripe","name":"live mode","config":{"signing_secret":"whsec_anotherone123"}})");
  const auto refused = receiving.receive(source, {.signed_as = other.text("id")});
  const auto explained = world.get("/v1/requests/" + refused + "/explain");
  REQUIRE(explained.at("likely_mistakes").as_array().size() >= 1);
  CHECK(explained.at("likely_mistakes").as_array()[0].at("code") == "secret_of_other_source");
  CHECK(explained.body.find("live mode") != std::string::npos);
  CHECK(explained.body.find("whsec_anotherone") == std::string::npos);
  REQUIRE(world
              .call("PATCH", "/v1/sources/" + source,
                    R"({"config":{"signing_secret":"whsec_anotherone123"}})")
              .status == 200);
  CHECK(world.post("/v1/requests/" + refused + "/replay").status == 202);
  CHECK(world.get("/v1/requests/" + refused).text("state") == "received");
}

TEST_CASE("who still signs with a secret that was replaced is told so") {
  World world;
  Receiving receiving(world);
  const auto source = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto before = receiving.receive(source, {.as_refused = true});
  const auto path = "/v1/sources/" + source;
  const auto mistake_of = [&] {
    const auto told = world.get("/v1/requests/" + before + "/explain");
    const auto& mistakes = told.at("likely_mistakes").as_array();
    return mistakes.empty() ? std::string() : std::string(mistakes.front().at("code").as_string());
  };
  CHECK(mistake_of().empty());
  SUBCASE("by rotation without overlap") {
    const auto rotated = world.post(path + "/rotate-secret",
                                    R"({"value":"whsec_fedcba9876543210","overlap_seconds":0})");
    CHECK(rotated.at("previous_secrets").as_array().empty());
  }
  SUBCASE("by a change of the settings") {
    CHECK(world.call("PATCH", path, R"({"config":{"signing_secret":"whsec_fedcba9876543210"}})")
              .status == 200);
  }
  CHECK(mistake_of() == "old_secret");
  const auto live = world.sources.by_id(*SourceId::parse(source));
  CHECK(live->settings.all("signing_secret").size() == 1);
}

TEST_CASE("a static secret that a call carries is shown nowhere") {
  World world;
  Receiving receiving(world);
  const auto made = world.post(
      "/v1/sources",
      R"({"provider":"gupshup","name":"g","config":{"mode":"url_token","param":"pass","value":"sesame-1234"}})");
  REQUIRE_MESSAGE(made.status == 201, made.body);
  const auto in_url = receiving.receive(made.text("id"));
  const auto shown = world.get("/v1/requests/" + in_url);
  CHECK(shown.text("url").ends_with("pass=***"));
  CHECK(shown.body.find("sesame-1234") == std::string::npos);
  CHECK(world.get("/v1/requests").body.find("sesame-1234") == std::string::npos);
  const auto by_header = world.post(
      "/v1/sources", R"({"provider":"gupshup","name":"h","config":{"value":"Bearer opensesame"}})");
  const auto in_header = world.get("/v1/requests/" + receiving.receive(by_header.text("id")));
  CHECK(in_header.body.find("opensesame") == std::string::npos);
  CHECK(in_header.body.find("***") != std::string::npos);
}

TEST_CASE("sources and requests are found by provider, and a source tells what waits") {
  World world;
  Receiving receiving(world);
  const auto cards = world.post("/v1/sources", std::string(stripe)).text("id");
  const auto bytes = world.post("/v1/sources", std::string(by_bytes)).text("id");
  world.post("/v1/sources/" + bytes + "/pause");
  for (int i = 0; i < 3; ++i) receiving.receive(cards);
  receiving.receive(bytes);
  const auto count = [&world](const std::string& target) {
    return world.get(target).at("data").as_array().size();
  };
  CHECK(count("/v1/sources?provider=stripe") == 1);
  CHECK(count("/v1/sources?paused=true") == 1);
  CHECK(count("/v1/sources?paused=false&provider=generic_hmac") == 0);
  CHECK(count("/v1/requests?provider=stripe") == 3);
  CHECK(count("/v1/requests?provider=generic_hmac") == 1);
  CHECK(count("/v1/requests?provider=linear") == 0);
  CHECK(world.get("/v1/requests?provider=strip").status == 400);
  const auto first = world.get("/v1/requests?provider=stripe&limit=2");
  CHECK(first.at("data").as_array().size() == 2);
  CHECK(count("/v1/requests?provider=stripe&limit=2&cursor=" + first.text("next_cursor")) == 1);
  CHECK(world.get("/v1/sources/" + cards).at("activity").at("waiting") == 3);
  CHECK(world.get("/v1/sources/" + cards).at("activity").at("received") == 3);
  // What another process received.
  world.sources.by_id(*SourceId::parse(cards))->activity->last_received_ms.store(0);
  CHECK(world.get("/v1/sources/" + cards).at("activity").at("last_received_at").is_string());
}

TEST_CASE("publishers may not use the ids of what sources receive") {
  World world;
  const auto refused = world.post("/v1/events", R"({"type":"a.b","data":{},"id":"src_1/evt_1"})");
  CHECK(refused.status == 422);
  CHECK(refused.at("errors").at(0).at("code") == "reserved");
  CHECK(world.post("/v1/events", R"({"type":"a.b","data":{},"id":"source_1"})").status == 202);
}

#include "ingest/effects.h"

#include <doctest/doctest.h>

#include "ingest/test_world.h"

namespace posthorn::ingest {
namespace {

using testing::World;

TEST_CASE(
    "a body that comes again under another unsigned id is a duplicate; under another name it is "
    "not") {
  World world;
  const auto source =
      world.make_source("shopify", {{"client_secrets", json::array{"a client secret"}}});
  const auto sample = world.sample(source, "orders/paid");
  const auto send = [&](std::string_view id, std::string_view topic) {
    auto changed = sample;
    for (auto& [name, value] : changed.headers) {
      if (name == "X-Shopify-Webhook-Id") value = id;
      if (name == "X-Shopify-Topic") value = topic;
    }
    REQUIRE(world.send(source, changed).status == 200);
    return world.requests().back().state;
  };
  CHECK(send("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043", "orders/paid") ==
        model::RequestState::received);
  CHECK(send("b54557e4-bdd9-4b37-8a5f-bf7d70bcd044", "orders/paid") ==
        model::RequestState::duplicate);
  CHECK(send("b54557e4-bdd9-4b37-8a5f-bf7d70bcd045", "orders/create") ==
        model::RequestState::received);
  world.pass(Millis{24h} + Millis{1'000});
  CHECK(send("b54557e4-bdd9-4b37-8a5f-bf7d70bcd046", "orders/paid") ==
        model::RequestState::received);
}

TEST_CASE(
    "an event's key is the provider's, the request's where only the bytes are known, and another "
    "with force") {
  model::ReceivedRequest request;
  request.id = RequestId{7};
  request.source = SourceId{3};
  providers::Parsed parsed;
  parsed.events.resize(2);
  parsed.events[1].idempotency_key = "own";
  parsed.idempotency_key = "whole";
  const std::string source = SourceId{3}.text() + "/";
  CHECK(effect_key(request, parsed, 0) == source + "whole");
  CHECK(effect_key(request, parsed, 1) == source + "own");
  parsed.key_is_digest = true;
  CHECK(effect_key(request, parsed, 0) == source + RequestId{7}.text() + "#0");
  parsed.key_is_digest = false;
  request.forced = 2;
  CHECK(effect_key(request, parsed, 0) == source + "whole!" + RequestId{7}.text() + ".2");
}

TEST_CASE("an event of a batch takes no memory for the body that it came in") {
  World world;
  const auto source =
      world.make_source("stripe", {{"signing_secrets", json::array{"whsec_of_a_test"}}});
  const auto live = world.sources.by_id(source.id);
  REQUIRE(live != nullptr);
  model::ReceivedRequest request;
  request.body = share("{\"large\":\"" + std::string(100'000, 'x') + "\"}");
  providers::Parsed parsed;
  parsed.events.resize(2);
  const auto one = make_event(*live, request, parsed, 0, {}, {}, {});
  CHECK(one.data->capacity() < 4096);
  parsed.events.resize(1);
  const auto alone = make_event(*live, request, parsed, 0, {}, {}, {});
  CHECK(alone.data->size() > request.body->size());
}

}  // namespace
}  // namespace posthorn::ingest

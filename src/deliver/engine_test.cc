#include "deliver/engine.h"

#include <atomic>
#include <thread>

#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

Reply status(int code) {
  Reply reply;
  reply.status = code;
  return reply;
}

}  // namespace

TEST_CASE("engine: a published event is sent at once and recorded") {
  World world;
  const auto endpoint =
      world.add_endpoint([](model::Endpoint& e) { e.url = "https://a.example/"; });
  world.start();
  const auto receipt = world.publish("ticket.created", "", 0ms, R"({"n":1})");
  world.settle();
  REQUIRE(world.sender.sent.size() == 1);
  const auto& sent = world.sender.sent.front();
  CHECK(sent.url == "https://a.example/");
  CHECK(sent.header("webhook-id") == receipt.id.text());
  CHECK(sent.attempt == 1);
  CHECK(sent.body.ends_with(R"("data":{"n":1}})"));
  const auto delivery = world.delivery(receipt.first_delivery);
  CHECK(delivery.state == DeliveryState::succeeded);
  CHECK(delivery.attempts == 1);
  CHECK(delivery.last_status == 200);
  CHECK(world.metrics.delivered.value() == 1);
  CHECK(world.journal.slots.empty());
  world.check_store();
}

TEST_CASE("engine: what was published before it began is found in the store") {
  World world;
  world.add_endpoint();
  const auto first = world.publish("ticket.created");
  const auto second = world.publish("ticket.created");
  world.start();
  world.settle();
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.state(first.first_delivery) == DeliveryState::succeeded);
  CHECK(world.state(second.first_delivery) == DeliveryState::succeeded);
}

TEST_CASE("engine: a failing delivery follows its schedule exactly, then is exhausted") {
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return status(500); };
  world.start();
  const auto receipt = world.publish("ticket.created");
  const auto id = receipt.first_delivery;
  REQUIRE(world.run_until([&] { return world.state(id) != DeliveryState::pending; }));
  CHECK(world.state(id) == DeliveryState::exhausted);
  std::vector<Millis> expected{0ms};
  for (const Millis step :
       {Millis(1s), Millis(5s), Millis(30s), Millis(5min), Millis(30min), Millis(2h)})
    expected.push_back(expected.back() + step);
  CHECK(text_of(world.times(id)) == text_of(expected));
  const auto attempts = world.get(world.memory.attempts(id)).value();
  REQUIRE(attempts.size() == 7);
  for (int i = 0; i < 7; ++i) {
    CHECK(attempts[static_cast<std::size_t>(i)].number == i + 1);
    CHECK(attempts[static_cast<std::size_t>(i)].trigger == model::Trigger::schedule);
  }
  CHECK(attempts[0].decision == "retry 1 of 6 in 1 s");
  CHECK(attempts[6].decision == "all 7 attempts failed");
  CHECK_FALSE(attempts[6].retry_at);
  CHECK(world.events("delivery.exhausted").size() == 1);
  world.check_store();
}

TEST_CASE("engine: every retry has the same id and body, and its own attempt number and time") {
  World world;
  world.add_endpoint([](model::Endpoint& e) { e.secrets.push_back({Secret("key"), {}, {}, {}}); });
  world.sender.script = [](const SentRequest& request) {
    return status(request.attempt < 3 ? 503 : 204);
  };
  world.start();
  world.publish("ticket.created", "", 0ms, R"({"n":1})");
  world.run_for(1h);
  REQUIRE(world.sender.sent.size() == 3);
  const auto& first = world.sender.sent[0];
  const auto& last = world.sender.sent[2];
  CHECK(first.header("webhook-id") == last.header("webhook-id"));
  CHECK(first.delivery == last.delivery);
  CHECK(first.body == last.body);
  CHECK(first.header("X-Webhook-Signature") == last.header("X-Webhook-Signature"));
  CHECK(first.header("webhook-timestamp") != last.header("webhook-timestamp"));
  CHECK(first.header("webhook-signature") != last.header("webhook-signature"));
  CHECK(last.attempt == 3);
  CHECK(world.events("delivery.recovered").size() == 1);
}

TEST_CASE("engine: Retry-After lengthens the wait") {
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest& request) {
    Reply reply = status(request.attempt == 1 ? 429 : 200);
    reply.headers = {{"Retry-After", "120"}};
    return reply;
  };
  world.start();
  const auto receipt = world.publish("ticket.created");
  world.run_for(1h);
  CHECK(text_of(world.times(receipt.first_delivery)) == text_of({0ms, 2min}));
}

TEST_CASE("engine: a delayed event is sent when it is due and not before") {
  World world;
  world.add_endpoint();
  world.start();
  const auto late = world.publish("ticket.created", "", 3h);
  const auto soon = world.publish("ticket.created", "", 10s);
  const auto at_once = world.publish("ticket.created");
  world.run_for(24h);
  CHECK(text_of(world.times(late.first_delivery)) == text_of({3h}));
  CHECK(text_of(world.times(soon.first_delivery)) == text_of({10s}));
  CHECK(text_of(world.times(at_once.first_delivery)) == text_of({0ms}));
}

TEST_CASE("engine: after a restart nothing is sent before it is due") {
  store::MemoryTablesPtr tables;
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return status(500); };
  world.start();
  const auto receipt = world.publish("ticket.created");
  world.run_for(7s);  // Two attempts at 0 s and 1 s, the third is due at 6 s, the fourth at 36 s.
  world.stop();
  const auto before = world.sender.sent.size();
  CHECK(before == 3);
  world.sender.script = [](const SentRequest&) { return status(200); };
  world.start();
  world.run_for(1h);
  CHECK(text_of(world.times(receipt.first_delivery)) == text_of({0s, 1s, 6s, 36s}));
}

TEST_CASE("engine: a flood is sent once each, with a bounded window") {
  EngineConfig config;
  config.window_rows_max = 16;
  World world({}, config);
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) {
    Reply reply;
    reply.after = 5ms;
    return reply;
  };
  world.start();
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.run_for(1min);
  std::set<DeliveryId> seen;
  for (const auto& request : world.sender.sent) seen.insert(request.delivery);
  CHECK(world.sender.sent.size() == 500);
  CHECK(seen.size() == 500);
  for (const auto id : ids) CHECK(world.state(id) == DeliveryState::succeeded);
  world.check_store();
}

TEST_CASE("publishing, editing and looking at lanes from other threads") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.run_for(1s);
  constexpr int count = 300;
  std::atomic<bool> done = false;
  std::thread publisher([&] {
    for (int i = 0; i < count; ++i) world.publish("ticket.created");
    done = true;
  });
  std::thread looker([&] {
    while (!done) {
      world.engine->endpoint_changed(endpoint->id);
      CHECK(world.engine->lane_view(endpoint->id).in_flight <= 32);
    }
  });
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (world.metrics.delivered.value() < count && std::chrono::steady_clock::now() < deadline)
    world.settle();
  publisher.join();
  looker.join();
  CHECK(world.metrics.delivered.value() == count);
  CHECK(world.sender.sent.size() == count);
}

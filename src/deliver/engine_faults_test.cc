// Fairness, poison, stopping, and what else can happen to a delivery.

#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

Reply failing(Millis after = 0ms) {
  Reply reply;
  reply.status = 500;
  reply.after = after;
  return reply;
}

Reply answering(Millis after = 0ms) {
  Reply reply;
  reply.after = after;
  return reply;
}

/// The successful requests of each body, in the order in which they were sent.
std::vector<std::string> bodies(const World& world) {
  std::vector<std::string> found;
  for (const auto& request : world.sender.sent) found.push_back(request.body);
  return found;
}

store::DeliveryChange cancel(DeliveryId id) {
  store::DeliveryChange change;
  change.delivery = id;
  change.only_if = model::DeliveryState::pending;
  change.state = model::DeliveryState::cancelled;
  return change;
}

}  // namespace

TEST_CASE("a delivery that a person cancels is not sent again") {
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(2s); };
  world.start();
  const auto waiting = world.publish("ticket.created").first_delivery;
  world.run_for(2500ms);
  store::Batch batch;
  batch.changes.push_back(cancel(waiting));
  REQUIRE(world.memory.apply_blocking(std::move(batch)));
  world.run_for(3h);
  CHECK(world.sender.sent.size() == 1);
  CHECK(world.state(waiting) == DeliveryState::cancelled);

  const auto flying = world.publish("ticket.created").first_delivery;
  world.run_for(1s);
  store::Batch again;
  again.changes.push_back(cancel(flying));
  REQUIRE(world.memory.apply_blocking(std::move(again)));
  world.run_for(3h);
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.state(flying) == DeliveryState::cancelled);
  CHECK(world.metrics.in_flight.value() == 0);
}

TEST_CASE("a rate limit spaces attempts and spends none") {
  World world;
  world.add_endpoint([](model::Endpoint& e) { e.rate_per_second = 2; });
  world.start();
  for (int i = 0; i < 5; ++i) world.publish("ticket.created");
  world.run_for(1min);
  std::vector<Millis> times;
  for (const auto& request : world.sender.sent) times.push_back(request.at);
  CHECK(text_of(times) == text_of({0ms, 500ms, 1s, 1500ms, 2s}));
  for (const auto& request : world.sender.sent) CHECK(request.attempt == 1);
}

TEST_CASE("fairness: lanes that hang do not hold up the others") {
  EngineConfig config;
  config.in_flight_max = 32;
  World world({}, config);
  for (int i = 0; i < 6; ++i)
    world.add_endpoint([i](model::Endpoint& e) {
      e.url = "https://hang" + std::to_string(i) + ".example/";
      e.event_types = {"hang.*"};
    });
  world.add_endpoint([](model::Endpoint& e) {
    e.url = "https://fine.example/";
    e.event_types = {"fine.*"};
  });
  world.sender.script = [](const SentRequest& request) {
    if (request.url == "https://fine.example/") return answering(20ms);
    Reply reply;
    reply.result = env::ExchangeResult::timed_out;
    reply.after = 10s;
    return reply;
  };
  world.start();
  for (int i = 0; i < 100; ++i) world.publish("hang.now");
  world.run_for(100ms);
  for (int i = 0; i < 20; ++i) {
    const Tick published = world.clock.steady();
    const auto id = world.publish("fine.now").first_delivery;
    REQUIRE(world.run_until([&] { return world.state(id) == DeliveryState::succeeded; }));
    CHECK(world.clock.steady() - published <= 40ms);
  }
  CHECK(world.sender.in_flight_max <= 32);
}

TEST_CASE("a target host is not hit by more than its cap over all endpoints") {
  EngineConfig config;
  config.per_target_max = 5;
  World world({}, config);
  for (int i = 0; i < 4; ++i)
    world.add_endpoint(
        [i](model::Endpoint& e) { e.url = "https://shared.example/" + std::to_string(i); });
  world.sender.script = [](const SentRequest&) { return answering(1s); };
  world.start();
  for (int i = 0; i < 20; ++i) world.publish("ticket.created");
  world.run_for(1min);
  CHECK(world.sender.in_flight_max == 5);
  CHECK(world.metrics.delivered.value() == 80);
}

TEST_CASE("concurrency grows with successes and is cut by failures") {
  World world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.concurrency_max = 10; });
  world.sender.script = [](const SentRequest&) { return answering(10ms); };
  world.start();
  for (int i = 0; i < 20; ++i) world.publish("ticket.created");
  world.run_for(5ms);
  CHECK(world.sender.in_flight_max == 4);
  for (int i = 0; i < 400; ++i) world.publish("ticket.created");
  world.run_for(5s);
  CHECK(world.sender.in_flight_max == 10);
  CHECK(world.engine->lane_view(endpoint->id).concurrency == 10);
}

TEST_CASE("payloads beyond the cap are left in the store and loaded when it is their turn") {
  EngineConfig config;
  config.payload_bytes_max = 10'000;
  World world({}, config);
  world.add_endpoint([](model::Endpoint& e) {
    e.concurrency_max = 2;
    e.format = model::PayloadFormat::bare;
  });
  world.sender.script = [](const SentRequest&) { return answering(10ms); };
  world.start();
  for (int i = 0; i < 100; ++i)
    world.publish("ticket.created", "", 0ms, "\"" + std::string(998, 'x') + "\"");
  world.run_for(1ms);
  world.run_for(1min);
  CHECK(world.metrics.delivered.value() == 100);
  for (const auto& body : bodies(world)) CHECK(body.size() == 1000);
}

TEST_CASE("a delivery whose payload was erased is cancelled, not sent empty") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.disable(endpoint->id);
  const auto receipt = world.publish("ticket.created");
  world.run_for(1s);
  REQUIRE(world.get(world.memory.erase_payload(receipt.id)));
  world.enable(endpoint->id);
  world.run_for(1h);
  CHECK(world.sender.sent.empty());
  CHECK(world.state(receipt.first_delivery) == DeliveryState::cancelled);
}

TEST_CASE("poison: in flight three times in a row when the process died, and it is parked") {
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(); };
  const auto id = world.publish("ticket.created").first_delivery;
  for (int crash = 1; crash <= 2; ++crash) {
    world.journal.leftovers = {id};
    world.sender.script = [](const SentRequest&) { return answering(1h); };
    EngineConfig config = world.engine_config;
    config.drain_limit = 0ms;
    world.engine_config = config;
    world.start();
    CHECK(world.delivery(id).crashes == crash);
    world.run_for(10ms);
    world.stop();
  }
  CHECK(world.state(id) == DeliveryState::pending);
  world.journal.leftovers = {id};
  world.start();
  world.run_for(24h);
  CHECK(world.state(id) == DeliveryState::parked);
  CHECK(world.objects(model::ObjectKind::notification).size() == 1);
  CHECK(world.metrics.parked.value() == 1);
  CHECK(world.sender.sent.size() == 2);
}

TEST_CASE("poison: an attempt that was recorded forgives the crashes before it") {
  World world;
  world.add_endpoint();
  const auto id = world.publish("ticket.created").first_delivery;
  world.journal.leftovers = {id};
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  world.run_for(100ms);
  CHECK(world.delivery(id).attempts == 1);
  CHECK(world.delivery(id).crashes == 0);
}

TEST_CASE("stop: what is in flight may end within the limit, and is recorded") {
  World world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return answering(5s); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1s);
  world.stop();
  CHECK(world.state(id) == DeliveryState::succeeded);
}

TEST_CASE("stop: what does not end in time is cancelled, stays pending and costs no attempt") {
  World world;
  world.add_endpoint([](model::Endpoint& e) { e.timeout = 30s; });
  world.sender.script = [](const SentRequest&) { return answering(1min); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1s);
  const Tick before = world.clock.steady();
  world.stop();
  CHECK(world.clock.steady() - before <= 16s);
  CHECK(world.state(id) == DeliveryState::pending);
  CHECK(world.delivery(id).attempts == 0);
}

TEST_CASE("paused: nothing is sent until it is resumed") {
  World world;
  world.add_endpoint();
  world.publish("ticket.created");
  world.start_paused = true;
  world.start();
  world.run_for(1h);
  CHECK(world.sender.sent.empty());
  world.engine->resume();
  world.run_for(1s);
  CHECK(world.sender.sent.size() == 1);
}

TEST_CASE("a test attempt is sent and changes nothing") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  auto event = std::make_shared<model::Event>();
  event->type = "ticket.created";
  event->data = share("{}");
  for (int i = 0; i < 20; ++i) {
    const auto exchange = world.get(world.engine->send_test(endpoint, event));
    CHECK(exchange.status == 500);
  }
  world.run_for(1h);
  CHECK(world.sender.sent.size() == 20);
  CHECK(world.stored_endpoint(endpoint->id).enabled);
  CHECK(world.events("*").empty());
}

TEST_CASE("system events are cut like loops: two dead watchers do not feed each other for ever") {
  World world;
  for (int i = 0; i < 3; ++i)
    world.add_endpoint([](model::Endpoint& e) {
      e.retry = {"custom", {}};
      e.disable_after = 0;
    });
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  world.publish("ticket.created");
  world.run_for(24h);
  // 3 exhausted, each told to 2 others, each of those to 2, and there the hop ends it.
  CHECK(world.sender.sent.size() == 3 + 3 * 2 + 3 * 2 * 2);
}

TEST_CASE("a fan-out past a hundred endpoints reaches all of them") {
  World world;
  for (int i = 0; i < 250; ++i) world.add_endpoint();
  world.start();
  world.publish("ticket.created");
  world.run_for(1min);
  CHECK(world.sender.sent.size() == 250);
  CHECK(world.metrics.delivered.value() == 250);
}

TEST_CASE("idle lanes leave the memory and come back with what they had counted") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(24h);
  CHECK(world.state(id) == DeliveryState::exhausted);
  CHECK(world.metrics.lanes.value() == 0);
  CHECK_FALSE(world.get(world.memory.lane(endpoint->id)).value()->next_due);
  world.publish("ticket.created");
  world.run_for(2s);
  CHECK(world.stored_endpoint(endpoint->id).enabled);  // 7 + 2.
  world.run_for(5s);
  CHECK_FALSE(world.stored_endpoint(endpoint->id).enabled);  // 7 + 3.
}

// Ordering::key, through the engine.

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

void ordered(model::Endpoint& endpoint) {
  endpoint.ordering = model::Ordering::key;
  endpoint.disable_after = 0;
}

/// The successful requests of each body, in the order in which they were sent.
std::vector<std::string> bodies(const World& world) {
  std::vector<std::string> found;
  for (const auto& request : world.sender.sent) found.push_back(request.body);
  return found;
}

}  // namespace

TEST_CASE("order: a key's deliveries go one after another, other keys beside them") {
  World world;
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.format = model::PayloadFormat::bare;
  });
  world.sender.script = [](const SentRequest&) { return answering(100ms); };
  world.start();
  for (int i = 0; i < 5; ++i)
    for (const char* key : {"a", "b"})
      world.publish("ticket.created", key, 0ms, "\"" + std::string(key) + std::to_string(i) + "\"");
  world.run_for(1min);
  CHECK(world.sender.in_flight_max == 2);
  std::map<char, std::string> seen;
  for (const auto& body : bodies(world)) seen[body[1]] += body[2];
  CHECK(seen['a'] == "01234");
  CHECK(seen['b'] == "01234");
  CHECK(world.metrics.delivered.value() == 10);
  world.check_store();
}

TEST_CASE("order: a failing head holds up its own key alone") {
  World world;
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.probing = false;
    e.format = model::PayloadFormat::bare;
  });
  world.sender.script = [](const SentRequest& request) {
    return request.body == "\"a0\"" && request.attempt < 5 ? failing() : answering();
  };
  world.start();
  for (int i = 0; i < 3; ++i)
    for (const char* key : {"a", "b"})
      world.publish("ticket.created", key, 0ms, "\"" + std::string(key) + std::to_string(i) + "\"");
  world.run_for(1s);
  CHECK(world.metrics.delivered.value() == 3);  // All of b.
  world.run_for(10min);
  CHECK(world.metrics.delivered.value() == 6);
  std::string order;
  for (const auto& body : bodies(world))
    if (body[1] == 'a') order += body[2];
  CHECK(order == "0000012");
}

TEST_CASE("order: an exhausted head blocks its key until a replay of it succeeds") {
  World world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.retry = {"custom", {1s}};
  });
  bool dead = true;
  world.sender.script = [&dead](const SentRequest&) { return dead ? failing() : answering(); };
  world.start();
  const auto head = world.publish("ticket.created", "a");
  const auto next = world.publish("ticket.created", "a");
  world.run_for(1min);
  CHECK(world.state(head.first_delivery) == DeliveryState::exhausted);
  dead = false;
  SUBCASE("replayed") {
    world.run_for(24h);
    CHECK(world.state(next.first_delivery) == DeliveryState::pending);
    CHECK(world.delivery(next.first_delivery).attempts == 0);
    store::NewDelivery replay;
    replay.event = head.id;
    replay.endpoint = endpoint->id;
    replay.workspace = WorkspaceId{1};
    replay.due_at = world.timeline.now();
    replay.key_hash = world.delivery(head.first_delivery).key_hash;
    replay.replay_of = head.first_delivery;
    store::Batch batch;
    batch.deliveries.push_back(replay);
    const auto made = world.memory.apply_blocking(std::move(batch)).value().deliveries.front();
    world.run_for(1min);
    CHECK(world.state(made) == DeliveryState::succeeded);
    CHECK(world.state(next.first_delivery) == DeliveryState::succeeded);
  }
  SUBCASE("still blocked after a restart") {
    world.stop();
    world.start();
    world.run_for(24h);
    CHECK(world.delivery(next.first_delivery).attempts == 0);
  }
  SUBCASE("the endpoint is set to skip") {
    world.edit_endpoint(endpoint->id,
                        [](model::Endpoint& e) { e.on_exhausted = model::OnExhausted::skip; });
    world.run_for(1min);
    CHECK(world.state(next.first_delivery) == DeliveryState::succeeded);
  }
}

TEST_CASE("order: with skip, the next goes when the head is exhausted") {
  World world;
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.on_exhausted = model::OnExhausted::skip;
    e.retry = {"custom", {1s}};
  });
  world.sender.script = [](const SentRequest& request) {
    return request.delivery.value == 1 ? failing() : answering();
  };
  world.start();
  const auto head = world.publish("ticket.created", "a");
  const auto next = world.publish("ticket.created", "a");
  world.run_for(1min);
  CHECK(world.state(head.first_delivery) == DeliveryState::exhausted);
  CHECK(text_of(world.times(next.first_delivery)) == text_of({1s}));
}

TEST_CASE("order: a delayed event takes its place when it is due") {
  World world;
  world.add_endpoint(ordered);
  world.start();
  const auto delayed = world.publish("ticket.created", "a", 1h);
  const auto now = world.publish("ticket.created", "a");
  world.run_for(2h);
  CHECK(text_of(world.times(now.first_delivery)) == text_of({0s}));
  CHECK(text_of(world.times(delayed.first_delivery)) == text_of({1h}));
}

TEST_CASE("order: many keys with failing heads do not fill the window") {
  EngineConfig config;
  config.window_rows_max = 16;
  World world({}, config);
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.probing = false;
  });
  world.sender.script = [](const SentRequest& request) {
    return request.delivery.value <= 40 ? failing() : answering();
  };
  world.start();
  for (int i = 0; i < 40; ++i) world.publish("ticket.created", "bad" + std::to_string(i % 2));
  std::vector<DeliveryId> good;
  for (int i = 0; i < 40; ++i)
    good.push_back(world.publish("ticket.created", "good").first_delivery);
  world.run_for(10s);
  for (const auto id : good) CHECK(world.state(id) == DeliveryState::succeeded);
}

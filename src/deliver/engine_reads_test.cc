// What an ordered lane asks the store: nothing while the memory shows all that counts.

#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

struct StoreWorld : World {
  StoreWorld() { port = &scripted; }
  ~StoreWorld() { stop(); }
  ScriptedStore scripted{memory};
};

Reply answering(int status = 200) {
  Reply reply;
  reply.after = 10ms;
  reply.status = status;
  return reply;
}

void ordered(model::Endpoint& endpoint) {
  endpoint.ordering = model::Ordering::key;
  endpoint.event_types = {"ticket.*"};
  endpoint.disable_after = 0;
  endpoint.probing = false;
}

/// The ids of a key's requests in the order in which they were sent.
std::vector<std::uint64_t> sent_of(World& world, std::string_view key) {
  std::vector<std::uint64_t> ids;
  for (const auto& request : world.sender.sent)
    if (world.delivery(request.delivery).key_hash == store::key_hash_of(key))
      ids.push_back(request.delivery.value);
  return ids;
}

}  // namespace

TEST_CASE("order: nothing is asked while all that waits is in memory") {
  StoreWorld world;
  world.add_endpoint(ordered);
  world.sender.script = [](const SentRequest&) { return answering(); };
  world.start();
  for (int i = 0; i < 100; ++i) {
    world.publish("ticket.created", "key" + std::to_string(i % 5));
    if (i % 10 == 0) world.run_for(15ms);
  }
  world.publish("ticket.created", "key0", 1h);  // Far away, and never tried.
  world.run_for(10s);
  world.publish("ticket.created", "key0");
  world.run_for(10s);
  CHECK(world.metrics.delivered.value() == 101);
  for (int key = 0; key < 5; ++key)
    CHECK(std::ranges::is_sorted(sent_of(world, "key" + std::to_string(key))));
  CHECK(world.scripted.key_reads == 0);
  CHECK(world.scripted.payload_reads <= 1);  // Of the one that found the lane unknown.
  world.check_store();
}

TEST_CASE("order: only a key with an exhausted head is asked about, also after a restart") {
  StoreWorld world;
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.retry = {"custom", {}};
  });
  world.sender.script = [](const SentRequest& request) {
    return answering(request.delivery.value == 1 ? 500 : 200);
  };
  world.start();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i)
      for (const char* key : {"bad", "good"}) world.publish("ticket.created", key);
    world.run_for(10s);
    CHECK(world.metrics.delivered.value() == 10u * static_cast<unsigned>(round + 1));
    CHECK(world.scripted.key_reads == 2 * (round + 1));
    world.stop();
    world.start();
  }
  CHECK(sent_of(world, "bad") == std::vector<std::uint64_t>{1});
}

TEST_CASE("order: with more exhausted deliveries than are read, each key is asked about once") {
  StoreWorld world;
  world.add_endpoint([](model::Endpoint& e) {
    e.event_types = {"bad"};
    e.retry = {"custom", {}};
    e.disable_after = 0;
    e.probing = false;
  });
  world.sender.script = [](const SentRequest& request) {
    return answering(request.header("X-Webhook-Event") == "bad" ? 500 : 200);
  };
  world.start();
  for (int i = 0; i < 501; ++i) world.publish("bad");
  world.run_for(1min);
  CHECK(world.metrics.exhausted.value() == 501);
  world.add_endpoint(ordered);
  for (int i = 0; i < 30; ++i) world.publish("ticket.created", i % 2 == 0 ? "a" : "b");
  world.run_for(1min);
  CHECK(world.metrics.delivered.value() == 30);
  const int asked = world.scripted.key_reads;
  CHECK(asked > 0);
  for (int i = 0; i < 30; ++i) {
    world.publish("ticket.created", i % 2 == 0 ? "a" : "b");
    world.run_for(1s);
  }
  CHECK(world.metrics.delivered.value() == 60);
  CHECK(world.scripted.key_reads == asked);
}

TEST_CASE("order: what was tried before a restart goes first, though its retry is far away") {
  StoreWorld world;
  world.add_endpoint([](model::Endpoint& e) {
    ordered(e);
    e.retry = {"custom", {5min}};
  });
  world.sender.script = [](const SentRequest& request) {
    return answering(request.delivery.value == 1 && request.attempt == 1 ? 500 : 200);
  };
  world.start();
  world.publish("ticket.created", "a");
  world.run_for(1min);
  world.stop();
  world.start();
  world.run_for(1s);
  world.publish("ticket.created", "a");
  world.publish("ticket.created", "b");
  world.run_for(1min);
  CHECK(sent_of(world, "a") == std::vector<std::uint64_t>{1});
  CHECK(sent_of(world, "b") == std::vector<std::uint64_t>{3});
  world.run_for(10min);
  CHECK(sent_of(world, "a") == std::vector<std::uint64_t>{1, 1, 2});
}

// What the engine does when the store refuses, fails, or was faster.

#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

struct StoreWorld : World {
  explicit StoreWorld(EngineConfig config = {}) : World({}, std::move(config)) { port = &scripted; }
  ~StoreWorld() { stop(); }
  ScriptedStore scripted{memory};
};

Reply failing() {
  Reply reply;
  reply.status = 500;
  return reply;
}

}  // namespace

TEST_CASE("record: while the store takes nothing, results are kept and nothing new begins") {
  StoreWorld world;
  world.add_endpoint();
  bool full = true;
  world.scripted.refuse = [&full](const store::Batch& batch) {
    return full && !batch.attempts.empty()
               ? std::optional(Error(Errc::unavailable, "the disk is full"))
               : std::nullopt;
  };
  world.start();
  const auto first = world.publish("ticket.created").first_delivery;
  world.settle();
  CHECK(world.sender.sent.size() == 1);
  const auto second = world.publish("ticket.created").first_delivery;
  world.run_for(1h);
  CHECK(world.sender.sent.size() == 1);
  CHECK(world.state(first) == DeliveryState::pending);
  CHECK(world.metrics.records_delayed.value() > 10);
  full = false;
  world.run_for(10s);
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.state(first) == DeliveryState::succeeded);
  CHECK(world.state(second) == DeliveryState::succeeded);
  CHECK(world.delivery(first).attempts == 1);
  world.check_store();
}

TEST_CASE("record: while the store says that it takes nothing, no attempt starts") {
  StoreWorld world;
  world.add_endpoint();
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.settle();
  CHECK(world.state(id) == DeliveryState::succeeded);
  world.scripted.open = false;
  const auto later = world.publish("ticket.created").first_delivery;
  world.run_for(1h);
  CHECK(world.sender.sent.size() == 1);
  CHECK(world.state(later) == DeliveryState::pending);
  world.scripted.open = true;
  world.run_for(2s);
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.state(later) == DeliveryState::succeeded);
  world.check_store();
}

TEST_CASE("record: a store that stays down does not keep stop() from ending") {
  StoreWorld world;
  world.add_endpoint();
  world.scripted.refuse = [](const store::Batch& batch) {
    return batch.attempts.empty() ? std::nullopt
                                  : std::optional(Error(Errc::unavailable, "the disk is full"));
  };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1s);
  const Tick before = world.clock.steady();
  world.stop();
  CHECK(world.clock.steady() - before <= 20s);
  CHECK(world.state(id) == DeliveryState::pending);  // Sent again later: at least once.
}

TEST_CASE("record: one refused record does not take the others of its commit with it") {
  StoreWorld world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) {
    Reply reply;
    reply.after = 1s;
    return reply;
  };
  world.start();
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.run_for(500ms);
  store::DeliveryChange change;
  change.delivery = ids[1];
  change.state = DeliveryState::cancelled;
  store::Batch batch;
  batch.changes.push_back(change);
  REQUIRE(world.memory.apply_blocking(std::move(batch)));
  world.run_for(1min);
  CHECK(world.sender.sent.size() == 4);
  CHECK(world.state(ids[0]) == DeliveryState::succeeded);
  CHECK(world.state(ids[1]) == DeliveryState::cancelled);
  CHECK(world.state(ids[2]) == DeliveryState::succeeded);
  CHECK(world.state(ids[3]) == DeliveryState::succeeded);
  CHECK(world.metrics.in_flight.value() == 0);
}

TEST_CASE("record: a newer owner of the shards ends this engine's work on them") {
  StoreWorld world;
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(100ms);
  CHECK(world.delivery(id).attempts == 1);
  std::vector<int> shards;
  for (int i = 0; i < store::shard_count; ++i) shards.push_back(i);
  REQUIRE(world.get(world.memory.lease("other", shards)));
  world.run_for(24h);
  CHECK(world.sender.sent.size() == 2);  // The second was refused when it was to be recorded.
  CHECK(world.delivery(id).attempts == 1);
  CHECK(world.metrics.in_flight.value() == 0);
}

TEST_CASE("disabling: the endpoint was edited meanwhile, and the edit is kept") {
  StoreWorld world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  int edits = 0;
  world.scripted.before = [&](const store::Batch& batch) {
    if (batch.held.empty() || edits++ > 0) return;
    world.edit_endpoint(endpoint->id, [](model::Endpoint& e) { e.description = "edited"; });
  };
  world.start();
  world.publish("ticket.created");
  world.run_for(1min);
  CHECK(edits == 2);
  const auto stored = world.stored_endpoint(endpoint->id);
  CHECK(stored.description == "edited");
  CHECK_FALSE(stored.enabled);
  CHECK(world.objects(model::ObjectKind::notification).size() == 1);
  CHECK(world.events("endpoint.disabled").size() == 1);
  CHECK(world.get(world.memory.held(endpoint->id)).value().size() == 1);
}

TEST_CASE("disabling: somebody disabled it first, and there is no second notice") {
  StoreWorld world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  bool done = false;
  world.scripted.before = [&](const store::Batch& batch) {
    if (batch.held.empty() || std::exchange(done, true)) return;
    world.disable(endpoint->id);
  };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1h);
  CHECK(done);
  CHECK(world.stored_endpoint(endpoint->id).disabled_reason == model::DisabledReason::manual);
  CHECK(world.objects(model::ObjectKind::notification).empty());
  CHECK(world.events("endpoint.disabled").empty());
  CHECK(world.delivery(id).attempts == 1);
  CHECK(world.sender.sent.size() == 1);
}

TEST_CASE("disabling: deleted meanwhile") {
  StoreWorld world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  bool done = false;
  world.scripted.before = [&](const store::Batch& batch) {
    if (batch.held.empty() || std::exchange(done, true)) return;
    world.remove_endpoint(endpoint->id);
  };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1h);
  CHECK(world.state(id) == DeliveryState::cancelled);
  CHECK(world.objects(model::ObjectKind::notification).empty());
  CHECK(world.sender.sent.size() == 1);
}

TEST_CASE("disabling: deleted while the answer to it is on its way") {
  StoreWorld world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.scripted.clock = &world.clock;
  world.scripted.latency = [] { return 100ms; };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  REQUIRE(world.run_until([&] { return !world.stored_endpoint(endpoint->id).enabled; }));
  REQUIRE(world.routing.current()->endpoint(endpoint->id)->enabled);
  world.remove_endpoint(endpoint->id);
  world.run_for(1h);
  CHECK(world.routing.current()->endpoint(endpoint->id) == nullptr);
  CHECK(world.state(id) == DeliveryState::cancelled);
  CHECK(world.publish("ticket.created").fan_out == 0);
  world.check_store();
}

TEST_CASE("start: a disk that stutters is asked again, and deaths are counted all the same") {
  StoreWorld world;
  world.add_endpoint();
  const auto id = world.publish("ticket.created").first_delivery;
  world.journal.leftovers = {id};
  world.scripted.failing_reads = 7;
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start_paused = true;
  world.start();
  CHECK(world.delivery(id).crashes == 1);
  CHECK(world.scripted.failing_reads == 0);
}

TEST_CASE("reads: a queue that cannot be read for a while is read later, and nothing is lost") {
  StoreWorld world;
  world.add_endpoint();
  world.add_endpoint([](model::Endpoint& e) { e.ordering = model::Ordering::key; });
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 600; ++i) ids.push_back(world.publish("ticket.created", "a").first_delivery);
  world.start();
  for (int i = 0; i < 50; ++i) {
    world.scripted.failing_reads = 3;
    ids.push_back(world.publish("ticket.created", "a").first_delivery);
    world.run_for(500ms);
  }
  world.scripted.failing_reads = 0;
  world.run_for(1min);
  for (const auto id : ids) {
    CHECK(world.state(id) == DeliveryState::succeeded);
    CHECK(world.state(DeliveryId{id.value + 1}) == DeliveryState::succeeded);
  }
  world.check_store();
}

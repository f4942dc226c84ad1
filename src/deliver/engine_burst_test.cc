// What a burst to one endpoint costs: its deliveries are not read back from the store.

#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;

namespace {

/// Counts how often payloads are asked for.
struct CountingStore : ScriptedStore {
  using ScriptedStore::ScriptedStore;
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override {
    ++asked;
    return ScriptedStore::events(std::move(ids));
  }
  int asked = 0;
};

struct BurstWorld : World {
  explicit BurstWorld(EngineConfig config = {}) : World({}, std::move(config)) {
    port = &counting;
    sender.script = [](const SentRequest&) {
      Reply reply;
      reply.after = 5ms;
      return reply;
    };
  }
  ~BurstWorld() { stop(); }

  void burst(int count) {
    start();
    publish("ticket.created");  // So that the lane is known.
    run_for(1s);
    counting.asked = 0;
    for (int i = 1; i < count; ++i) publish("ticket.created");
    run_for(2min);
    CHECK(sender.sent.size() == static_cast<std::size_t>(count));
    CHECK(metrics.delivered.value() == static_cast<std::uint64_t>(count));
    check_store();
  }

  CountingStore counting{memory};
};

}  // namespace

TEST_CASE("engine: a burst that fits the window is sent without being read back") {
  BurstWorld world;
  world.add_endpoint();
  world.burst(2'000);
  CHECK(world.counting.asked == 0);
}

TEST_CASE(
    "engine: of a burst past the window only what did not fit is read back, and all is sent") {
  EngineConfig config;
  config.window_rows_max = 400;
  BurstWorld world(std::move(config));
  world.add_endpoint();
  world.burst(2'000);
  CHECK(world.counting.asked > 0);
}

TEST_CASE("engine: a lane that keeps an order has the smaller window") {
  EngineConfig config;
  config.ordered_rows_max = 100;
  BurstWorld world(std::move(config));
  world.add_endpoint([](model::Endpoint& endpoint) { endpoint.ordering = model::Ordering::key; });
  world.burst(500);
  CHECK(world.counting.asked > 0);
}

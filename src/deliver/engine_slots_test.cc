// Who gets a free slot, and what becomes of those who wait for one. Each scenario is also run with
// its bug planted: a test that cannot fail proves nothing.

#include "base/planted.h"
#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

/// A bug for as long as it lives.
class Plant {
 public:
  explicit Plant(Planted bug) { planted_bug = bug; }
  Plant(const Plant&) = delete;
  Plant& operator=(const Plant&) = delete;
  ~Plant() { planted_bug = Planted::none; }
};

Reply answering(Millis after, int status = 200) {
  Reply reply;
  reply.after = after;
  reply.status = status;
  return reply;
}

EngineConfig one_at_a_time_to_a_host() {
  EngineConfig config;
  config.per_target_max = 1;
  return config;
}

/// One event for three endpoints of a host that takes one request at a time; the second is disabled
/// while it waits for its turn. What became of the third's delivery.
DeliveryState third_in_the_queue() {
  World world({}, one_at_a_time_to_a_host());
  world.add_endpoint();
  const auto second = world.add_endpoint();
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return answering(1s); };
  world.start();
  const auto first_delivery = world.publish("ticket.created").first_delivery;
  world.run_for(500ms);
  world.disable(second->id);
  world.run_for(10min);
  return world.state(DeliveryId{first_delivery.value + 2});
}

/// Reads of payloads take 2 s.
class SlowPayloads final : public ScriptedStore {
 public:
  SlowPayloads(store::Store& inner, env::Clock& time) : ScriptedStore(inner), time_(time) {}
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override {
    co_await time_.sleep_until(time_.steady() + 2s);
    co_return co_await ScriptedStore::events(std::move(ids));
  }

 private:
  env::Clock& time_;
};

struct SlowWorld : World {
  SlowWorld() { port = &slow; }
  ~SlowWorld() { stop(); }
  SlowPayloads slow{memory, clock};
};

/// Three deliveries on an ordered lane with one slot, whose keys must be asked about: one of key
/// "a" for in 5 s, one of key "b" that takes 10 s, one of key "a" for now. The ids in the order in
/// which they were sent.
std::vector<std::uint64_t> order_around_a_delayed_one() {
  SlowWorld world;
  world.slow.lists_fail = true;  // Whether exhausted heads block a key is not known.
  world.add_endpoint([](model::Endpoint& e) {
    e.ordering = model::Ordering::key;
    e.concurrency_max = 1;
  });
  world.sender.script = [](const SentRequest&) { return answering(10s); };
  world.start();
  world.publish("ticket.created", "a", 5s);
  world.publish("ticket.created", "b");
  world.publish("ticket.created", "a");
  world.run_for(10min);
  std::vector<std::uint64_t> order;
  for (const auto& request : world.sender.sent) order.push_back(request.delivery.value);
  return order;
}

/// The store stops taking records while the payload of a delivery is being read. How many requests
/// that delivery's endpoint saw until the store took records again, and after.
std::pair<std::ptrdiff_t, std::ptrdiff_t> sent_while_the_store_is_full() {
  SlowWorld world;
  world.add_endpoint([](model::Endpoint& e) { e.event_types = {"now"}; });
  const auto late = world.add_endpoint([](model::Endpoint& e) {
    e.event_types = {"late"};
    e.url = "https://late.example/";
  });
  bool full = false;
  world.slow.refuse = [&full](const store::Batch& batch) {
    return full && !batch.attempts.empty()
               ? std::optional(Error(Errc::unavailable, "the disk is full"))
               : std::nullopt;
  };
  world.sender.script = [](const SentRequest&) { return answering(1s); };
  world.start();
  world.disable(late->id);
  world.publish("late");
  world.run_for(1s);
  full = true;
  world.publish("now");  // Answered in 1 s: then its record is refused.
  world.run_for(500ms);
  world.enable(late->id);  // Its delivery is begun; the payload is there in 2 s.
  const auto requests = [&world] {
    return std::ranges::count(world.sender.sent, "https://late.example/", &SentRequest::url);
  };
  world.run_for(1min);
  const auto before = requests();
  full = false;
  world.run_for(1min);
  return {before, requests()};
}

}  // namespace

TEST_CASE("slots: a host's free slot goes past a lane that has nothing to send") {
  CHECK(third_in_the_queue() == DeliveryState::succeeded);
  const Plant bug(Planted::slot_not_passed_on);
  CHECK(third_in_the_queue() == DeliveryState::pending);
}

TEST_CASE("order: a delayed event that became due goes before one that was chosen earlier") {
  CHECK(order_around_a_delayed_one() == std::vector<std::uint64_t>{2, 1, 3});
  const Plant bug(Planted::overtaking_ignored);
  CHECK(order_around_a_delayed_one() == std::vector<std::uint64_t>{2, 3, 1});
}

TEST_CASE("record: nothing starts whose payload came while the store took no records") {
  using Counts = std::pair<std::ptrdiff_t, std::ptrdiff_t>;
  CHECK(sent_while_the_store_is_full() == Counts{0, 1});
  const Plant bug(Planted::store_down_ignored);
  CHECK(sent_while_the_store_is_full() == Counts{1, 1});
}

TEST_CASE("slots: an endpoint that moves to another host leaves its slot to those who wait") {
  World world({}, one_at_a_time_to_a_host());
  const auto moving = world.add_endpoint();
  world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return answering(1s); };
  world.start();
  const auto first = world.publish("ticket.created").first_delivery;
  world.run_for(500ms);
  SUBCASE("the one in flight moves") {
    world.edit_endpoint(moving->id, [](model::Endpoint& e) { e.url = "https://new.example/"; });
  }
  SUBCASE("the one that waits moves") {
    world.edit_endpoint(EndpointId{moving->id.value + 1},
                        [](model::Endpoint& e) { e.url = "https://new.example/"; });
    world.run_for(100ms);
    CHECK(world.sender.sent.size() == 2);  // Nobody stands in its way there.
  }
  world.run_for(10min);
  CHECK(world.state(first) == DeliveryState::succeeded);
  CHECK(world.state(DeliveryId{first.value + 1}) == DeliveryState::succeeded);
}

TEST_CASE(
    "slots: what could not be sent is tried again, also when more waits than fits in memory") {
  EngineConfig config;
  config.window_rows_max = 8;
  World world({}, config);
  SUBCASE("without an order") { world.add_endpoint(); }
  SUBCASE("with one") {
    world.add_endpoint([](model::Endpoint& e) { e.ordering = model::Ordering::key; });
  }
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 30; ++i) {
    ids.push_back(world.publish("ticket.created", i % 3 == 0 ? "a" : "").first_delivery);
    world.run_for(1s);
  }
  int refused = 0;
  world.sender.script = [&refused](const SentRequest&) {
    Reply reply = answering(10ms);
    if (refused++ < 10) reply.result = env::ExchangeResult::not_sent;
    return reply;
  };
  world.start();
  world.run_for(1min);
  for (const auto id : ids) CHECK(world.state(id) == DeliveryState::succeeded);
  CHECK(world.sender.sent.size() == 40);
  std::map<DeliveryId, Millis> last;
  for (const auto& request : world.sender.sent) {
    const auto before = last.find(request.delivery);
    if (before != last.end()) CHECK(request.at - before->second >= 1s);
    last[request.delivery] = request.at;
  }
}

TEST_CASE("edits that nobody told the engine about are seen within a minute") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.disable(endpoint->id);
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1min);
  auto engine = std::exchange(world.engine, nullptr);  // edit_endpoint() tells nobody.
  world.enable(endpoint->id);
  world.engine = std::move(engine);
  world.run_for(1min);
  CHECK(world.state(id) == DeliveryState::succeeded);

  world.publish("ticket.created", "", 2min);
  engine = std::exchange(world.engine, nullptr);
  world.remove_endpoint(endpoint->id);
  world.engine = std::move(engine);
  world.run_for(1min);
  CHECK(world.state(DeliveryId{id.value + 1}) == DeliveryState::cancelled);
}

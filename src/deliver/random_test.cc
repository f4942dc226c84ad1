// Random lives of endpoints and deliveries on a slow store: what must hold whatever happens.

#include <random>

#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;
using model::DeliveryState;

namespace {

struct Life : World {
  explicit Life(std::uint64_t seed, EngineConfig config)
      : World({}, std::move(config)), dice(seed) {
    port = &scripted;
    scripted.clock = &clock;
    scripted.latency = [this] { return Millis(static_cast<std::int64_t>(below(20))); };
    sender.script = [this](const SentRequest& request) { return reply(request); };
  }
  ~Life() { stop(); }

  std::uint64_t below(std::uint64_t bound) { return dice() % bound; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }

  Reply reply(const SentRequest& request) {
    Reply made;
    made.after = Millis(static_cast<std::int64_t>(below(300)));
    if (healthy) return made;
    const auto dead = dead_until.find(request.url);
    if (one_in(4) || (dead != dead_until.end() && dead->second > request.at)) {
      made.status = one_in(3) ? 429 : 500;
      if (one_in(8)) made.headers = {{"Retry-After", std::to_string(below(100))}};
      if (one_in(4)) made.result = env::ExchangeResult::timed_out;
    }
    return made;
  }

  void add_random_endpoint(int number) {
    const bool keyed = one_in(2);
    const auto endpoint = add_endpoint([&](model::Endpoint& e) {
      e.url = "https://e" + std::to_string(number) + ".example/";
      e.event_types = {"ticket.*"};
      e.ordering = keyed ? model::Ordering::key : model::Ordering::none;
      e.on_exhausted = model::OnExhausted::skip;
      e.probing = !one_in(3);
      e.disable_after = one_in(2) ? 0 : 10;
      e.concurrency_max = static_cast<int>(1 + below(8));
      if (one_in(4)) e.rate_per_second = static_cast<double>(1 + below(20));
    });
    endpoints.push_back(endpoint->id);
    if (keyed) ordered.insert(endpoint->id);
  }

  void do_something() {
    const auto id = endpoints[below(endpoints.size())];
    const auto now = routing.current()->endpoint(id);
    switch (below(12)) {
      case 0:
        if (now->enabled) disable(id);
        break;
      case 1:
      case 2:
        if (!now->enabled) enable(id);
        break;
      case 3:
        edit_endpoint(
            id, [this](model::Endpoint& e) { e.concurrency_max = static_cast<int>(1 + below(8)); });
        break;
      case 4:
        dead_until[now->url] =
            clock.steady() - Tick{1'000} + Millis(static_cast<std::int64_t>(below(600'000)));
        break;
      default: {
        const auto burst = one_in(5) ? 30u : 1u;
        for (unsigned i = 0; i < burst; ++i) {
          const std::string key = one_in(5) ? "" : "k" + std::to_string(below(4));
          const Millis delay = one_in(6) ? Millis(static_cast<std::int64_t>(below(90'000))) : 0ms;
          const auto receipt = publish("ticket.created", key, delay);
          if (delay > 0ms) delayed.insert(receipt.id.text());
          ++published;
        }
      }
    }
  }

  std::mt19937_64 dice;
  ScriptedStore scripted{memory};
  std::vector<EndpointId> endpoints;
  std::set<EndpointId> ordered;
  std::map<std::string, Millis> dead_until;
  std::set<std::string> delayed;  ///< Events; their place in a key is not by id.
  bool healthy = false;
  int published = 0;
};

void check_requests(Life& life) {
  std::map<DeliveryId, std::vector<const SentRequest*>> by_delivery;
  for (const auto& request : life.sender.sent)
    if (request.header("X-Webhook-Event") == "ticket.created")
      by_delivery[request.delivery].push_back(&request);
  std::map<std::pair<EndpointId, std::uint64_t>, std::pair<DeliveryId, Millis>> last_of_key;
  for (const auto& [id, requests] : by_delivery) {
    CAPTURE(id.value);
    const auto attempts = life.get(life.memory.attempts(id)).value();
    // Without a crash, what the peer saw is what was recorded: no duplicate, no gap.
    CHECK(requests.size() == attempts.size());
    Millis earliest{0};
    const auto delivery = life.delivery(id);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      CHECK(requests[i]->attempt == static_cast<int>(i) + 1);
      CHECK(requests[i]->at >= earliest);
      if (i < attempts.size() && attempts[i].retry_at)
        earliest = life.timeline.tick_of(*attempts[i].retry_at) - Tick{1'000};
    }
    if (!life.ordered.contains(delivery.endpoint) || delivery.key_hash == 0) continue;
    if (life.delayed.contains(delivery.event.text())) continue;
    // Deliveries are visited by id: the first request of each must come after the last of the one
    // before.
    auto& last = last_of_key[{delivery.endpoint, delivery.key_hash}];
    if (last.first) CHECK(requests.front()->at >= last.second);
    last = {id, requests.back()->at};
  }
}

}  // namespace

TEST_CASE("for any life of endpoints on a slow store, every delivery is settled once, in order") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    EngineConfig config;
    config.window_rows_max = seed % 3 == 0 ? 8 : 64;
    config.in_flight_max = seed % 2 == 0 ? 8 : 64;
    config.per_target_max = 4;
    config.payload_bytes_max = seed % 5 == 0 ? 16 : 1 << 20;
    Life life(seed, config);
    for (int i = 0; i < 4; ++i) life.add_random_endpoint(i);
    life.start();
    for (int step = 0; step < 120; ++step) {
      life.do_something();
      life.run_for(
          Millis(static_cast<std::int64_t>(life.below(life.one_in(20) ? 600'000 : 2'000))));
    }
    life.healthy = true;
    for (const auto id : life.endpoints)
      if (!life.routing.current()->endpoint(id)->enabled) life.enable(id);
    life.run_for(26h);
    store::DeliveryFilter pending;
    pending.states = {DeliveryState::pending};
    const auto left = life.get(life.memory.list_deliveries(pending, {0, 500, true})).value().rows;
    for (const auto& delivery : left) {
      CAPTURE(delivery.id.value);
      CAPTURE(delivery.endpoint.value);
      CAPTURE(delivery.attempts);
      FAIL_CHECK("a delivery is still pending");
    }
    check_requests(life);
    CHECK(life.published > 60);
    CHECK(life.sender.sent.size() > static_cast<std::size_t>(life.published));
    CHECK(life.metrics.in_flight.value() == 0);
    CHECK(life.journal.slots.empty());
    life.check_store();
  }
}

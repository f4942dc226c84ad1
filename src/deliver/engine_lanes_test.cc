// Probing, counting, disabling, held deliveries: the worked timelines of docs/delivery.md.

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

}  // namespace

TEST_CASE("timeline, one event: seven attempts, and the endpoint stays enabled") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(24h);
  CHECK(text_of(world.times(id)) == text_of({0s, 1s, 6s, 36s, 336s, 2136s, 9336s}));
  CHECK(world.stored_endpoint(endpoint->id).enabled);
  CHECK(world.get(world.memory.lane(endpoint->id)).value()->failures == 7);
  CHECK(world.events("endpoint.failing").size() == 1);  // At the fifth.
  CHECK(world.events("endpoint.disabled").empty());
}

TEST_CASE("timeline, ten events one after another: disabled at the tenth failed attempt") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(20ms); };
  world.start();
  for (int i = 0; i < 10; ++i) {
    world.publish("ticket.created");
    world.run_for(10min);
  }
  world.run_for(24h);
  CHECK(world.sender.sent.size() == 10);
  const auto stored = world.stored_endpoint(endpoint->id);
  CHECK_FALSE(stored.enabled);
  CHECK(stored.disabled_reason == model::DisabledReason::consecutive_failures);
  CHECK(world.metrics.auto_disabled.value() == 1);
}

TEST_CASE("timeline, a busy endpoint that goes dead: disabled within 35 minutes") {
  World world;
  const auto endpoint = world.add_endpoint();
  bool dead = false;
  world.sender.script = [&dead](const SentRequest&) {
    if (!dead) return answering(50ms);
    Reply reply;
    reply.result = env::ExchangeResult::timed_out;
    reply.after = 10s;
    return reply;
  };
  world.start();
  for (int i = 0; i < 100; ++i) {
    world.publish("ticket.created");
    world.run_for(100ms);
  }
  const std::size_t before = world.sender.sent.size();
  CHECK(before == 100);
  dead = true;
  const Tick died = world.clock.steady();
  bool enabled = true;
  while (enabled && world.clock.steady() - died < 2h) {
    world.publish("ticket.created");
    world.run_for(1s);
    enabled = world.routing.current()->endpoint(endpoint->id)->enabled;
  }
  CHECK_FALSE(enabled);
  CHECK(world.clock.steady() - died <= 35min);
  CHECK(world.clock.steady() - died > 30min);
  // Waiting deliveries spent no attempts: a burst, then one probe at a time.
  CHECK(world.sender.sent.size() - before <= 20);
  world.check_store();
}

TEST_CASE("probing: one attempt at a time over several deliveries, until one succeeds") {
  World world;
  world.add_endpoint([](model::Endpoint& e) { e.disable_after = 0; });
  bool dead = true;
  world.sender.script = [&dead](const SentRequest&) {
    return dead ? failing(10ms) : answering(10ms);
  };
  world.start();
  for (int i = 0; i < 50; ++i) world.publish("ticket.created");
  world.run_for(20min);
  const std::size_t tried = world.sender.sent.size();
  CHECK(tried < 20);
  std::set<DeliveryId> several;
  for (const auto& request : world.sender.sent) several.insert(request.delivery);
  CHECK(several.size() > 5);  // It rotates.
  CHECK(world.engine->lane_view(world.routing.current()->endpoints().front()->id).state ==
        LaneState::probing);
  const auto attempts = world.get(world.memory.attempts(world.sender.sent.back().delivery)).value();
  CHECK(attempts.back().trigger == model::Trigger::probe);

  dead = false;
  world.run_for(6min);
  std::size_t delivered = 0;
  for (const auto& endpoint : world.routing.current()->endpoints()) {
    store::DeliveryFilter filter;
    filter.endpoint = endpoint->id;
    filter.states = {DeliveryState::succeeded};
    delivered +=
        world.get(world.memory.list_deliveries(filter, {0, 500, true})).value().rows.size();
  }
  CHECK(delivered >= 49);  // One may wait for its own retry.
  world.run_for(3h);
  CHECK(world.metrics.delivered.value() == 50);
}

TEST_CASE("probing: a new event on a quiet failing endpoint goes out at once") {
  World world;
  world.add_endpoint([](model::Endpoint& e) { e.disable_after = 0; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  world.publish("ticket.created");
  world.run_for(20min);
  const auto fresh = world.publish("ticket.created");
  const Millis now = world.clock.steady() - Tick{1'000};
  world.settle();
  CHECK(text_of(world.times(fresh.first_delivery)) == text_of({now}));
}

TEST_CASE("probing off: every delivery keeps its own schedule") {
  World world;
  world.add_endpoint([](model::Endpoint& e) {
    e.probing = false;
    e.disable_after = 0;
  });
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.run_for(24h);
  for (const auto id : ids)
    CHECK(text_of(world.times(id)) == text_of({0s, 1s, 6s, 36s, 336s, 2136s, 9336s}));
}

TEST_CASE("disabling: one commit with the document, the notice, the mail, the event, the audit") {
  EngineConfig config;
  config.admin_mails = {"ops@example.com"};
  World world({}, config);
  const auto failing_one = world.add_endpoint([](model::Endpoint& e) {
    e.disable_after = 3;
    e.event_types = {"ticket.*", "endpoint.*"};
    e.secrets.push_back({Secret("sealed"), {}, {}, {}});
  });
  const auto watcher = world.add_endpoint([](model::Endpoint& e) {
    e.url = "https://watcher.example/";
    e.event_types = {"endpoint.*"};
  });
  world.sender.script = [](const SentRequest& request) {
    return request.url == "https://watcher.example/" ? answering() : failing(10ms);
  };
  world.start();
  const auto receipt = world.publish("ticket.created");
  world.run_for(1h);

  const auto stored = world.stored_endpoint(failing_one->id);
  CHECK_FALSE(stored.enabled);
  CHECK(stored.version == failing_one->version + 1);
  CHECK(stored.disabled_at.has_value());
  CHECK(stored.secrets.front().text == Secret("sealed"));
  CHECK(world.state(receipt.first_delivery) == DeliveryState::pending);
  CHECK(world.delivery(receipt.first_delivery).attempts == 3);
  CHECK(world.objects(model::ObjectKind::notification).size() == 1);
  const auto mails = world.objects(model::ObjectKind::outgoing_mail);
  REQUIRE(mails.size() == 1);
  CHECK(mails.front().document.contains("ops@example.com"));
  CHECK(mails.front().name.starts_with("endpoint.disabled." + failing_one->id.text()));
  const auto events = world.events("endpoint.disabled");
  REQUIRE(events.size() == 1);
  CHECK(events.front()->actor == "system");
  CHECK(events.front()->fan_out == 1);  // The watcher; never the endpoint itself.
  CHECK(events.front()->data->contains(R"("reason":"consecutive_failures")"));
  CHECK(events.front()->data->contains(R"("count":3)"));
  const auto held = world.get(world.memory.held(failing_one->id)).value();
  REQUIRE(held.size() == 1);
  CHECK_FALSE(held.front().until);
  std::size_t told = 0;
  for (const auto& request : world.sender.sent)
    if (request.header("X-Webhook-Event") == "endpoint.disabled") ++told;
  CHECK(told == 1);
  const auto audit = world.get(world.memory.list_audit({}, {0, 500, true})).value().rows;
  CHECK(std::ranges::count(audit, "endpoint.disable", &model::AuditEntry::action) == 1);
  CHECK(world.engine->lane_view(failing_one->id).state == LaneState::held);
  world.check_store();
  (void)watcher;
}

TEST_CASE("disabling: 410 does it at once, with its own reason") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) {
    Reply reply;
    reply.status = 410;
    return reply;
  };
  world.start();
  const auto receipt = world.publish("ticket.created");
  world.run_for(1h);
  CHECK(world.sender.sent.size() == 1);
  CHECK(world.stored_endpoint(endpoint->id).disabled_reason == model::DisabledReason::gone);
  CHECK(world.state(receipt.first_delivery) == DeliveryState::pending);
  const auto attempts = world.get(world.memory.attempts(receipt.first_delivery)).value();
  CHECK(attempts.front().decision.starts_with("410 Gone: endpoint disabled"));
}

TEST_CASE("disabling: without addresses there is no mail, the rest is as ever") {
  World world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest&) { return failing(); };
  world.start();
  world.publish("ticket.created");
  world.run_for(1min);
  CHECK_FALSE(world.stored_endpoint(endpoint->id).enabled);
  CHECK(world.objects(model::ObjectKind::notification).size() == 1);
  CHECK(world.objects(model::ObjectKind::outgoing_mail).empty());
}

TEST_CASE("disabling: attempts in flight end, are logged, and neither disable again nor enable") {
  World world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 1; });
  world.sender.script = [](const SentRequest& request) {
    Reply reply = failing(10ms);
    if (request.delivery.value == 2) reply = answering(5s);
    if (request.delivery.value == 3) reply.status = 410, reply.after = 6s;
    return reply;
  };
  world.start();
  const auto first = world.publish("ticket.created").first_delivery;
  const auto second = world.publish("ticket.created").first_delivery;
  const auto third = world.publish("ticket.created").first_delivery;
  world.run_for(1h);
  CHECK(world.state(first) == DeliveryState::pending);
  CHECK(world.state(second) == DeliveryState::succeeded);
  CHECK(world.delivery(third).attempts == 1);
  const auto stored = world.stored_endpoint(endpoint->id);
  CHECK_FALSE(stored.enabled);
  CHECK(stored.disabled_reason == model::DisabledReason::consecutive_failures);
  CHECK(world.objects(model::ObjectKind::notification).size() == 1);
  CHECK(world.sender.sent.size() == 3);
}

TEST_CASE("held: later events wait too, and all go out when the endpoint is enabled") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.disable(endpoint->id);
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.run_for(24h);
  CHECK(world.sender.sent.empty());
  world.enable(endpoint->id);
  world.run_for(1s);
  CHECK(world.sender.sent.size() == 20);
  for (const auto id : ids) CHECK(world.state(id) == DeliveryState::succeeded);
  world.check_store();
}

TEST_CASE("held: recovered since a delivery, the earlier ones are cancelled") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.disable(endpoint->id);
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.enable(endpoint->id, ids[2]);
  world.run_for(1min);
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.state(ids[0]) == DeliveryState::cancelled);
  CHECK(world.state(ids[1]) == DeliveryState::cancelled);
  CHECK(world.state(ids[2]) == DeliveryState::succeeded);
  CHECK(world.state(ids[3]) == DeliveryState::succeeded);
}

TEST_CASE("held: enabling begins a new count, also when no process ran meanwhile") {
  World world;
  const auto endpoint = world.add_endpoint([](model::Endpoint& e) { e.disable_after = 2; });
  world.sender.script = [](const SentRequest&) { return failing(1ms); };
  world.start();
  world.publish("ticket.created");
  world.run_for(1min);
  REQUIRE_FALSE(world.stored_endpoint(endpoint->id).enabled);
  const auto before = world.sender.sent.size();
  SUBCASE("while it runs") { world.enable(endpoint->id); }
  SUBCASE("while it does not") {
    world.stop();
    world.enable(endpoint->id);
    world.start();
  }
  world.run_for(1ms);
  CHECK(world.sender.sent.size() == before + 1);
  CHECK(world.stored_endpoint(endpoint->id).enabled);  // One failure since: not two yet.
  world.run_for(1h);
  CHECK_FALSE(world.stored_endpoint(endpoint->id).enabled);
  CHECK(world.objects(model::ObjectKind::notification).size() == 2);
}

TEST_CASE("disabled: nothing starts after the commit that disabled it was answered") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return answering(1s); };
  world.start();
  for (int i = 0; i < 30; ++i) world.publish("ticket.created");
  world.run_for(1500ms);
  const auto started = world.sender.sent.size();
  CHECK(started > 0);
  CHECK(started < 30);
  world.disable(endpoint->id);
  world.run_for(1h);
  CHECK(world.sender.sent.size() == started);
}

TEST_CASE("deleted: what is pending is cancelled, in chunks, and nothing is sent") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.disable(endpoint->id);
  std::vector<DeliveryId> ids;
  for (int i = 0; i < 700; ++i) ids.push_back(world.publish("ticket.created").first_delivery);
  world.remove_endpoint(endpoint->id);
  world.run_for(1min);
  CHECK(world.sender.sent.empty());
  for (const auto id : ids) CHECK(world.state(id) == DeliveryState::cancelled);
  CHECK(world.metrics.cancelled.value() == 700);
}

TEST_CASE("deleted: an attempt in flight is recorded and its retry cancelled") {
  World world;
  const auto endpoint = world.add_endpoint();
  world.sender.script = [](const SentRequest&) { return failing(5s); };
  world.start();
  const auto id = world.publish("ticket.created").first_delivery;
  world.run_for(1s);
  world.remove_endpoint(endpoint->id);
  world.run_for(1min);
  CHECK(world.delivery(id).attempts == 1);
  CHECK(world.state(id) == DeliveryState::cancelled);
}

TEST_CASE("an endpoint that is only missing from the routing table loses nothing") {
  World world;
  const auto endpoint = world.add_endpoint();
  const auto id = world.publish("ticket.created").first_delivery;
  world.routing.replace({});
  world.start();
  world.run_for(1min);
  CHECK(world.state(id) == DeliveryState::pending);
  world.routing.upsert(endpoint);
  world.engine->endpoint_changed(endpoint->id);
  world.run_for(1min);
  CHECK(world.state(id) == DeliveryState::succeeded);
}

// Retention, erasure, the timeline's last moment, and figures.

#include "store/contract/contract.h"

namespace posthorn::store::contract {

void retention_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  constexpr auto day = 24h;
  /// Runs retention to its end in small steps; each must end.
  const auto retain = [&](Retention retention, int limit = 3) {
    int steps = 0;
    while (must(bench.store().retain(retention, bench.now(), limit))) REQUIRE(++steps < 1000);
  };
  const Retention none{.payload_days = 0, .event_days = 0, .attempt_days = 0, .audit_days = 0};
  const auto old_event = [&](std::string client_id, DeliveryState state) {
    auto made = bench.event({EndpointId{1}, EndpointId{2}});
    made.event.client_id = std::move(client_id);
    const auto receipt = bench.publish_event(std::move(made));
    bench.record(receipt.first_delivery, DeliveryState::succeeded);
    if (state != DeliveryState::pending)
      bench.record(DeliveryId{receipt.first_delivery.value + 1}, state);
    return receipt;
  };
  SUBCASE("payloads go first, then events with their deliveries; the client id is free again") {
    const auto receipt = old_event("a", DeliveryState::exhausted);
    bench.clock().advance(31 * day);
    const auto young = bench.publish({});
    retain({});
    CHECK(bench.stored(receipt.id)->data == nullptr);
    CHECK(bench.stored(receipt.id)->type == "ticket.created");
    CHECK(bench.stored(young.id)->data != nullptr);
    CHECK(bench.state(receipt.first_delivery) == DeliveryState::succeeded);
    bench.clock().advance(60 * day);
    retain({});
    bench.reopen();
    CHECK(must(bench.store().events({receipt.id})).empty());
    CHECK_FALSE(must(bench.store().delivery(receipt.first_delivery)).has_value());
    CHECK(must(bench.store().event_by_client_id(workspace, "a")) == std::nullopt);
    CHECK(must(bench.store().events({young.id})).size() == 1);
    CHECK_FALSE(old_event("a", DeliveryState::succeeded).duplicate);
  }
  SUBCASE("nothing goes before its time") {
    const auto receipt = old_event("a", DeliveryState::succeeded);
    bench.clock().advance(30 * day);
    retain({});
    CHECK(bench.stored(receipt.id)->data != nullptr);
    bench.clock().advance(60 * day);
    retain({});
    CHECK(must(bench.store().events({receipt.id})).size() == 1);
    CHECK(must(bench.store().attempts(receipt.first_delivery)).size() == 1);
  }
  SUBCASE("an event with a pending delivery stays whole, and the ones beside it go") {
    const auto held = old_event("a", DeliveryState::pending);
    const auto done = old_event("b", DeliveryState::succeeded);
    bench.clock().advance(400 * day);
    retain({});
    CHECK(bench.stored(held.id)->data != nullptr);
    CHECK(must(bench.store().events({done.id})).empty());
    const DeliveryId waiting{held.first_delivery.value + 1};
    CHECK(bench.state(waiting) == DeliveryState::pending);
    bench.record(waiting, DeliveryState::succeeded);
    retain({});
    CHECK(must(bench.store().events({held.id})).empty());
  }
  SUBCASE("a pending replay keeps its event") {
    const auto receipt = old_event("", DeliveryState::exhausted);
    const auto again = bench.replay(bench.delivery({receipt.first_delivery.value + 1}));
    bench.clock().advance(400 * day);
    retain({});
    CHECK(bench.stored(receipt.id)->data != nullptr);
    bench.record(again, DeliveryState::succeeded);
    retain({});
    CHECK(must(bench.store().events({receipt.id})).empty());
    CHECK_FALSE(must(bench.store().delivery(again)).has_value());
  }
  SUBCASE("an event whose fan-out is not complete stays") {
    const auto receipt = bench.publish(endpoints(1, 103));
    for (std::uint64_t i = 0; i < fan_out_inline_max; ++i)
      bench.record({receipt.first_delivery.value + i}, DeliveryState::succeeded);
    bench.clock().advance(400 * day);
    retain({}, 1000);
    CHECK(bench.stored(receipt.id)->data != nullptr);
    CHECK_FALSE(must(bench.store().expand_some()));
    CHECK(bench.state({receipt.first_delivery.value + 102}) == DeliveryState::pending);
  }
  SUBCASE("attempts and audit entries have times of their own") {
    const auto receipt = old_event("a", DeliveryState::succeeded);
    Batch batch;
    batch.audit.push_back({.workspace = workspace, .at = bench.now(), .action = "a"});
    bench.apply(std::move(batch));
    bench.clock().advance(2 * day);
    auto only_attempts = none;
    only_attempts.attempt_days = 1;
    retain(only_attempts);
    CHECK(must(bench.store().attempts(receipt.first_delivery)).empty());
    CHECK(bench.delivery(receipt.first_delivery).attempts == 1);
    CHECK(must(bench.store().list_audit({}, {})).rows.size() == 1);
    auto only_audit = none;
    only_audit.audit_days = 1;
    Batch later;
    later.audit.push_back({.workspace = workspace, .at = bench.now(), .action = "b"});
    bench.apply(std::move(later));
    retain(only_audit);
    const auto left = must(bench.store().list_audit({}, {})).rows;
    REQUIRE(left.size() == 1);
    CHECK(left[0].action == "b");
  }
  SUBCASE("0 days keep for ever") {
    const auto receipt = old_event("a", DeliveryState::succeeded);
    bench.clock().advance(4000 * day);
    retain(none);
    CHECK(bench.stored(receipt.id)->data != nullptr);
    CHECK(must(bench.store().attempts(receipt.first_delivery)).size() == 1);
  }
  SUBCASE("documents go when they expire, with their names, and it is told") {
    Batch batch;
    batch.objects.push_back({.object = {.kind = model::ObjectKind::idempotent_reply,
                                        .name = "a",
                                        .expires_at = bench.now() + 1h}});
    bench.apply(batch);
    bench.clock().advance(59min);
    retain({});
    const auto find = [&] {
      return must(bench.store().object_by_name(model::ObjectKind::idempotent_reply, {}, "a"));
    };
    CHECK(find().has_value());
    bench.clock().advance(2min);
    bool removed = false;
    const auto token = bench.store().listen([&](std::shared_ptr<const CommitNotice> notice) {
      for (const auto& object : notice->objects) removed |= object.removed;
    });
    retain({});
    CHECK_FALSE(find().has_value());
    CHECK(removed);
  }
  SUBCASE("ids are not given again when the newest rows are gone") {
    const auto receipt = old_event("a", DeliveryState::succeeded);
    bench.clock().advance(400 * day);
    retain({});
    bench.reopen();
    const auto next = old_event("b", DeliveryState::succeeded);
    CHECK(next.id.value == receipt.id.value + 1);
    CHECK(next.first_delivery.value == receipt.first_delivery.value + 2);
    CHECK(bench.delivery(next.first_delivery).last_attempt == AttemptId{3});
  }
}

void keeping_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  SUBCASE("erasing a payload keeps the event; it may be done twice, and not of nothing") {
    for (const std::size_t size : {10U, 300'000U}) {
      auto made = bench.event({EndpointId{1}});
      made.event.data = share(std::string(size, 'x'));
      const auto receipt = bench.publish_event(std::move(made));
      const auto erase = [&](EventId id) { return wait_for(bench.store().erase_payload(id)); };
      CHECK(erase(receipt.id).has_value());
      bench.reopen();
      CHECK(bench.stored(receipt.id)->data == nullptr);
      CHECK(bench.stored(receipt.id)->type == "ticket.created");
      CHECK(bench.due(EndpointId{1}).size() == receipt.id.value);
      CHECK(erase(receipt.id).has_value());
      const auto missing = erase(EventId{77});
      REQUIRE_FALSE(missing.has_value());
      CHECK(missing.error().code == Errc::not_found);
    }
  }
  SUBCASE("last_seen follows the steady clock, and a restart with a clock set back keeps it") {
    bench.publish({});
    const Instant first = must(bench.store().last_seen());
    CHECK(first <= bench.now());
    bench.clock().advance(1h);
    bench.publish({});
    const Instant second = must(bench.store().last_seen());
    CHECK(second <= bench.now());
    CHECK(second >= bench.now() - 1s);
    bench.clock().jump(-3h);
    bench.clock().advance(1min);
    bench.publish({});
    const Instant third = must(bench.store().last_seen());
    CHECK(third >= second + 59s);
    bench.reopen();
    CHECK(must(bench.store().last_seen()) >= third);
    bench.clock().advance(1min);
    bench.publish({});
    CHECK(must(bench.store().last_seen()) >= third + 59s);
  }
  SUBCASE("a delayed event does not move last_seen") {
    auto made = bench.event({EndpointId{1}});
    made.event.due_at = bench.now() + 24h;
    bench.publish_event(std::move(made));
    CHECK(must(bench.store().last_seen()) <= bench.now());
  }
  SUBCASE("figures grow with the work") {
    const auto before = must(bench.store().stats());
    CHECK(before.deliveries_pending == 0);
    const auto id = bench.publish({EndpointId{1}}).first_delivery;
    bench.record(id, DeliveryState::pending);
    auto after = must(bench.store().stats());
    CHECK(after.events == 1);
    CHECK(after.attempts == 1);
    CHECK(after.deliveries_pending == 1);
    CHECK(after.batches == before.batches + 2);
    CHECK(after.commits >= before.commits + 1);
    bench.record(id, DeliveryState::succeeded);
    bench.reopen();
    CHECK(must(bench.store().stats()).deliveries_pending == 0);
  }
}

}  // namespace posthorn::store::contract

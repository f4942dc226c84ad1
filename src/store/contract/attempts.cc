// Attempts and their chain, changes without an attempt, and that a refused batch leaves no trace.

#include "store/contract/contract.h"

namespace posthorn::store::contract {

void attempt_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const DeliveryId id = bench.publish({EndpointId{4}}, "k").first_delivery;

  SUBCASE("a new delivery is pending, due with its event, and has no attempts") {
    const auto fresh = bench.delivery(id);
    CHECK(fresh.state == DeliveryState::pending);
    CHECK(fresh.attempts == 0);
    CHECK(fresh.due_at == bench.now());
    CHECK(fresh.created_at == bench.now());
    CHECK(fresh.key_hash == key_hash_of("k"));
    CHECK(fresh.workspace == workspace);
    CHECK_FALSE(fresh.last_attempt);
    CHECK(must(bench.store().attempts(id)).empty());
    CHECK_FALSE(must(bench.store().delivery(DeliveryId{77})).has_value());
  }
  SUBCASE("an attempt is read back as it was recorded, also after a restart") {
    auto record = bench.attempt(bench.delivery(id), DeliveryState::pending, 5s);
    auto& attempt = record.attempt;
    attempt.trigger = model::Trigger::probe;
    attempt.result = env::ExchangeResult::ok;
    attempt.timings = {
        .dns_ms = 1, .connect_ms = -1, .tls_ms = 3, .first_byte_ms = 4, .total_ms = 5};
    attempt.remote_address = "203.0.113.7:443";
    attempt.tls = "TLSv1.3";
    attempt.detail = "why";
    attempt.response_headers = {{"Retry-After", "5"}, {"X", ""}};
    attempt.response_body = std::string("no\0\xff", 4);
    attempt.response_truncated = true;
    attempt.decision = "retry 1 of 6 in 5 s";
    Batch batch;
    batch.attempts.push_back(record);
    bench.apply(std::move(batch));
    bench.reopen();
    const auto chain = must(bench.store().attempts(id));
    REQUIRE(chain.size() == 1);
    const auto& read = chain.front();
    CHECK(read.id == AttemptId{1});
    CHECK(read.delivery == id);
    CHECK(read.endpoint == EndpointId{4});
    CHECK(read.number == 1);
    CHECK(read.trigger == model::Trigger::probe);
    CHECK(read.started_at == attempt.started_at);
    CHECK(read.status == 500);
    CHECK_FALSE(read.success);
    CHECK(read.timings.dns_ms == 1);
    CHECK(read.timings.connect_ms == -1);
    CHECK(read.timings.tls_ms == 3);
    CHECK(read.timings.first_byte_ms == 4);
    CHECK(read.timings.total_ms == 5);
    CHECK(read.remote_address == attempt.remote_address);
    CHECK(read.tls == attempt.tls);
    CHECK(read.detail == attempt.detail);
    CHECK(read.response_headers == attempt.response_headers);
    CHECK(read.response_body == attempt.response_body);
    CHECK(read.response_truncated);
    CHECK(read.retry_at == record.due_at);
    CHECK(read.decision == attempt.decision);
    CHECK_FALSE(read.previous);
    const auto after = bench.delivery(id);
    CHECK(after.attempts == 1);
    CHECK(after.due_at == record.due_at);
    CHECK(after.last_attempt == AttemptId{1});
    CHECK(after.last_status == 500);
  }
  SUBCASE("attempts are chained, oldest first, until the delivery is settled") {
    bench.record(id, DeliveryState::pending);
    bench.publish({EndpointId{5}});
    bench.record(id, DeliveryState::pending);
    bench.record(id, DeliveryState::succeeded);
    const auto chain = must(bench.store().attempts(id));
    REQUIRE(chain.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(chain[i].number == static_cast<int>(i) + 1);
    CHECK(chain[2].previous == chain[1].id);
    CHECK(chain[1].previous == chain[0].id);
    CHECK(chain[2].success);
    CHECK(chain[2].retry_at == std::nullopt);
    CHECK(bench.state(id) == DeliveryState::succeeded);
    CHECK(bench.due(EndpointId{4}).empty());
  }
  SUBCASE("the same attempt twice is a conflict, and the first stands") {
    const auto record = bench.attempt(bench.delivery(id), DeliveryState::pending);
    Batch batch;
    batch.attempts.push_back(record);
    bench.apply(batch);
    CHECK(bench.refusal(batch) == Errc::conflict);
    CHECK(bench.delivery(id).attempts == 1);
  }
  SUBCASE(
      "an attempt of a settled, skipped, unknown or another endpoint's delivery is a conflict") {
    auto record = bench.attempt(bench.delivery(id), DeliveryState::succeeded);
    const auto refused = [&](const AttemptRecord& wrong) {
      Batch batch;
      batch.attempts.push_back(wrong);
      return bench.refusal(std::move(batch)) == Errc::conflict;
    };
    auto skipped = record, unknown = record, elsewhere = record;
    skipped.attempt.number = 2;
    unknown.attempt.delivery = DeliveryId{77};
    elsewhere.attempt.endpoint = EndpointId{5};
    CHECK(refused(skipped));
    CHECK(refused(unknown));
    CHECK(refused(elsewhere));
    bench.record(id, DeliveryState::exhausted);
    record.attempt.number = 2;
    CHECK(refused(record));
  }
  SUBCASE("a refused batch writes nothing of all that it held") {
    const auto other = bench.publish({EndpointId{4}}).first_delivery;
    Batch batch;
    batch.events.push_back(bench.event({EndpointId{6}}));
    batch.attempts.push_back(bench.attempt(bench.delivery(other), DeliveryState::succeeded));
    batch.attempts.push_back(bench.attempt(bench.delivery(id), DeliveryState::succeeded));
    batch.attempts.back().attempt.number = 5;
    batch.changes.push_back({.delivery = other, .crashes = 2});
    batch.lanes.push_back({.endpoint = EndpointId{4}, .failures = 3});
    batch.held.push_back({HeldChange::Action::open, EndpointId{4}, {}});
    batch.objects.push_back({.object = {.kind = model::ObjectKind::setting, .name = "x"}});
    batch.audit.push_back({.workspace = workspace, .actor = "cli", .action = "a"});
    bool told = false;
    const auto token = bench.store().listen([&told](std::shared_ptr<const CommitNotice> notice) {
      told |= !notice->events.empty() || !notice->attempts.empty() || !notice->objects.empty() ||
              !notice->deliveries.empty() || notice->others;
    });
    CHECK(bench.refusal(std::move(batch)) == Errc::conflict);
    CHECK_FALSE(told);
    CHECK(bench.state(other) == DeliveryState::pending);
    CHECK(bench.delivery(other).crashes == 0);
    CHECK(must(bench.store().lane(EndpointId{4}))->failures == 0);
    CHECK(must(bench.store().held(EndpointId{4})).empty());
    CHECK(must(bench.store().list_audit({}, {})).rows.empty());
    CHECK_FALSE(
        must(bench.store().object_by_name(model::ObjectKind::setting, {}, "x")).has_value());
    // No id was used up either.
    CHECK(bench.publish({EndpointId{6}}).id == EventId{3});
    bench.record(other, DeliveryState::succeeded);
    CHECK(bench.delivery(other).last_attempt == AttemptId{1});
  }
  SUBCASE("two attempts of one delivery in one batch follow each other") {
    Batch batch;
    batch.attempts.push_back(bench.attempt(bench.delivery(id), DeliveryState::pending));
    batch.attempts.push_back(bench.attempt(bench.delivery(id), DeliveryState::succeeded));
    batch.attempts.back().attempt.number = 2;
    bench.apply(batch);
    CHECK(must(bench.store().attempts(id)).size() == 2);
    CHECK(bench.state(id) == DeliveryState::succeeded);
  }
  SUBCASE("an attempt, the document it disables and the event about it are one commit") {
    Batch make_endpoint;
    make_endpoint.objects.push_back(
        {.object = {
             .kind = model::ObjectKind::endpoint, .workspace = workspace, .document = "{}"}});
    const auto endpoint = bench.apply(std::move(make_endpoint)).objects.at(0);
    Batch batch;
    batch.attempts.push_back(bench.attempt(bench.delivery(id), DeliveryState::exhausted));
    batch.objects.push_back({.action = ObjectWrite::Action::replace,
                             .object = endpoint,
                             .expected_version = endpoint.version + 1});
    batch.events.push_back(bench.event({}));
    CHECK(bench.refusal(batch) == Errc::conflict);
    CHECK(bench.delivery(id).attempts == 0);
    batch.objects.back().expected_version = endpoint.version;
    const auto applied = bench.apply(std::move(batch));
    CHECK(applied.objects.at(0).version == 2);
    CHECK(applied.events.at(0).id == EventId{2});
    CHECK(bench.state(id) == DeliveryState::exhausted);
  }
}

void change_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const DeliveryId id = bench.publish({EndpointId{4}}).first_delivery;
  const auto change = [&bench](DeliveryChange wanted) {
    Batch batch;
    batch.changes.push_back(wanted);
    bench.apply(std::move(batch));
  };
  SUBCASE("state, due time and crashes are set one by one") {
    change({.delivery = id, .due_at = bench.now() + 1h});
    CHECK(bench.delivery(id).due_at == bench.now() + 1h);
    CHECK(bench.state(id) == DeliveryState::pending);
    change({.delivery = id, .crashes = 2});
    CHECK(bench.delivery(id).crashes == 2);
    change({.delivery = id, .state = DeliveryState::parked});
    bench.reopen();
    const auto after = bench.delivery(id);
    CHECK(after.state == DeliveryState::parked);
    CHECK(after.crashes == 2);
    CHECK(after.attempts == 0);
    CHECK(bench.due(EndpointId{4}).empty());
  }
  SUBCASE("only_if leaves a delivery in another state alone") {
    bench.record(id, DeliveryState::succeeded);
    change({.delivery = id, .only_if = DeliveryState::pending, .state = DeliveryState::cancelled});
    CHECK(bench.state(id) == DeliveryState::succeeded);
    change(
        {.delivery = id, .only_if = DeliveryState::succeeded, .state = DeliveryState::cancelled});
    CHECK(bench.state(id) == DeliveryState::cancelled);
  }
  SUBCASE("a change of a delivery that does not exist is ignored") {
    Batch batch;
    batch.changes.push_back({.delivery = DeliveryId{77}, .state = DeliveryState::cancelled});
    batch.changes.push_back({.delivery = id, .crashes = 1});
    bench.apply(std::move(batch));
    CHECK(bench.delivery(id).crashes == 1);
  }
  SUBCASE("an attempt that is recorded ends the run of crashes") {
    change({.delivery = id, .crashes = 2});
    bench.record(id, DeliveryState::pending);
    CHECK(bench.delivery(id).crashes == 0);
  }
  SUBCASE("a parked delivery can be made pending again") {
    change({.delivery = id, .state = DeliveryState::parked});
    change({.delivery = id, .state = DeliveryState::pending, .due_at = bench.now() + 2s});
    CHECK(bench.due(EndpointId{4}) == std::vector{id});
  }
  SUBCASE("the endpoint of a changed delivery is told") {
    std::vector<EndpointId> touched;
    const auto token = bench.store().listen([&](std::shared_ptr<const CommitNotice> notice) {
      CHECK(notice->others);
      touched = notice->touched;
    });
    change({.delivery = id, .due_at = bench.now() + 1h});
    CHECK(touched == std::vector{EndpointId{4}});
  }
  SUBCASE("a later delivery is of its event and names what it repeats") {
    bench.record(id, DeliveryState::exhausted);
    bench.clock().advance(1h);
    const DeliveryId again = bench.replay(bench.delivery(id));
    bench.reopen();
    const auto made = bench.delivery(again);
    CHECK(made.replay_of == id);
    CHECK(made.trigger == model::Trigger::replay);
    CHECK(made.event == bench.delivery(id).event);
    CHECK(made.created_at == bench.now());
    CHECK(bench.due(EndpointId{4}) == std::vector{again});
    Batch batch;
    batch.deliveries.push_back({.event = EventId{77}, .endpoint = EndpointId{4}});
    CHECK(bench.refusal(std::move(batch)) == Errc::not_found);
  }
}

}  // namespace posthorn::store::contract

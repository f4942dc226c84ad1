// Held intervals: what is pending while an endpoint is disabled, and what becomes of it.

#include "store/contract/contract.h"

namespace posthorn::store::contract {

void held_cases(const MakeHarness& make) {
  using Action = HeldChange::Action;
  using model::DeliveryState;
  Bench bench(make);
  const EndpointId endpoint{9}, other{8};
  const auto publish = [&] { return bench.publish({endpoint}, "k").first_delivery; };
  const auto intervals = [&] { return must(bench.store().held(endpoint)); };
  const auto settled = publish();
  bench.record(settled, DeliveryState::succeeded);
  const auto first = publish();
  const auto unrelated = bench.publish({other}).first_delivery;

  SUBCASE("open holds what is pending and what comes; the rows themselves stay pending") {
    bench.change_held(endpoint, Action::open);
    const auto later = publish();
    bench.reopen();
    REQUIRE(intervals().size() == 1);
    CHECK(intervals()[0].endpoint == endpoint);
    CHECK(intervals()[0].from == first);
    CHECK(intervals()[0].until == std::nullopt);
    CHECK(bench.due(endpoint) == std::vector{first, later});
    CHECK(bench.state(later) == DeliveryState::pending);
    CHECK(must(bench.store().held(other)).empty());
  }
  SUBCASE("with nothing pending it begins with the next delivery") {
    bench.record(first, DeliveryState::succeeded);
    bench.change_held(endpoint, Action::open);
    REQUIRE(intervals().size() == 1);
    CHECK(intervals()[0].from == DeliveryId{unrelated.value + 1});
  }
  SUBCASE("opening twice is opening once; closing what is not open does nothing") {
    bench.change_held(endpoint, Action::close);
    CHECK(intervals().empty());
    bench.change_held(endpoint, Action::open);
    bench.change_held(endpoint, Action::open);
    CHECK(intervals().size() == 1);
  }
  SUBCASE("close without a limit recovers all") {
    bench.change_held(endpoint, Action::open);
    const auto later = publish();
    bench.change_held(endpoint, Action::close);
    bench.reopen();
    CHECK(bench.due(endpoint) == std::vector{first, later});
    REQUIRE(intervals().size() == 1);
    CHECK(intervals()[0].until == DeliveryId{later.value + 1});
    bench.change_held(endpoint, Action::finish);
    CHECK(intervals().empty());
    CHECK(bench.due(endpoint) == std::vector{first, later});
  }
  SUBCASE("close from an id on drops what is older, everywhere and at once") {
    bench.change_held(endpoint, Action::open);
    const auto second = publish(), third = publish();
    bench.change_held(endpoint, Action::close, third);
    const auto after = publish();
    bench.reopen();
    CHECK(bench.due(endpoint) == std::vector{third, after});
    CHECK(bench.state(first) == DeliveryState::cancelled);
    CHECK(bench.state(second) == DeliveryState::cancelled);
    CHECK(bench.state(third) == DeliveryState::pending);
    CHECK(bench.state(settled) == DeliveryState::succeeded);
    CHECK(bench.state(unrelated) == DeliveryState::pending);
    CHECK(ids_of(must(bench.store().pending_of_key(endpoint, key_hash_of("k"),
                                                   DeliveryId{INT64_MAX}, 10))) ==
          std::vector{third, after});
    DeliveryFilter filter;
    filter.endpoint = endpoint;
    filter.states = {DeliveryState::cancelled};
    CHECK(ids_of(must(bench.store().list_deliveries(filter, {})).rows) ==
          std::vector{second, first});
    filter.states = {DeliveryState::pending};
    CHECK(ids_of(must(bench.store().list_deliveries(filter, {})).rows) ==
          std::vector{after, third});
  }
  SUBCASE("a dropped delivery takes no attempt and no conditional change") {
    bench.change_held(endpoint, Action::open);
    auto record = bench.attempt(bench.delivery(first), DeliveryState::succeeded);
    bench.change_held(endpoint, Action::close, DeliveryId{INT64_MAX});
    Batch batch;
    batch.attempts.push_back(record);
    CHECK(bench.refusal(std::move(batch)) == Errc::conflict);
    Batch change;
    change.changes.push_back(
        {.delivery = first, .only_if = DeliveryState::pending, .state = DeliveryState::parked});
    bench.apply(std::move(change));
    CHECK(bench.state(first) == DeliveryState::cancelled);
  }
  SUBCASE("close with a limit behind all recovers none of them, and what comes later goes on") {
    bench.change_held(endpoint, Action::open);
    publish();
    bench.change_held(endpoint, Action::close, DeliveryId{INT64_MAX});
    CHECK(bench.due(endpoint).empty());
    CHECK(must(bench.store().earliest_due(endpoint)) == std::nullopt);
    bench.clock().advance(1s);
    const auto later = publish();
    CHECK(bench.due(endpoint) == std::vector{later});
    CHECK(must(bench.store().earliest_due(endpoint)) == bench.now());
    CHECK(bench.due(other) == std::vector{unrelated});
  }
  SUBCASE("finish makes the dropped ones cancelled rows and ends the interval") {
    bench.change_held(endpoint, Action::open);
    const auto second = publish();
    bench.change_held(endpoint, Action::close, second);
    bench.change_held(endpoint, Action::finish);
    bench.reopen();
    CHECK(intervals().empty());
    CHECK(bench.state(first) == DeliveryState::cancelled);
    CHECK(bench.due(endpoint) == std::vector{second});
  }
  SUBCASE("finish leaves an open interval alone") {
    bench.change_held(endpoint, Action::open);
    bench.change_held(endpoint, Action::finish);
    CHECK(intervals().size() == 1);
  }
  SUBCASE("retain() settles a closed interval in steps") {
    bench.change_held(endpoint, Action::open);
    for (int i = 0; i < 9; ++i) publish();
    const auto last = publish();
    bench.change_held(endpoint, Action::close, last);
    CHECK(must(bench.store().retain({}, bench.now(), 4)));
    bench.reopen();
    CHECK(bench.due(endpoint) == std::vector{last});
    int steps = 0;
    while (must(bench.store().retain({}, bench.now(), 4))) REQUIRE(++steps < 20);
    CHECK(intervals().empty());
    CHECK(bench.state(first) == DeliveryState::cancelled);
    CHECK(bench.due(endpoint) == std::vector{last});
    CHECK(must(bench.store().stats()).deliveries_pending == 2);
  }
  SUBCASE("an endpoint may be disabled again before the last interval is settled") {
    bench.change_held(endpoint, Action::open);
    const auto second = publish();
    bench.change_held(endpoint, Action::close, second);
    bench.change_held(endpoint, Action::open);
    const auto third = publish();
    REQUIRE(intervals().size() == 2);
    CHECK(intervals()[1].from == second);
    bench.change_held(endpoint, Action::close, third);
    CHECK(bench.due(endpoint) == std::vector{third});
    CHECK(bench.state(second) == DeliveryState::cancelled);
    bench.change_held(endpoint, Action::finish);
    CHECK(intervals().empty());
    CHECK(bench.due(endpoint) == std::vector{third});
    CHECK(bench.state(first) == DeliveryState::cancelled);
  }
  SUBCASE("each step is told with its endpoint") {
    std::vector<EndpointId> touched;
    const auto token = bench.store().listen([&](std::shared_ptr<const CommitNotice> notice) {
      if (notice->others)
        touched.insert(touched.end(), notice->touched.begin(), notice->touched.end());
    });
    bench.change_held(endpoint, Action::open);
    bench.change_held(endpoint, Action::close);
    bench.change_held(endpoint, Action::finish);
    CHECK(touched == std::vector{endpoint, endpoint, endpoint});
  }
}

}  // namespace posthorn::store::contract

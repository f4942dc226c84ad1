// Finding work: due order and cursors, the lower bound of a lane, and keys with their heads.

#include <algorithm>
#include <utility>

#include "store/contract/contract.h"

namespace posthorn::store::contract {

namespace {

std::vector<int> all_shards() {
  std::vector<int> shards(shard_count);
  for (int i = 0; i < shard_count; ++i) shards[static_cast<std::size_t>(i)] = i;
  return shards;
}

}  // namespace

void due_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const EndpointId endpoint{9};
  const auto publish_in = [&](Millis wait) {
    auto made = bench.event({endpoint});
    made.event.due_at = bench.now() + wait;
    return bench.publish_event(std::move(made)).first_delivery;
  };
  SUBCASE("due() goes by due time, then id, and ends at `until` inclusively") {
    const auto late = publish_in(10s), first = publish_in(1s), second = publish_in(1s);
    CHECK(bench.due(endpoint) == std::vector{first, second, late});
    CHECK(bench.due(endpoint, bench.now() + 1s) == std::vector{first, second});
    CHECK(bench.due(endpoint, bench.now() + 999ms).empty());
    CHECK(bench.due(EndpointId{8}).empty());
  }
  SUBCASE("a row carries what the lane needs") {
    auto made = bench.event({endpoint}, "k");
    made.event.due_at = bench.now() + 2s;
    const auto receipt = bench.publish_event(std::move(made));
    Batch batch;
    batch.changes.push_back({.delivery = receipt.first_delivery, .crashes = 1});
    bench.apply(std::move(batch));
    const auto rows = must(bench.store().due(endpoint, {}, {INT64_MAX}, 10));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].id == receipt.first_delivery);
    CHECK(rows[0].event == receipt.id);
    CHECK(rows[0].due_at == bench.now() + 2s);
    CHECK(rows[0].created_at == bench.now());
    CHECK(rows[0].attempts == 0);
    CHECK(rows[0].crashes == 1);
    CHECK(rows[0].key_hash == key_hash_of("k"));
    CHECK(rows[0].trigger == model::Trigger::schedule);
  }
  SUBCASE("a cursor continues behind the last row, without loss or repetition") {
    for (int i = 0; i < 25; ++i) publish_in(Millis{(i * 7) % 5 * 1000});
    std::vector<DeliveryId> seen;
    DueCursor cursor;
    for (;;) {
      const auto rows = must(bench.store().due(endpoint, cursor, {INT64_MAX}, 4));
      if (rows.empty()) break;
      CHECK(rows.size() <= 4);
      for (const auto& row : rows) {
        CHECK(DueCursor{row.due_at, row.id} > cursor);
        cursor = {row.due_at, row.id};
        seen.push_back(row.id);
      }
    }
    CHECK(seen == bench.due(endpoint));
    CHECK(seen.size() == 25);
  }
  SUBCASE("a failed attempt moves the row to its next due time") {
    const auto id = publish_in(0s);
    bench.record(id, DeliveryState::pending, 30s);
    CHECK(bench.due(endpoint, bench.now() + 29s).empty());
    CHECK(bench.due(endpoint, bench.now() + 30s) == std::vector{id});
  }
  SUBCASE("earliest_due looks at pending deliveries only") {
    CHECK(must(bench.store().earliest_due(endpoint)) == std::nullopt);
    const auto soon = publish_in(1s);
    publish_in(5s);
    CHECK(must(bench.store().earliest_due(endpoint)) == bench.now() + 1s);
    bench.record(soon, DeliveryState::succeeded);
    CHECK(must(bench.store().earliest_due(endpoint)) == bench.now() + 5s);
  }
}

void lane_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const EndpointId endpoint{9};
  const auto next_due = [&] {
    const auto lane = must(bench.store().lane(endpoint));
    return lane ? lane->next_due : std::nullopt;
  };
  const auto write = [&](model::Lane lane) {
    Batch batch;
    batch.lanes.push_back(lane);
    bench.apply(std::move(batch));
  };
  SUBCASE("a lane is made with the first delivery and its bound only falls by itself") {
    CHECK_FALSE(must(bench.store().lane(endpoint)).has_value());
    auto delayed = bench.event({endpoint});
    delayed.event.due_at = bench.now() + 1h;
    bench.publish_event(std::move(delayed));
    CHECK(next_due() == bench.now() + 1h);
    const auto id = bench.publish({endpoint}).first_delivery;
    CHECK(next_due() == bench.now());
    bench.record(id, DeliveryState::succeeded);
    CHECK(*next_due() <= bench.now() + 1h);
  }
  SUBCASE("moving a due time forward lowers the bound; so does a retry") {
    auto delayed = bench.event({endpoint});
    delayed.event.due_at = bench.now() + 1h;
    const auto id = bench.publish_event(std::move(delayed)).first_delivery;
    Batch batch;
    batch.changes.push_back({.delivery = id, .due_at = bench.now() + 1min});
    bench.apply(std::move(batch));
    CHECK(next_due() == bench.now() + 1min);
    bench.record(id, DeliveryState::pending, 30s);
    CHECK(next_due() == bench.now() + 30s);
  }
  SUBCASE("a lane written too late is corrected by what is pending") {
    const auto id = bench.publish({endpoint}).first_delivery;
    write({.endpoint = endpoint, .next_due = bench.now() + 1h, .failures = 2});
    CHECK(next_due() == bench.now());
    write({.endpoint = endpoint, .next_due = std::nullopt, .failures = 3});
    CHECK(next_due() == bench.now());
    bench.record(id, DeliveryState::succeeded);
    write({.endpoint = endpoint, .next_due = std::nullopt, .failures = 4});
    CHECK(next_due() == std::nullopt);
    CHECK(must(bench.store().lane(endpoint))->failures == 4);
  }
  SUBCASE("a lane written in the batch that brings an earlier delivery is corrected too") {
    Batch batch;
    batch.events.push_back(bench.event({endpoint}));
    batch.lanes.push_back({.endpoint = endpoint, .next_due = bench.now() + 1h});
    bench.apply(std::move(batch));
    CHECK(next_due() == bench.now());
  }
  SUBCASE("a lane is read back as it was written, also after a restart") {
    const model::Lane lane{.endpoint = endpoint,
                           .next_due = bench.now() + 5s,
                           .failures = 7,
                           .first_failure_at = bench.now() - 1h,
                           .counted_until = bench.now() - 1s,
                           .failing_told = true,
                           .held = true};
    write(lane);
    bench.reopen();
    const auto read = must(bench.store().lane(endpoint));
    REQUIRE(read.has_value());
    CHECK(read->next_due == lane.next_due);
    CHECK(read->failures == 7);
    CHECK(read->first_failure_at == lane.first_failure_at);
    CHECK(read->counted_until == lane.counted_until);
    CHECK(read->failing_told);
    CHECK(read->held);
    bench.publish({endpoint});
    CHECK(next_due() == bench.now());
    CHECK(must(bench.store().lane(endpoint))->failures == 7);
  }
  SUBCASE("lanes_due goes by (next due, endpoint), page by page, over the asked shards") {
    std::vector<std::pair<Instant, EndpointId>> expected;
    for (std::uint64_t i = 1; i <= 20; ++i) {
      auto made = bench.event({EndpointId{i}});
      made.event.due_at = bench.now() + Millis{static_cast<int>(i) % 4 * 1000};
      expected.emplace_back(made.event.due_at, EndpointId{i});
      bench.publish_event(std::move(made));
    }
    std::ranges::sort(expected);
    std::vector<std::pair<Instant, EndpointId>> seen;
    std::optional<model::Lane> after;
    for (int pages = 0; pages < 100; ++pages) {
      const auto page = must(bench.store().lanes_due(bench.now() + 1h, all_shards(), 3, after));
      if (page.empty()) break;
      CHECK(page.size() <= 3);
      for (const auto& lane : page) seen.emplace_back(*lane.next_due, lane.endpoint);
      after = page.back();
    }
    CHECK(seen == expected);
    const auto now_due = must(bench.store().lanes_due(bench.now(), all_shards(), 100, {}));
    CHECK(now_due.size() == 5);
    const int shard = shard_of(EndpointId{4});
    for (const auto& lane : must(bench.store().lanes_due(bench.now() + 1h, {shard}, 100, {})))
      CHECK(shard_of(lane.endpoint) == shard);
    CHECK_FALSE(must(bench.store().lanes_due(bench.now(), {shard}, 100, {})).empty());
    CHECK(must(bench.store().lanes_due(bench.now() + 1h, {}, 100, {})).empty());
  }
}

void key_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const EndpointId endpoint{9};
  const auto key = key_hash_of("k");
  std::vector<DeliveryId> row;
  for (int i = 0; i < 4; ++i) row.push_back(bench.publish({endpoint}, "k").first_delivery);
  bench.publish({endpoint}, "other");
  bench.publish({endpoint, EndpointId{8}});
  const auto pending_before = [&](DeliveryId before, int limit = 100) {
    return ids_of(must(bench.store().pending_of_key(endpoint, key, before, limit)));
  };
  const auto head = [&] { return must(bench.store().blocking_head(endpoint, key)); };

  SUBCASE("the pending deliveries of a key come in id order, whatever their due times") {
    bench.record(row[0], DeliveryState::pending, 1h);
    CHECK(pending_before(row[3]) == std::vector{row[0], row[1], row[2]});
    CHECK(pending_before(row[3], 2) == std::vector{row[0], row[1]});
    CHECK(pending_before(row[0]).empty());
    CHECK(pending_before(DeliveryId{UINT64_MAX}) == row);
    bench.record(row[1], DeliveryState::succeeded);
    CHECK(pending_before(row[3]) == std::vector{row[0], row[2]});
    CHECK(must(bench.store().pending_of_key(endpoint, 0, DeliveryId{INT64_MAX}, 9)).empty());
  }
  SUBCASE("the lowest exhausted delivery of a key is its head; pending ones are not") {
    CHECK(head() == std::nullopt);
    bench.record(row[1], DeliveryState::exhausted);
    CHECK(head() == row[1]);
    bench.record(row[0], DeliveryState::exhausted);
    bench.reopen();
    CHECK(head() == row[0]);
    CHECK(must(bench.store().blocking_head(endpoint, key_hash_of("other"))) == std::nullopt);
    CHECK(must(bench.store().blocking_head(EndpointId{8}, key)) == std::nullopt);
    CHECK(must(bench.store().blocking_head(endpoint, 0)) == std::nullopt);
  }
  SUBCASE("a head that a replay delivered does not block any more") {
    bench.record(row[0], DeliveryState::exhausted);
    bench.record(row[1], DeliveryState::exhausted);
    const auto again = bench.replay(bench.delivery(row[0]));
    CHECK(head() == row[0]);
    bench.record(again, DeliveryState::succeeded);
    bench.reopen();
    CHECK(head() == row[1]);
    CHECK(bench.state(row[0]) == DeliveryState::exhausted);
  }
  SUBCASE("a replay that is itself exhausted is replayed: the first in the chain is freed") {
    bench.record(row[0], DeliveryState::exhausted);
    const auto again = bench.replay(bench.delivery(row[0]));
    bench.record(again, DeliveryState::exhausted);
    CHECK(head() == row[0]);
    const auto third = bench.replay(bench.delivery(again));
    bench.record(third, DeliveryState::succeeded);
    CHECK(head() == std::nullopt);
  }
  SUBCASE("a cancelled head does not block any more") {
    bench.record(row[0], DeliveryState::exhausted);
    Batch batch;
    batch.changes.push_back({.delivery = row[0], .state = DeliveryState::cancelled});
    bench.apply(std::move(batch));
    CHECK(head() == std::nullopt);
  }
}

}  // namespace posthorn::store::contract

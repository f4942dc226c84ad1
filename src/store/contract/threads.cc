// Ownership by epoch, what listeners are told and when, and many threads at once.

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "store/contract/contract.h"

namespace posthorn::store::contract {

void epoch_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const EndpointId endpoint{9};
  const int shard = shard_of(endpoint);
  const int elsewhere = (shard + 1) % shard_count;
  const auto lease = [&](std::vector<int> shards) {
    return must(bench.store().lease("node", std::move(shards)));
  };
  const auto id = bench.publish({endpoint}).first_delivery;
  const auto attempt = [&](EpochsPtr epochs) {
    Batch batch;
    batch.attempts.push_back(bench.attempt(bench.delivery(id), DeliveryState::pending));
    batch.epochs = std::move(epochs);
    return batch;
  };
  SUBCASE("the owner may write; the one before it is refused, also after a restart") {
    const auto first = lease({shard});
    bench.apply(attempt(first));
    const auto second = lease({shard, elsewhere});
    CHECK(second->of_shard[static_cast<std::size_t>(shard)] >
          first->of_shard[static_cast<std::size_t>(shard)]);
    CHECK(bench.refusal(attempt(first)) == Errc::stale_epoch);
    bench.apply(attempt(second));
    bench.reopen();
    CHECK(bench.refusal(attempt(first)) == Errc::stale_epoch);
    bench.apply(attempt(second));
    CHECK(lease({shard})->of_shard[static_cast<std::size_t>(shard)] >
          second->of_shard[static_cast<std::size_t>(shard)]);
    CHECK(bench.delivery(id).attempts == 3);
  }
  SUBCASE("changes and lanes are fenced like attempts, and nothing of the batch is written") {
    const auto stale = lease({shard});
    lease({shard});
    Batch change;
    change.changes.push_back({.delivery = id, .state = DeliveryState::cancelled});
    change.epochs = stale;
    CHECK(bench.refusal(std::move(change)) == Errc::stale_epoch);
    Batch lane;
    lane.lanes.push_back({.endpoint = endpoint, .failures = 5});
    lane.events.push_back(bench.event({}));
    lane.epochs = stale;
    CHECK(bench.refusal(std::move(lane)) == Errc::stale_epoch);
    CHECK(bench.state(id) == DeliveryState::pending);
    CHECK(must(bench.store().lane(endpoint))->failures == 0);
    CHECK(must(bench.store().events({EventId{2}})).empty());
  }
  SUBCASE("another shard's new owner disturbs nobody") {
    const auto owner = lease({shard});
    lease({elsewhere});
    bench.apply(attempt(owner));
  }
  SUBCASE("who leased nothing of a leased shard may not write to it") {
    lease({shard});
    CHECK(bench.refusal(attempt(lease({elsewhere}))) == Errc::stale_epoch);
  }
  SUBCASE("publishing needs no ownership, and without epochs there is no fence") {
    const auto stale = lease({shard});
    lease({shard});
    Batch batch;
    batch.events.push_back(bench.event({endpoint}));
    batch.epochs = stale;
    bench.apply(std::move(batch));
    bench.apply(attempt(nullptr));
  }
  SUBCASE("a shard that does not exist is refused") {
    for (const int wrong : {-1, shard_count}) {
      const auto refused = wait_for(bench.store().lease("node", {wrong}));
      REQUIRE_FALSE(refused.has_value());
      CHECK(refused.error().code == Errc::invalid);
    }
  }
}

void listener_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  std::vector<std::shared_ptr<const CommitNotice>> told;
  auto token = bench.store().listen(
      [&told](std::shared_ptr<const CommitNotice> notice) { told.push_back(std::move(notice)); });

  SUBCASE("apply() answers after its commit was told, with one event shared by its deliveries") {
    const auto receipt = bench.publish({EndpointId{1}, EndpointId{2}}, "k");
    REQUIRE(told.size() == 1);
    const auto& notice = *told.back();
    REQUIRE(notice.events.size() == 1);
    CHECK(notice.events[0]->id == receipt.id);
    CHECK(*notice.events[0]->data == R"({"n":1})");
    REQUIRE(notice.deliveries.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& fresh = notice.deliveries[i];
      CHECK(fresh.id.value == receipt.first_delivery.value + i);
      CHECK(fresh.endpoint == EndpointId{i + 1});
      CHECK(fresh.due_at == bench.now());
      CHECK(fresh.key_hash == key_hash_of("k"));
      CHECK(fresh.event == notice.events[0]);
    }
    bench.record(receipt.first_delivery, DeliveryState::succeeded);
    REQUIRE(told.size() == 2);
    REQUIRE(told.back()->attempts.size() == 1);
    CHECK(told.back()->attempts[0].delivery == receipt.first_delivery);
    CHECK(told.back()->attempts[0].id == AttemptId{1});
  }
  SUBCASE("a replay is told with what it repeats") {
    const auto id = bench.publish({EndpointId{1}}).first_delivery;
    bench.record(id, DeliveryState::exhausted);
    const auto again = bench.replay(bench.delivery(id));
    REQUIRE(told.back()->deliveries.size() == 1);
    CHECK(told.back()->deliveries[0].id == again);
    CHECK(told.back()->deliveries[0].replay_of == id);
    CHECK(told.back()->deliveries[0].trigger == model::Trigger::replay);
  }
  SUBCASE("a duplicate is not told again") {
    auto made = bench.event({EndpointId{1}});
    made.event.client_id = "a";
    bench.publish_event(made);
    told.clear();
    bench.publish_event(made);
    for (const auto& notice : told) {
      CHECK(notice->events.empty());
      CHECK(notice->deliveries.empty());
    }
  }
  SUBCASE("several listeners are told; one that ended is not") {
    int second_calls = 0;
    const auto second =
        bench.store().listen([&](std::shared_ptr<const CommitNotice>) { ++second_calls; });
    bench.publish({});
    token.reset();
    bench.publish({});
    CHECK(told.size() == 1);
    CHECK(second_calls == 2);
  }
  SUBCASE("a token may outlive its store") {
    bench.reopen();
    bench.publish({});
    CHECK(told.empty());
  }
}

namespace {

/// What one thread of the race did.
struct Racer {
  std::vector<EventReceipt> receipts;
  std::vector<std::string> problems;
};

void race_publishing(Bench& bench, int thread, Racer& racer) {
  for (int i = 0; i < 40; ++i) {
    Batch batch;
    for (int n = 0; n < 3; ++n) {
      auto made = bench.event({EndpointId{1}, EndpointId{2}}, "shared");
      // Every client id is published by two threads; one of them must lose.
      made.event.client_id = fmt::format("{}-{}-{}", thread / 2, i, n);
      made.content_digest = "same";
      batch.events.push_back(std::move(made));
    }
    batch.publish_actor = fmt::format("key:{}", thread);
    auto applied = wait_for(bench.store().apply(std::move(batch)));
    if (!applied) {
      racer.problems.push_back(applied.error().what);
      continue;
    }
    for (auto& receipt : applied->events) racer.receipts.push_back(receipt);
  }
}

void race_reading(Bench& bench, const std::atomic<bool>& done, Racer& racer) {
  std::uint64_t last = 0;
  while (!done) {
    // What is listed never shrinks, has no gap, and comes with its deliveries.
    auto found = wait_for(bench.store().list_events({}, {.limit = 1}));
    if (!found || found->rows.empty()) continue;
    const auto& newest = *found->rows[0];
    if (newest.id.value < last) racer.problems.push_back("the log became shorter");
    last = newest.id.value;
    const DeliveryId end{newest.first_delivery.value + newest.fan_out - 1};
    auto delivery = wait_for(bench.store().delivery(end));
    if (!delivery || !*delivery) racer.problems.push_back("an event without its deliveries");
    auto rows = wait_for(bench.store().due(EndpointId{1}, {}, {INT64_MAX}, 100'000));
    if (!rows || rows->size() < last) racer.problems.push_back("due() missed a delivery");
  }
}

}  // namespace

void race_cases(const MakeHarness& make) {
  Bench bench(make);
  std::mutex mutex;
  std::vector<EventId> log;
  const auto token = bench.store().listen([&](std::shared_ptr<const CommitNotice> notice) {
    const std::lock_guard lock(mutex);
    for (const auto& event : notice->events) log.push_back(event->id);
  });
  constexpr int writers = 4, readers = 2;
  std::vector<Racer> racers(writers + readers);
  std::atomic<bool> done = false;
  std::vector<std::thread> reading, writing;
  for (int i = 0; i < readers; ++i)
    reading.emplace_back(
        [&, i] { race_reading(bench, done, racers[static_cast<std::size_t>(writers + i)]); });
  for (int i = 0; i < writers; ++i)
    writing.emplace_back(
        [&, i] { race_publishing(bench, i, racers[static_cast<std::size_t>(i)]); });
  for (auto& thread : writing) thread.join();
  done = true;
  for (auto& thread : reading) thread.join();

  std::set<EventId> written;
  std::set<std::int64_t> sequences;
  for (const auto& racer : racers) {
    for (const auto& problem : racer.problems) FAIL_CHECK(problem);
    for (const auto& receipt : racer.receipts) {
      CHECK_FALSE(receipt.conflict);
      if (receipt.duplicate) continue;
      CHECK(written.insert(receipt.id).second);
      CHECK(sequences.insert(*receipt.sequence).second);
    }
  }
  // Two threads published each of 2 x 40 x 3 ids.
  CHECK(written.size() == 240);
  CHECK(written.rbegin()->value == 240);
  CHECK(*sequences.rbegin() == 240);
  REQUIRE(log.size() == 240);
  CHECK(std::ranges::is_sorted(log));
  CHECK(bench.due(EndpointId{2}).size() == 240);
  bench.reopen();
  CHECK(bench.due(EndpointId{1}).size() == 240);
}

/// Many owners record the same attempt at the same time: exactly one may win.
void conflict_race_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  constexpr int rounds = 25, racers = 4;
  std::vector<DeliveryId> ids;
  for (int i = 0; i < rounds; ++i) ids.push_back(bench.publish({EndpointId{1}}).first_delivery);
  const auto record = bench.attempt(bench.delivery(ids[0]), DeliveryState::succeeded);
  std::atomic<int> won = 0, lost = 0, other = 0;
  std::vector<std::thread> threads;
  for (int racer = 0; racer < racers; ++racer)
    threads.emplace_back([&, racer] {
      for (const auto id : ids) {
        Batch batch;
        batch.attempts.push_back(record);
        batch.attempts[0].attempt.delivery = id;
        // A bystander's event in the same batch shares its fate.
        batch.events.push_back(bench.event({}, fmt::format("racer-{}", racer)));
        const auto applied = bench.store().apply_blocking(std::move(batch));
        ++(applied ? won : applied.error().code == Errc::conflict ? lost : other);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(won == rounds);
  CHECK(lost == rounds * (racers - 1));
  CHECK(other == 0);
  for (const auto id : ids) CHECK(must(bench.store().attempts(id)).size() == 1);
  CHECK(must(bench.store().stats()).events == rounds * 2);
}

}  // namespace posthorn::store::contract

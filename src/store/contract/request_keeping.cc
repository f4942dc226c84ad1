// Received requests: retention and erasure, what listeners are told, and many threads at once.

#include <fmt/format.h>

#include <thread>

#include "store/contract/contract.h"
#include "store/contract/requests.h"

namespace posthorn::store::contract {

void request_keeping_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  constexpr auto day = 24h;
  const auto retain = [&](Retention retention, int limit = 2) {
    int steps = 0;
    while (must(bench.store().retain(retention, bench.now(), limit))) {
      CHECK(must(bench.store().check()).empty());
      REQUIRE(++steps < 1000);
    }
    return steps;
  };
  const auto is_there = [&](RequestId id) { return must(bench.store().request(id)).has_value(); };
  const auto add = [&](RequestState state, std::string key = {}) {
    auto made = new_request(bench);
    made.request.state = state;
    if (!key.empty()) made.keys.push_back({.text = std::move(key)});
    return receive(bench, made).id;
  };
  SUBCASE("requests go after their time with their keys, refused ones earlier; what waits stays") {
    const auto done = add(RequestState::unparsed, "a"), waits = add(RequestState::received, "b");
    const auto refused = add(RequestState::refused), parked = add(RequestState::parked);
    const auto again = add(RequestState::received, "a");  // A duplicate.
    bench.clock().advance(7 * day);
    retain({});
    CHECK(is_there(refused));
    bench.clock().advance(1ms);
    const auto young = add(RequestState::received, "a");
    retain({});
    CHECK_FALSE(is_there(refused));
    CHECK(is_there(parked));
    bench.clock().advance(23 * day);
    CHECK(retain({}) >= 1);
    CHECK_FALSE(is_there(done));
    CHECK_FALSE(is_there(parked));
    CHECK_FALSE(is_there(again));
    CHECK(is_there(waits));
    // What it is a duplicate of is older than retention.
    CHECK(stored_request(bench, young).duplicate_of == done);
    bench.reopen();
    CHECK(due_requests(bench) == std::vector{waits});
    CHECK(receive_with(bench, {{.text = "b"}}).duplicate_of == waits);
    CHECK(receive_with(bench, {{.text = "a"}}).duplicate_of == RequestId{});
    bench.apply(batch_of(RequestChange{.request = waits}));
    retain({});
    CHECK_FALSE(is_there(waits));
  }
  SUBCASE("0 days keep for ever") {
    const auto done = add(RequestState::processed), refused = add(RequestState::refused);
    bench.clock().advance(4000 * day);
    retain({.request_days = 0, .refused_days = 0});
    CHECK(is_there(done));
    CHECK(is_there(refused));
  }
  SUBCASE("a refused request goes at the latest with the others") {
    const auto refused = add(RequestState::refused);
    bench.clock().advance(31 * day);
    retain({.refused_days = 0});
    CHECK_FALSE(is_there(refused));
  }
  SUBCASE("a key that was taken over stays with the one that has it") {
    const DedupeKey key{.text = "a", .within = 10 * day};
    bench.apply(batch_of(RequestChange{.request = receive_with(bench, {key}).id}));
    bench.clock().advance(20 * day);
    const auto second = receive_with(bench, {key});
    bench.clock().advance(11 * day);
    retain({});
    CHECK(receive_with(bench, {{.text = "a"}}).duplicate_of == second.id);
  }
  SUBCASE("ids are not given again when the newest are gone") {
    const auto last = add(RequestState::processed);
    bench.clock().advance(31 * day);
    retain({});
    bench.reopen();
    CHECK(add(RequestState::processed).value == last.value + 1);
  }
  SUBCASE("erasing a body keeps the rest; it may be done twice, and not of nothing") {
    for (const std::size_t size : {10U, 300'000U}) {
      const auto id = receive_with(bench, {}, std::string(size, 'x')).id;
      const auto erase = [&](RequestId which) { return wait_for(bench.store().erase_body(which)); };
      CHECK(erase(id).has_value());
      bench.reopen();
      const auto read = stored_request(bench, id);
      CHECK(read.body == nullptr);
      CHECK(read.body_bytes == static_cast<std::int64_t>(size));
      CHECK(read.state == RequestState::received);
      CHECK(erase(id).has_value());
      const auto missing = erase(RequestId{77});
      REQUIRE_FALSE(missing.has_value());
      CHECK(missing.error().code == Errc::not_found);
    }
  }
}

void request_notice_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  std::vector<std::shared_ptr<const CommitNotice>> told;
  const auto token = bench.store().listen(
      [&told](std::shared_ptr<const CommitNotice> notice) { told.push_back(std::move(notice)); });
  const auto first = receive_with(bench, {{.text = "a"}}, "one");
  REQUIRE(told.size() == 1);
  REQUIRE(told[0]->requests.size() == 1);
  CHECK(told[0]->requests[0]->id == first.id);
  CHECK(told[0]->requests[0]->state == RequestState::received);
  CHECK(*told[0]->requests[0]->body == "one");
  CHECK(told[0]->changed_requests.empty());
  const auto second = receive_with(bench, {{.text = "a"}}, "one");
  REQUIRE(told.size() == 2);
  REQUIRE(told[1]->requests.size() == 1);
  CHECK(told[1]->requests[0]->id == second.id);
  CHECK(told[1]->requests[0]->state == RequestState::duplicate);
  CHECK(told[1]->requests[0]->duplicate_of == first.id);
  auto batch = batch_of(RequestChange{.request = first.id, .event_count = 1});
  batch.events.push_back(bench.event({}));
  const auto event = bench.apply(std::move(batch)).events.at(0).id;
  REQUIRE(told.size() == 3);
  CHECK(told[2]->requests.empty());
  REQUIRE(told[2]->changed_requests.size() == 1);
  const auto& changed = *told[2]->changed_requests[0];
  CHECK(changed.id == first.id);
  CHECK(changed.source == source);
  CHECK(changed.workspace == workspace);
  CHECK(changed.state == RequestState::processed);
  CHECK(changed.events == std::vector{event});
  CHECK(changed.events_new == 1);
  CHECK(changed.url == "https://hooks.example/in/abc");
  CHECK(changed.received_at == bench.now());
  CHECK(changed.body == nullptr);
  CHECK(bench.refusal(batch_of(RequestChange{.request = first.id})) == Errc::conflict);
  for (const auto& notice : told)
    if (notice != told[2]) CHECK(notice->changed_requests.empty());

  // What the caller knows of it already makes no difference.
  const auto third = receive_with(bench, {{.text = "b"}}, "two");
  RequestChange change{.request = third.id};
  change.known = told.back()->requests[0];
  bench.apply(batch_of(std::move(change)));
  REQUIRE(told.back()->changed_requests.size() == 1);
  const auto& again = *told.back()->changed_requests[0];
  CHECK(again.id == third.id);
  CHECK(again.source == source);
  CHECK(again.workspace == workspace);
  CHECK(again.state == RequestState::processed);
  CHECK(again.url == changed.url);
  CHECK(again.headers == changed.headers);
  CHECK(again.received_at == bench.now());
  CHECK(again.body == nullptr);
}

/// Eight threads send the same calls: each key has exactly one first, whom all others name.
void request_race_cases(const MakeHarness& make) {
  Bench bench(make);
  constexpr int racers = 8, keys = 40;
  std::vector<std::vector<RequestReceipt>> receipts(racers);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int racer = 0; racer < racers; ++racer)
    threads.emplace_back([&, racer] {
      for (int key = 0; key < keys; ++key) {
        auto made = new_request(bench, {{.text = fmt::format("only {}-{}", racer, key)},
                                        {.text = fmt::format("shared {}", key)}});
        const auto applied = wait_for(bench.store().apply(batch_of(std::move(made))));
        if (applied)
          receipts[static_cast<std::size_t>(racer)].push_back(applied->requests.at(0));
        else
          ++failed;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  for (std::size_t key = 0; key < keys; ++key) {
    RequestId first;
    int firsts = 0;
    for (const auto& mine : receipts)
      if (!mine.at(key).duplicate_of) {
        first = mine[key].id;
        ++firsts;
      }
    CHECK(firsts == 1);
    for (const auto& mine : receipts)
      if (mine[key].id != first) CHECK(mine[key].duplicate_of == first);
  }
  CHECK(due_requests(bench).size() == keys);
  bench.reopen();
  CHECK(due_requests(bench).size() == keys);
  CHECK(must(bench.store().stats()).requests == racers * keys);
}

}  // namespace posthorn::store::contract

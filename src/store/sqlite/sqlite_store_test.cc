#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include <fstream>
#include <thread>

#include "store/sqlite/database.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using model::DeliveryState;

TEST_CASE("sqlite: an event and its delivery are there after reopening, and ids go on") {
  TestStore store;
  auto first = must(store->apply_blocking(batch_of(new_event("ticket.created", {{7}, {8}}))));
  REQUIRE(first.events.size() == 1);
  CHECK(first.events[0].fan_out == 2);
  store.open();
  const auto events = must(store->events({first.events[0].id}));
  REQUIRE(events.size() == 1);
  CHECK(events[0]->type == "ticket.created");
  CHECK(*events[0]->data == R"({"a":1})");
  CHECK(events[0]->actor == "key:test");
  auto second = must(store->apply_blocking(batch_of(new_event("ticket.created", {{7}}))));
  CHECK(second.events[0].id.value == first.events[0].id.value + 1);
  CHECK(second.events[0].first_delivery.value == first.events[0].first_delivery.value + 2);
  CHECK(must(store->check()).empty());
}

TEST_CASE("sqlite: an attempt settles its delivery, and the chain reads oldest first") {
  TestStore store;
  const auto made = must(store->apply_blocking(batch_of(new_event("a.b", {{7}}))));
  const DeliveryId id = made.events[0].first_delivery;
  Batch batch;
  batch.attempts.push_back(attempt_of(id, {7}, 1, DeliveryState::pending, {1'800'000'001'000}));
  must(store->apply_blocking(batch));
  CHECK(must(store->earliest_due({7})) == Instant{1'800'000'001'000});
  batch.attempts[0] = attempt_of(id, {7}, 2, DeliveryState::succeeded);
  must(store->apply_blocking(batch));
  const auto again = store->apply_blocking(batch);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == Errc::conflict);
  const auto attempts = must(store->attempts(id));
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[0].number == 1);
  CHECK(attempts[1].previous == attempts[0].id);
  CHECK(must(store->delivery(id))->state == DeliveryState::succeeded);
  CHECK(must(store->due({7}, {}, {INT64_MAX}, 10)).empty());
  CHECK(must(store->check()).empty());
}

TEST_CASE("sqlite: a second process is told who has the folder") {
  TestStore store;
  const auto second = SqliteStore::open(store.options());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::conflict);
  CHECK(second.error().what.find(fmt::format("in use by process {}", getpid())) !=
        std::string::npos);
}

TEST_CASE("sqlite: a payload past the inline limit lies in a file until it is erased") {
  TestStore store;
  const std::string big(400'000, 'x');
  auto fresh = new_event("a.b", {{7}});
  fresh.event.data = share(big);
  const auto made = must(store->apply(batch_of(std::move(fresh))));
  const auto files = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(store->bodies_folder()))
      found.push_back(entry.path());
    return found;
  };
  REQUIRE(files().size() == 1);
  store.open();
  REQUIRE(files().size() == 1);
  CHECK(*must(store->events({made.events[0].id}))[0]->data == big);
  SUBCASE("a damaged file is found, not delivered") {
    std::fstream(files()[0], std::ios::in | std::ios::out).put('y');
    const auto read = wait_for(store->events({made.events[0].id}));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Errc::corrupt);
    CHECK(must(store->check()).size() == 1);
  }
  SUBCASE("erasing removes it") {
    must(store->erase_payload(made.events[0].id));
    CHECK(files().empty());
    CHECK(must(store->events({made.events[0].id}))[0]->data == nullptr);
    CHECK(must(store->check()).empty());
  }
  SUBCASE("a file that was never committed is removed at the next start") {
    std::ofstream(store->bodies_folder() + "/left-over") << "x";
    store.open();
    CHECK(files().size() == 1);
  }
}

TEST_CASE("sqlite: coroutines of several threads share commits and each gets its own answer") {
  TestStore store;
  constexpr int threads_count = 4, each = 50;
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int t = 0; t < threads_count; ++t)
    threads.emplace_back([&, t] {
      asio::io_context& context = contract::context_of_thread();
      for (int i = 0; i < each; ++i) {
        const EndpointId endpoint{static_cast<std::uint64_t>(t * each + i + 1)};
        asio::co_spawn(context, store->apply(batch_of(new_event("a.b", {endpoint}))),
                       [&](std::exception_ptr bug, Result<Applied> applied) {
                         if (bug || !applied) return;
                         if (applied->events.at(0).fan_out == 1) ++answered;
                       });
      }
      context.run();
    });
  for (auto& thread : threads) thread.join();
  CHECK(answered == threads_count * each);
  const auto stats = must(store->stats());
  CHECK(stats.events == threads_count * each);
  CHECK(stats.deliveries_pending == threads_count * each);
  CHECK(stats.batches == threads_count * each);
  CHECK(must(store->check()).empty());
}

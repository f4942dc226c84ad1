// Retention and client ids over time: what the contract suite cannot see from outside.
#include <fmt/format.h>

#include <filesystem>

#include "store/sqlite/database.h"
#include "store/sqlite/files.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using model::DeliveryState;

namespace {

constexpr auto day = 24h;

void retain_all(TestStore& store, const Retention& retention, int limit = 50) {
  for (int steps = 0; must(store->retain(retention, store.clock().now(), limit)); ++steps)
    REQUIRE(steps < 10'000);
}

EventReceipt publish(TestStore& store, const std::string& client_id) {
  auto fresh = new_event("a.b", {});
  fresh.event.client_id = client_id;
  fresh.content_digest = "same";
  return must(store->apply_blocking(batch_of(std::move(fresh)))).events.at(0);
}

/// Makes the next event's id `id`, as if many had come and gone.
void jump_to_event(TestStore& store, std::uint64_t id) {
  store.close();
  {
    Connection connection = must(Connection::open(store.folder() + "/posthorn.db",
                                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
    connection.run(
        fmt::format("REPLACE INTO meta(name, value) VALUES ('counters', '{} 1 1 1 1')", id));
    REQUIRE_FALSE(connection.failed());
  }
  store.open();
}

}  // namespace

TEST_CASE("retention: ids of deleted rows are never given again, also after reopening") {
  TestStore store;
  const auto made = must(store->apply_blocking(batch_of(new_event("a.b", {{7}}))));
  Batch batch;
  batch.attempts.push_back(
      attempt_of(made.events[0].first_delivery, {7}, 1, DeliveryState::succeeded));
  must(store->apply_blocking(batch));
  store.clock().advance(100 * day);
  retain_all(store, {});
  REQUIRE(must(store->events({made.events[0].id})).empty());
  store.open();
  const auto next = must(store->apply_blocking(batch_of(new_event("a.b", {{7}}))));
  CHECK(next.events[0].id > made.events[0].id);
  CHECK(next.events[0].first_delivery > made.events[0].first_delivery);
  CHECK(must(store->check()).empty());
}

TEST_CASE("retention: a large fan-out goes in parts, and every part is consistent") {
  TestStore store;
  const auto made =
      must(store->apply_blocking(batch_of(new_event("a.b", endpoints_of(350))))).events[0];
  while (must(store->expand_some())) {
  }
  Batch settle;
  for (std::uint64_t i = 0; i < made.fan_out; ++i)
    settle.attempts.push_back(
        attempt_of({made.first_delivery.value + i}, {i + 1}, 1, DeliveryState::succeeded));
  must(store->apply_blocking(settle));
  store.clock().advance(91 * day);
  int steps = 0;
  while (must(store->retain({.payload_days = 0, .attempt_days = 0}, store.clock().now(), 100))) {
    CHECK(must(store->check()).empty());
    ++steps;
  }
  CHECK(steps >= 3);
  CHECK(must(store->events({made.id})).empty());
  CHECK(number_in(store.folder(), "SELECT count(*) FROM deliveries") == 0);
}

TEST_CASE("retention: a payload that something waits for goes once that is settled") {
  TestStore store;
  auto fresh = new_event("a.b", {{7}});
  fresh.event.data = share(std::string(300'000, 'x'));
  const auto made = must(store->apply_blocking(batch_of(std::move(fresh)))).events[0];
  const auto settled = must(store->apply_blocking(batch_of(new_event("a.b", {})))).events[0];
  store.clock().advance(40 * day);
  retain_all(store, {});
  CHECK(must(store->events({settled.id})).at(0)->data == nullptr);
  REQUIRE(must(store->events({made.id})).at(0)->data != nullptr);
  CHECK(number_in(store.folder(), "SELECT count(*) FROM kept_payloads") == 1);
  store.open();

  Batch batch;
  batch.attempts.push_back(attempt_of(made.first_delivery, {7}, 1, DeliveryState::succeeded));
  must(store->apply_blocking(batch));
  retain_all(store, {});
  CHECK(must(store->events({made.id})).at(0)->data == nullptr);
  CHECK(std::filesystem::is_empty(store->bodies_folder()));
  CHECK(number_in(store.folder(), "SELECT count(*) FROM kept_payloads") == 0);
  CHECK(must(store->check()).empty());
}

TEST_CASE("erasure: no page of the files holds the payload any more") {
  TestStore store;
  auto fresh = new_event("a.b", {});
  const std::string secret = "a-person-to-be-forgotten";
  fresh.event.data = share("\"" + secret + std::string(9000, '.') + secret + "\"");
  const auto made = must(store->apply_blocking(batch_of(std::move(fresh)))).events[0];
  must(store->apply_blocking(batch_of(new_event("other", {}))));
  must(store->erase_payload(made.id));
  store.close();
  for (const auto& entry : std::filesystem::directory_iterator(store.folder())) {
    if (!entry.is_regular_file()) continue;
    CAPTURE(entry.path().string());
    CHECK(must(read_file(entry.path())).find(secret) == std::string::npos);
  }
}

TEST_CASE("client ids: they are found in the buckets of long ago, before and after a restart") {
  TestStore store;
  const auto first = publish(store, "one");
  const std::uint64_t bucket = std::uint64_t{1} << KeyFilters::bucket_bits;
  // Within the first segment, and in later ones.
  for (const auto age : {1ULL, 2ULL, 65ULL, 230ULL}) {
    jump_to_event(store, age * bucket + 5);
    const auto again = publish(store, "one");
    CHECK(again.duplicate);
    CHECK(again.id == first.id);
    const std::string mine = fmt::format("of bucket {}", age);
    CHECK_FALSE(publish(store, mine).duplicate);
    CHECK(publish(store, mine).duplicate);
    CHECK(must(store->event_by_client_id({1}, "one")) == first.id);
  }
  CHECK(publish(store, "of bucket 1").duplicate);
  CHECK(publish(store, "of bucket 2").duplicate);
  store.clock().advance(91 * day);
  retain_all(store, {});
  CHECK(must(store->event_by_client_id({1}, "one")) == std::nullopt);
  CHECK_FALSE(publish(store, "one").duplicate);
  CHECK(number_in(store.folder(), "SELECT count(*) FROM event_keys") == 1);
  CHECK(must(store->check()).empty());
}

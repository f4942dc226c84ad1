// Requests on disk: what the contract suite cannot see from outside.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "store/sqlite/codec_requests.h"
#include "store/sqlite/database.h"
#include "store/sqlite/files.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using model::RequestState;

namespace {

constexpr auto day = 24h;

RequestReceipt receive(TestStore& store, const std::string& key, Millis within = 0ms) {
  auto fresh = new_request(key);
  fresh.keys[0].within = within;
  fresh.request.received_at = store.clock().now();
  return must(store->apply_blocking(batch_of(std::move(fresh)))).requests.at(0);
}

/// Makes the next request's id `id`, as if many had come and gone.
void jump_to_request(TestStore& store, std::uint64_t id) {
  store.close();
  {
    Connection connection = must(Connection::open(store.folder() + "/posthorn.db",
                                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
    connection.run(
        fmt::format("REPLACE INTO meta(name, value) VALUES ('counters', '1 1 1 1 1 {}')", id));
    REQUIRE_FALSE(connection.failed());
  }
  store.open();
}

void retain_all(TestStore& store) {
  for (int steps = 0; must(store->retain({}, store.clock().now(), 50)); ++steps)
    REQUIRE(steps < 10'000);
}

std::vector<std::string> files_of(TestStore& store) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(store->bodies_folder()))
    found.push_back(entry.path());
  return found;
}

constexpr std::uint64_t bucket = std::uint64_t{1} << KeyFilters::bucket_bits;

}  // namespace

TEST_CASE("request keys: they are found in the buckets of long ago, before and after a restart") {
  TestStore store;
  const auto first = receive(store, "one");
  for (const auto age : {1ULL, 2ULL, 65ULL, 230ULL}) {
    jump_to_request(store, age * bucket + 5);
    CHECK(receive(store, "one").duplicate_of == first.id);
    const std::string mine = fmt::format("of bucket {}", age);
    const auto fresh = receive(store, mine);
    CHECK(fresh.duplicate_of == RequestId{});
    CHECK(receive(store, mine).duplicate_of == fresh.id);
  }
  CHECK(receive(store, "of bucket 1").duplicate_of == RequestId{bucket + 6});
  CHECK(receive(store, "of bucket 65").duplicate_of == RequestId{65 * bucket + 6});
  CHECK(must(store->check()).empty());
}

TEST_CASE("request keys: one that was taken over in a later bucket names the later request") {
  TestStore store;
  receive(store, "one", 1s);
  jump_to_request(store, 9 * bucket);
  store.clock().advance(2s);
  const auto second = receive(store, "one", 1s);
  CHECK(second.duplicate_of == RequestId{});
  CHECK(receive(store, "one").duplicate_of == second.id);
  jump_to_request(store, 20 * bucket);
  CHECK(receive(store, "one").duplicate_of == second.id);
  CHECK(number_in(store.folder(), "SELECT count(*) FROM request_keys") == 2);
  CHECK(must(store->check()).empty());
}

TEST_CASE("request keys: they go with their request") {
  TestStore store;
  auto fresh = new_request("a");
  fresh.keys.push_back({.text = "b"});
  fresh.request.state = RequestState::unparsed;
  must(store->apply_blocking(batch_of(std::move(fresh))));
  CHECK(number_in(store.folder(), "SELECT count(*) FROM request_keys") == 2);
  store.clock().advance(31 * day);
  retain_all(store);
  for (const auto* table : {"requests", "request_states", "request_keys"})
    CHECK(number_in(store.folder(), fmt::format("SELECT count(*) FROM {}", table)) == 0);
}

TEST_CASE(
    "requests: what just came enters the queue when that is read, and is found after a restart") {
  TestStore store;
  const auto unqueued = [&] {
    return number_in(store.folder(),
                     "SELECT count(*) FROM request_states WHERE state = 0 AND due < 0");
  };
  const RequestId first = receive(store, "one").id, second = receive(store, "two").id;
  CHECK(unqueued() == 2);
  CHECK(must(store->stats()).requests_pending == 2);
  CHECK(must(store->request(second))->due_at == Instant{1'800'000'000'000});
  CHECK(must(store->check()).empty());

  // The worker takes it from memory: it never was in the queue.
  Batch done;
  done.request_changes.push_back({.request = first});
  must(store->apply_blocking(std::move(done)));
  CHECK(unqueued() == 1);
  store.open();
  CHECK(must(store->sources_with_requests({}, 10)).size() == 1);
  const auto due = must(store->requests_due({5}, {}, {INT64_MAX}, 10));
  REQUIRE(due.size() == 1);
  CHECK(due[0].id == second);
  CHECK(due[0].due_at == Instant{1'800'000'000'000});
  CHECK(unqueued() == 0);
  CHECK(must(store->stats()).requests_pending == 1);
  CHECK(must(store->check()).empty());
}

TEST_CASE("requests: one that nobody takes enters the queue within the next commits") {
  TestStore store;
  receive(store, "one");
  // Each look is a second apart: the first sees it, the next one moves it.
  for (int i = 0; i < 3; ++i) {
    store.clock().advance(2s);
    must(store->apply_blocking(batch_of(new_event("a.b", {}))));
  }
  CHECK(number_in(store.folder(),
                  "SELECT count(*) FROM request_states WHERE state = 0 AND due > 0") == 1);
}

TEST_CASE("request bodies: past the inline limit they lie in files until they are erased") {
  TestStore store;
  const std::string big(400'000, 'x');
  const auto id = must(store->apply(batch_of(new_request("k", big)))).requests[0].id;
  REQUIRE(files_of(store).size() == 1);
  store.open();
  CHECK(*must(store->request(id))->body == big);
  SUBCASE("a duplicate's body is kept in a file of its own") {
    const auto again = must(store->apply(batch_of(new_request("k", big)))).requests[0];
    CHECK(again.duplicate_of == id);
    CHECK(files_of(store).size() == 2);
    store.open();
    CHECK(*must(store->request(again.id))->body == big);
  }
  SUBCASE("a damaged file is found, not handed out") {
    std::fstream(files_of(store)[0], std::ios::in | std::ios::out).put('y');
    const auto read = wait_for(store->request(id));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Errc::corrupt);
    CHECK(must(store->check()).size() == 1);
  }
  SUBCASE("a refused batch leaves no file") {
    auto batch = batch_of(new_request("other", big));
    batch.request_changes.push_back({.request = {99}});
    CHECK_FALSE(wait_for(store->apply(std::move(batch))).has_value());
    CHECK(files_of(store).size() == 1);
  }
  SUBCASE("erasing removes it") {
    must(store->erase_body(id));
    CHECK(files_of(store).empty());
    CHECK(must(store->request(id))->body == nullptr);
  }
  SUBCASE("retention removes it") {
    Batch done;
    done.request_changes.push_back({.request = id});
    must(store->apply_blocking(std::move(done)));
    store.clock().advance(31 * day);
    retain_all(store);
    CHECK(files_of(store).empty());
  }
  SUBCASE("an event's erasure leaves a request's file alone") {
    auto fresh = new_event("a.b", {});
    fresh.event.data = share(big);
    const auto event = must(store->apply(batch_of(std::move(fresh)))).events[0].id;
    CHECK(files_of(store).size() == 2);
    must(store->erase_payload(event));
    store.open();
    CHECK(files_of(store).size() == 1);
    CHECK(*must(store->request(id))->body == big);
  }
  CHECK((must(store->check()).size() <= 1));
}

TEST_CASE("request bodies: no page of the files holds an erased one any more") {
  TestStore store;
  const std::string secret = "a-person-to-be-forgotten";
  const auto made = must(
      store->apply_blocking(batch_of(new_request("k", secret + std::string(9000, '.') + secret))));
  must(store->apply_blocking(batch_of(new_request("other"))));
  must(store->erase_body(made.requests[0].id));
  store.close();
  for (const auto& entry : std::filesystem::directory_iterator(store.folder())) {
    if (!entry.is_regular_file()) continue;
    CAPTURE(entry.path().string());
    CHECK(must(read_file(entry.path())).find(secret) == std::string::npos);
  }
}

TEST_CASE("requests: every query that looks for some finds them by an index") {
  TestStore store;
  store.close();
  Connection connection = must(Connection::open(store.folder() + "/posthorn.db",
                                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
  for (const auto* name :
       {"requests_due", "next_source_with_requests", "requests_of_source_up",
        "requests_of_source_down", "requests_of_state_up", "requests_of_state_down",
        "requests_duplicate_of_up", "requests_duplicate_of_down", "requests_up", "requests_down",
        "first_requests", "first_refused_requests"}) {
    CAPTURE(name);
    Statement plan(connection, "EXPLAIN QUERY PLAN " + std::string(query_text(name)));
    std::string steps;
    for (auto rows = plan.query(); rows.next();) steps += rows.text(3) + "; ";
    CAPTURE(steps);
    CHECK(steps.find("SEARCH") != std::string::npos);
    CHECK(steps.find("SCAN") == std::string::npos);
    CHECK(steps.find("TEMP B-TREE") == std::string::npos);
  }
}

TEST_CASE("request rows: what was cut off is not read") {
  auto request = new_request("k").request;
  request.events = {{1}, {300}};
  request.error = "why";
  std::string packed;
  pack_request(packed, request,
               {.body_checksum = 7, .in_file = true, .keys = {"0123456789abcdef"}});
  model::ReceivedRequest read;
  const auto extras = unpack_request(packed, read);
  REQUIRE(extras.has_value());
  CHECK(extras->body_checksum == 7);
  CHECK(extras->in_file);
  CHECK(extras->keys == std::vector<std::string>{"0123456789abcdef"});
  CHECK(read.headers == request.headers);
  for (std::size_t size = 0; size < packed.size(); ++size)
    CHECK_FALSE(unpack_request(packed.substr(0, size), read).has_value());
  CHECK_FALSE(unpack_request(packed + "x", read).has_value());

  for (const std::optional<std::string>& given : {std::optional<std::string>(), {"late"}}) {
    pack_request_state(packed, request, given);
    std::optional<std::string> verdict;
    REQUIRE(unpack_request_state(packed, read, verdict));
    CHECK(verdict == given);
    CHECK(read.events == request.events);
    for (std::size_t size = 0; size < packed.size(); ++size)
      CHECK_FALSE(unpack_request_state(packed.substr(0, size), read, verdict));
  }
}

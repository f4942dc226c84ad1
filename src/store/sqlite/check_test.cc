// Each invariant broken by hand: check() must say so.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "store/sqlite/database.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using model::DeliveryState;

namespace {

/// A store with one of everything, closed.
void fill(TestStore& store) {
  auto keyed = new_event("a.b", {{7}, {8}});
  keyed.event.client_id = "mine";
  const auto made = must(store->apply_blocking(batch_of(std::move(keyed))));
  const DeliveryId first = made.events[0].first_delivery;
  Batch batch;
  batch.attempts.push_back(attempt_of(first, {7}, 1, DeliveryState::pending, {1'800'000'001'000}));
  must(store->apply_blocking(batch));
  batch.attempts[0] = attempt_of(first, {7}, 2, DeliveryState::succeeded);
  must(store->apply_blocking(batch));
  Batch wide = batch_of(new_event("a.b", std::vector<EndpointId>(150, EndpointId{9})));
  wide.publish_actor = "key:one";
  must(store->apply_blocking(wide));
  wide = batch_of(new_event("a.b", {}));
  wide.publish_actor = "key:two";
  must(store->apply_blocking(wide));
  const auto first_request = must(store->apply_blocking(batch_of(new_request("one"))));
  must(store->apply_blocking(batch_of(new_request("one"))));
  must(store->apply_blocking(batch_of(new_request("two", std::string(300'000, 'r')))));
  Batch processed;
  processed.request_changes.push_back({.request = first_request.requests[0].id, .error = "x"});
  must(store->apply_blocking(processed));
  Batch held;
  held.held.push_back({HeldChange::Action::open, {8}, {}});
  must(store->apply_blocking(held));
}

std::vector<std::string> faults_after(const std::string& sql) {
  TestStore store;
  fill(store);
  REQUIRE(must(store->check()).empty());
  store.close();
  {
    Connection connection = must(Connection::open(store.folder() + "/posthorn.db",
                                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
    connection.run(sql);
    REQUIRE_FALSE(connection.failed());
    REQUIRE(connection.number("SELECT total_changes()").value_or(0) > 0);
  }
  store.open();
  return must(store->check());
}

}  // namespace

TEST_CASE("check: every broken invariant is found") {
  struct Case {
    const char* sql;
    const char* says;
  };
  const Case cases[] = {
      {"DELETE FROM events WHERE id = 1", "its event 1 is not there"},
      {"DELETE FROM deliveries WHERE id = 2", "does not have the deliveries"},
      {"UPDATE events SET type = 99 WHERE id = 1", "has no name"},
      {"UPDATE lanes SET next_due = next_due + 1 WHERE endpoint = 9", "before its next_due"},
      {"DELETE FROM lanes WHERE endpoint = 9", "before its next_due"},
      {"UPDATE deliveries SET attempts = 3 WHERE id = 1", "does not fit its count"},
      {"UPDATE attempts SET delivery = 2 WHERE id = 2", "does not fit its count"},
      {"UPDATE attempts SET previous = 0 WHERE id = 2", "the one before it"},
      {"UPDATE attempts SET number = 2 WHERE id = 1", "the one before it"},
      {"UPDATE attempts SET number = 2 WHERE id = 1", "an attempt twice"},
      {"INSERT INTO held(endpoint, first) VALUES (8, 1)", "bounds do not fit"},
      {"UPDATE held SET until = 5", "bounds do not fit"},
      {"UPDATE expansions SET next_delivery = next_delivery + 1", "does not fit"},
      {"UPDATE deliveries SET replay_of = 1 WHERE id = 2", "not marked as made later"},
      {"UPDATE events SET data = x'00' WHERE id = 1", "not what was written"},
      {"UPDATE events SET extras = x'01' WHERE id = 1", "cannot be read"},
      {"DELETE FROM event_keys", "client id is not registered"},
      {"DELETE FROM request_states WHERE id = 1", "its state is not there"},
      {"UPDATE request_states SET source = 6 WHERE id = 1", "or of another source"},
      {"DELETE FROM requests WHERE id = 2", "it has a state and is not there"},
      {"UPDATE request_states SET state = 8 WHERE id = 1", "out of range"},
      {"UPDATE request_states SET duplicate_of = 0 WHERE id = 2", "what it is a duplicate of"},
      {"UPDATE request_states SET duplicate_of = 2 WHERE id = 2", "what it is a duplicate of"},
      {"UPDATE request_states SET duplicate_of = 99 WHERE id = 2", "what it is a duplicate of"},
      {"UPDATE request_states SET extras = x'01' WHERE id = 1", "cannot be read"},
      {"UPDATE request_states SET state = 0, due = -5 WHERE id = 1; "
       "UPDATE meta SET value = '1' WHERE name = 'requests_queued_to'",
       "the queue of requests has"},
      {"UPDATE requests SET extras = x'01' WHERE id = 1", "cannot be read"},
      {"UPDATE requests SET body = x'00' WHERE id = 1", "its body is not what was written"},
      {"UPDATE request_bodies SET file = 'gone.0'", "gone.0"},
      {"UPDATE request_bodies SET request = 99", "its request 99 is not there"},
      {"DELETE FROM request_keys WHERE request = 1", "its key is not registered"},
      {"UPDATE request_keys SET request = 3 WHERE request = 1", "that it did not claim"},
      {"UPDATE request_keys SET request = 99 WHERE request = 1", "that it did not claim"},
      {"UPDATE request_keys SET bucket = 7 WHERE request = 1", "that it did not claim"},
      {"UPDATE audit SET actor = 'another' WHERE id = 1", "chain is broken"},
      {"UPDATE audit SET previous_hash = '' WHERE id = 2", "chain is broken"},
  };
  for (const auto& [sql, says] : cases) {
    CAPTURE(sql);
    const auto faults = faults_after(sql);
    const bool said = std::ranges::any_of(
        faults, [&](const std::string& fault) { return fault.find(says) != std::string::npos; });
    CHECK(said);
  }
}

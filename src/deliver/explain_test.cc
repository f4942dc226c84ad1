#include "deliver/explain.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::deliver;
using model::DeliveryState;

namespace {

const Instant now{1'000'000};

struct Case {
  model::Delivery delivery;
  model::Endpoint endpoint;
  LaneView lane;
  std::optional<DeliveryId> ahead, blocked_by;
  Case() {
    delivery.id = DeliveryId{5};
    delivery.due_at = now - 1s;
  }
  std::string words() {
    return where_it_stands({delivery, &endpoint, lane, ahead, blocked_by}, now);
  }
};

}  // namespace

TEST_CASE("where_it_stands: every way of waiting has its words") {
  Case c;
  SUBCASE("due") { CHECK(c.words() == "due: being sent or about to be"); }
  SUBCASE("not yet due") {
    c.delivery.due_at = now + 30s;
    CHECK(c.words() == "waits for its due time: first attempt in 30 s");
    c.delivery.attempts = 2;
    CHECK(c.words() == "waits for its due time: attempt 3 in 30 s");
  }
  SUBCASE("held") {
    c.endpoint.enabled = false;
    c.endpoint.disabled_reason = model::DisabledReason::gone;
    c.delivery.due_at = now + 30s;
    CHECK(c.words() == "held: the endpoint is disabled (gone)");
  }
  SUBCASE("probing") {
    c.lane.state = LaneState::probing;
    c.lane.next_probe_at = now + 5s;
    CHECK(c.words() == "waits: the endpoint is probing, next probe in 5 s");
  }
  SUBCASE("behind another of its key") {
    c.ahead = DeliveryId{4};
    CHECK(c.words() == "waits for its turn behind " + DeliveryId{4}.text() + " of the same key");
    c.delivery.replay_of = DeliveryId{3};
    CHECK(c.words() == "due: being sent or about to be");
  }
  SUBCASE("blocked by an exhausted head") {
    c.blocked_by = DeliveryId{4};
    CHECK(c.words().starts_with("waits: " + DeliveryId{4}.text()));
    c.blocked_by = DeliveryId{6};
    CHECK(c.words() == "due: being sent or about to be");
  }
  SUBCASE("all slots taken") {
    c.lane.in_flight = c.lane.concurrency = 4;
    CHECK(c.words() == "due: waits for a free slot, 4 of 4 attempts at once are under way");
  }
  SUBCASE("rate limit") {
    c.endpoint.rate_per_second = 2.5;
    c.lane.waiting = 3;
    c.lane.concurrency = 4;
    CHECK(c.words() == "due: waits for the rate limit of 2.5 a second");
  }
}

TEST_CASE("where_it_stands: what has ended says how") {
  Case c;
  c.delivery.attempts = 1;
  c.delivery.last_status = 204;
  c.delivery.state = DeliveryState::succeeded;
  CHECK(c.words() == "delivered with HTTP 204 after 1 attempt");
  c.delivery.attempts = 7;
  c.delivery.state = DeliveryState::exhausted;
  CHECK(c.words() == "failed: all retries are used after 7 attempts; replay it by hand");
  c.delivery.state = DeliveryState::cancelled;
  CHECK(c.words() == "cancelled after 7 attempts");
  c.delivery.state = DeliveryState::parked;
  CHECK(c.words().starts_with("parked: "));
}

TEST_CASE("where_it_stands: a deleted endpoint") {
  const Case c;
  CHECK(where_it_stands({c.delivery, nullptr, {}, {}, {}}, now) ==
        "the endpoint was deleted: about to be cancelled");
}

#include "deliver/pace.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::deliver;

namespace {

const Instant start{1'000'000};
Instant at(Millis after) { return start + after; }

Pace pace(const model::Endpoint& endpoint = {}, int known_failures = 0) {
  return Pace(endpoint, 5min, known_failures);
}

void attempt(Pace& lane, std::uint64_t delivery, bool success, Instant when) {
  lane.begin(when);
  lane.end(DeliveryId{delivery}, success, when, when);
}

}  // namespace

TEST_CASE("pace: four at once at first, and one at once when the lane is known to fail") {
  auto fresh = pace();
  for (int i = 0; i < 4; ++i) {
    CHECK(fresh.may_begin(start));
    fresh.begin(start);
  }
  CHECK_FALSE(fresh.may_begin(start));
  CHECK_FALSE(fresh.may_begin_at(start));
  CHECK(pace({}, 2).concurrency() == 4);
  CHECK(pace({}, 3).concurrency() == 1);
}

TEST_CASE("pace: one more after as many successes as are allowed at once, up to the cap") {
  model::Endpoint endpoint;
  endpoint.concurrency_max = 6;
  auto lane = pace(endpoint);
  for (std::uint64_t i = 0; i < 4; ++i) attempt(lane, i, true, start);
  CHECK(lane.concurrency() == 5);
  for (std::uint64_t i = 0; i < 100; ++i) attempt(lane, i, true, start);
  CHECK(lane.concurrency() == 6);
  endpoint.concurrency_max = 2;
  lane.configure(endpoint);
  CHECK(lane.concurrency() == 2);
}

TEST_CASE("pace: a burst of failures halves once, a later one again") {
  model::Endpoint endpoint;
  endpoint.probing = false;
  auto lane = pace(endpoint);
  for (int i = 0; i < 4; ++i) lane.begin(start);
  for (std::uint64_t i = 0; i < 4; ++i) lane.end(DeliveryId{i}, false, start, at(1s));
  CHECK(lane.concurrency() == 2);
  attempt(lane, 9, false, at(2s));
  CHECK(lane.concurrency() == 1);
  attempt(lane, 9, false, at(3s));
  CHECK(lane.concurrency() == 1);
}

TEST_CASE("pace: probes after three failures in a row of two deliveries, not of one") {
  auto lane = pace();
  for (int i = 0; i < 10; ++i) attempt(lane, 1, false, at(i * 1s));
  CHECK_FALSE(lane.probing());
  attempt(lane, 2, false, at(20s));
  CHECK(lane.probing());
}

TEST_CASE("pace: a success between keeps it from probing") {
  auto lane = pace();
  for (std::uint64_t i = 0; i < 20; ++i) attempt(lane, i, i % 3 == 2, at(Millis(i)));
  CHECK_FALSE(lane.probing());
}

TEST_CASE("pace: gaps between probes are the schedule's steps, at most five minutes") {
  auto lane = pace();
  Instant now = start;
  for (std::uint64_t i = 1; i <= 3; ++i) attempt(lane, i, false, now);
  for (const Millis gap : {Millis(1s), Millis(5s), Millis(30s), Millis(5min), Millis(5min),
                           Millis(5min), Millis(5min)}) {
    CHECK(lane.next_probe_at() == now + gap);
    CHECK_FALSE(lane.may_begin(now + gap - 1ms));
    CHECK(lane.may_begin_at(now) == now + gap);
    now = now + gap;
    REQUIRE(lane.may_begin(now));
    lane.begin(now);
    CHECK_FALSE(lane.may_begin(now));  // One at a time.
    lane.end(DeliveryId{7}, false, now, now);
  }
  attempt(lane, 8, true, now + 5min);
  CHECK_FALSE(lane.probing());
  CHECK(lane.may_begin(now + 5min));
}

TEST_CASE("pace: attempts that were in flight when probing began are no probes") {
  auto lane = pace();
  for (int i = 0; i < 4; ++i) lane.begin(start);
  for (std::uint64_t i = 1; i <= 4; ++i) lane.end(DeliveryId{i}, false, start, at(Millis(i) * 100));
  CHECK(lane.probing());
  CHECK(lane.next_probe_at() == at(400ms) + 1s);
}

TEST_CASE("pace: without steps a probe comes every five minutes; without probing never") {
  model::Endpoint endpoint;
  endpoint.retry.steps.clear();
  auto lane = pace(endpoint);
  for (std::uint64_t i = 1; i <= 3; ++i) attempt(lane, i, false, start);
  CHECK(lane.next_probe_at() == start + 5min);
  endpoint.probing = false;
  lane.configure(endpoint);
  CHECK_FALSE(lane.probing());
  CHECK(lane.may_begin(start));
}

TEST_CASE("pace: a rate limit lets a tenth of a second through at once, then spaces") {
  model::Endpoint endpoint;
  endpoint.rate_per_second = 50;
  endpoint.concurrency_max = 256;
  auto lane = pace(endpoint);
  int begun = 0;
  for (Millis t{0}; t < 2s; t += 1ms)
    while (lane.may_begin(at(t))) {
      attempt(lane, 1, true, at(t));
      ++begun;
    }
  CHECK(begun >= 100);
  CHECK(begun <= 105);
}

TEST_CASE("pace: with a rate below one a second the wait is exact") {
  model::Endpoint endpoint;
  endpoint.rate_per_second = 0.5;
  auto lane = pace(endpoint);
  attempt(lane, 1, true, start);
  CHECK(lane.may_begin_at(start) == at(2s));
  CHECK_FALSE(lane.may_begin(at(1999ms)));
  CHECK(lane.may_begin(at(2s)));
}

TEST_CASE("pace: what was abandoned frees its slot and teaches nothing") {
  auto lane = pace();
  for (int i = 0; i < 4; ++i) lane.begin(start);
  for (int i = 0; i < 4; ++i) lane.abandon();
  CHECK(lane.in_flight() == 0);
  CHECK(lane.concurrency() == 4);
}

#include "env/clock.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::env;

namespace {

/// Set by the test; nothing waits on it.
class SetClock final : public Clock {
 public:
  Instant wall{1'000'000};
  Tick tick{50};
  [[nodiscard]] Instant now() const override { return wall; }
  [[nodiscard]] Tick steady() const override { return tick; }
  task<> sleep_until(Tick /*at*/) override { co_return; }
};

}  // namespace

TEST_CASE("timeline: starts at the wall clock and follows the steady clock alone") {
  SetClock clock;
  const Timeline timeline(clock, Instant{0});
  CHECK(timeline.now() == Instant{1'000'000});
  clock.tick = clock.tick + 5s;
  CHECK(timeline.now() == Instant{1'005'000});
  clock.wall = Instant{0};
  CHECK(timeline.now() == Instant{1'005'000});
  clock.wall = Instant{9'000'000'000};
  CHECK(timeline.now() == Instant{1'005'000});
}

TEST_CASE("timeline: goes on where the last process was when the wall clock fell behind") {
  SetClock clock;
  const Timeline timeline(clock, Instant{2'000'000});
  CHECK(timeline.now() == Instant{2'000'000});
  clock.tick = clock.tick + 1ms;
  CHECK(timeline.now() == Instant{2'000'001});
}

TEST_CASE("timeline: tick_of is when now() gets there") {
  SetClock clock;
  const Timeline timeline(clock, Instant{0});
  const Instant due = timeline.now() + 30s;
  clock.tick = timeline.tick_of(due);
  CHECK(timeline.now() == due);
  CHECK(clock.tick == Tick{50 + 30'000});
}

TEST_CASE("timeline: a wall-clock moment keeps its distance after the wall clock jumped") {
  SetClock clock;
  const Timeline timeline(clock, Instant{0});
  clock.wall = clock.wall + 24h;
  CHECK(timeline.from_wall(clock.wall + 1h) == timeline.now() + 1h);
  CHECK(timeline.from_wall(clock.wall - 1h) == timeline.now() - 1h);
}

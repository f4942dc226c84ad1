#include "deliver/window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace posthorn;
using namespace posthorn::deliver;

namespace {

const Instant start{1'000'000};
constexpr std::size_t room = 8;

store::Due due(std::uint64_t id, Millis in = 0ms) {
  store::Due made;
  made.id = DeliveryId{id};
  made.due_at = start + in;
  return made;
}

Row row(std::uint64_t id, Millis in = 0ms) { return {due(id, in), nullptr}; }

/// A window that has read an empty store.
Window known() {
  Window window;
  window.begin_read();
  window.end_read({}, room, start, room);
  return window;
}

std::vector<std::uint64_t> ids(const Window& window) {
  std::vector<std::uint64_t> found;
  for (const auto& [place, held] : window.rows()) found.push_back(held.due.id.value);
  return found;
}

using Ids = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("window: begins by wanting to read everything") {
  Window window;
  CHECK(window.wants_read(start, room));
  CHECK(window.begin_read() == store::DueCursor{});
  CHECK_FALSE(window.wants_read(start, room));
  window.end_read({due(1), due(2)}, room, start, room);
  CHECK(ids(window) == Ids{1, 2});
  CHECK(window.complete());
  CHECK_FALSE(window.wants_read(start, room));
}

TEST_CASE("window: an arrival before the first read is left to it") {
  Window window;
  window.add(row(1), start, room);
  CHECK(ids(window).empty());
  CHECK(window.wants_read(start, room));
}

TEST_CASE("window: a full read leaves the rest in the store, behind the last row") {
  Window window;
  window.begin_read();
  window.end_read({due(1), due(2)}, 2, start, room);
  CHECK_FALSE(window.complete());
  CHECK(window.wants_read(start, room));
  CHECK(window.begin_read() == store::DueCursor{start, DeliveryId{2}});
}

TEST_CASE("window: what is due later than the horizon stays in the store until then") {
  auto window = known();
  window.add(row(1, 2h), start, room);
  CHECK(ids(window).empty());
  CHECK(window.beyond() == start + 2h);
  CHECK_FALSE(window.wants_read(start + 1h, room));
  CHECK(window.wants_read(start + 2h, room));
  window.add(row(2, 1s), start, room);
  CHECK(ids(window) == Ids{2});
}

TEST_CASE("window: past its size the latest row goes back to the store and is read again") {
  auto window = known();
  for (std::uint64_t i = 1; i <= room + 3; ++i)
    window.add(row(i, Millis(static_cast<std::int64_t>(i))), start, room);
  CHECK(window.rows().size() == room);
  CHECK(window.beyond() == start + Millis(room + 1));
  CHECK_FALSE(window.wants_read(start + 1min, room));  // Only when half of it is free.
  while (window.rows().size() > room / 2) window.take(window.rows().begin());
  CHECK(window.wants_read(start + 1min, room));
  const auto cursor = window.begin_read();
  CHECK(cursor < store::DueCursor{start + Millis(room + 1), DeliveryId{room + 1}});
  CHECK(cursor >= store::DueCursor{start + Millis(room), DeliveryId{room}});
}

TEST_CASE("window: an earlier row pushes the latest out") {
  auto window = known();
  for (std::uint64_t i = 1; i <= room; ++i) window.add(row(i, 1s), start, room);
  window.add(row(100), start, room);
  CHECK(ids(window).front() == 100);
  CHECK(window.rows().size() == room);
  CHECK_FALSE(window.complete());
}

TEST_CASE("window: what is busy is not taken in again, from wherever it comes") {
  auto window = known();
  window.add(row(1), start, room);
  window.take(window.rows().begin());
  window.add(row(1), start, room);
  CHECK(ids(window).empty());
  window.forget();
  window.begin_read();
  window.end_read({due(1), due(2)}, room, start, room);
  CHECK(ids(window) == Ids{2});
}

TEST_CASE("window: a stale read does not bring back what was settled meanwhile") {
  auto window = known();
  window.add(row(1), start, room);
  window.take(window.rows().begin());
  window.forget();
  window.begin_read();
  window.settle(DeliveryId{1});
  SUBCASE("delivered") {
    window.end_read({due(1)}, room, start, room);
    CHECK(ids(window).empty());
  }
  SUBCASE("retried: only at its new place") {
    window.add(row(1, 5s), start, room);
    window.end_read({due(1)}, room, start, room);
    CHECK(ids(window) == Ids{1});
    CHECK(window.rows().begin()->first.due_at == start + 5s);
  }
}

TEST_CASE("window: an arrival during a read is kept, once") {
  Window window;
  window.begin_read();
  window.add(row(7), start, room);
  window.end_read({due(7), due(8)}, room, start, room);
  CHECK(ids(window) == Ids{7, 8});
}

TEST_CASE("window: an arrival during a read that was sent by its key is not kept") {
  Window window;
  window.begin_read();
  window.add(row(7), start, room);
  CHECK(window.take_directly(DeliveryId{7}));
  CHECK_FALSE(window.take_directly(DeliveryId{7}));
  window.settle(DeliveryId{7});
  window.end_read({due(7)}, room, start, room);
  CHECK(ids(window).empty());
}

TEST_CASE("window: rows pushed out during a read are found by the next one") {
  Window window;
  window.begin_read();
  window.end_read({due(1, 1ms), due(2, 2ms)}, 2, start, 2);
  window.take(window.rows().begin());
  window.begin_read();  // Behind 2.
  window.add(row(3, 1ms), start, 1);
  CHECK(ids(window) == Ids{3});  // 2 was pushed out, to the store.
  window.end_read({}, 2, start, 2);
  CHECK_FALSE(window.complete());
  CHECK(window.begin_read() < store::DueCursor{start + 2ms, DeliveryId{2}});
}

TEST_CASE("window: a read that was overtaken by forget() counts for nothing") {
  Window window;
  window.begin_read();
  window.forget();
  window.end_read({due(1)}, room, start, room);
  CHECK(ids(window).empty());
  CHECK(window.wants_read(start, room));
}

TEST_CASE("window: a failed read is wanted again later") {
  Window window;
  window.begin_read();
  window.add(row(1), start, room);
  window.fail_read(start + 1s);
  CHECK_FALSE(window.wants_read(start, room));
  CHECK(window.wants_read(start + 1s, room));
}

TEST_CASE("window: for any order of events, nothing pending is forgotten and nothing comes twice") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 dice(seed);
    std::map<DeliveryId, store::Due> stored;  // What is pending.
    Window window;
    std::vector<DeliveryId> busy;
    std::optional<std::vector<store::Due>> reading;
    std::size_t limit = 0;
    Instant now = start;
    std::uint64_t next_id = 0;
    const auto read_store = [&](store::DueCursor cursor, std::size_t count) {
      std::map<store::DueCursor, store::Due> sorted;
      for (const auto& [id, pending] : stored)
        sorted.emplace(store::DueCursor{pending.due_at, id}, pending);
      std::vector<store::Due> found;
      for (auto entry = sorted.upper_bound(cursor); entry != sorted.end() && found.size() < count;
           ++entry)
        found.push_back(entry->second);
      return found;
    };
    const auto step = [&](std::uint64_t what) {
      const std::size_t size = 2 + seed % 6;
      switch (what) {
        case 0:
        case 1: {
          auto fresh =
              due(++next_id, (now - start) + Millis(static_cast<std::int64_t>(dice() % 60'000)));
          stored[fresh.id] = fresh;
          window.add({fresh, nullptr}, now, size);
          break;
        }
        case 2:
        case 3: {
          const auto first = window.rows().begin();
          if (first == window.rows().end() || first->first.due_at > now) break;
          const auto taken = window.take(first);
          REQUIRE(stored.contains(taken.due.id));
          CHECK(stored[taken.due.id].due_at == taken.due.due_at);
          CHECK(std::ranges::find(busy, taken.due.id) == busy.end());
          busy.push_back(taken.due.id);
          break;
        }
        case 4: {
          if (busy.empty()) break;
          const auto id = busy.back();
          busy.pop_back();
          if (dice() % 2) {
            stored.erase(id);
            window.settle(id);
          } else {
            stored[id].due_at = now + Millis(static_cast<std::int64_t>(dice() % 60'000));
            window.settle(id);
            window.add({stored[id], nullptr}, now, size);
          }
          break;
        }
        case 5:
          if (reading || !window.wants_read(now, size)) break;
          limit = 1 + dice() % 5;
          reading = read_store(window.begin_read(), limit);
          break;
        case 6:
          if (!reading) break;
          window.end_read(*std::exchange(reading, std::nullopt), limit, now, size);
          break;
        case 7:
          now = now + Millis(static_cast<std::int64_t>(dice() % 5'000));
          break;
        default:
          if (dice() % 20 == 0) window.forget();
      }
    };
    for (int i = 0; i < 400; ++i) step(dice() % 9);
    // No more arrivals: everything pending comes up and is settled.
    now = now + 1h;
    for (int i = 0; i < 3'000 && !stored.empty(); ++i) {
      for (const std::uint64_t what : {5u, 6u, 2u}) step(what);
      if (busy.empty()) continue;
      stored.erase(busy.back());
      window.settle(busy.back());
      busy.pop_back();
    }
    CHECK(stored.empty());
  }
}

TEST_CASE("window: says whether the store alone may hold something that is due or was tried") {
  Window window;
  CHECK_FALSE(window.shows_all_due(start));  // It has read nothing.
  window = known();
  CHECK(window.shows_all_due(start));
  const auto tried = [](std::uint64_t id, Millis in) {
    Row made = row(id, in);
    made.due.attempts = 1;
    return made;
  };
  SUBCASE("far away and never tried") {
    window.add(row(1, 1h), start, room);
    CHECK(window.shows_all_due(start));
    CHECK_FALSE(window.shows_all_due(start + 1h));
  }
  SUBCASE("far away and tried") {
    window.add(row(1, 1h), start, room);
    window.add(tried(2, 2h), start, room);
    CHECK_FALSE(window.shows_all_due(start));
    window.add(row(3, 3h), start, room);
    CHECK_FALSE(window.shows_all_due(start));
  }
  SUBCASE("no room for what was tried") {
    for (std::uint64_t id = 1; id <= room; ++id) window.add(row(id), start, room);
    CHECK(window.shows_all_due(start));
    window.add(tried(100, 1s), start, room);
    CHECK_FALSE(window.shows_all_due(start));
  }
  SUBCASE("no room for what is due") {
    for (std::uint64_t id = 1; id <= room + 1; ++id) window.add(row(id), start, room);
    CHECK_FALSE(window.shows_all_due(start));
  }
  SUBCASE("a read that found more than fits, or failed") {
    window.forget();
    CHECK_FALSE(window.shows_all_due(start));
    window.begin_read();
    SUBCASE("more") { window.end_read({due(1, 1s), due(2, 2s)}, 2, start, room); }
    SUBCASE("failed") { window.fail_read(start + 1s); }
    CHECK_FALSE(window.shows_all_due(start));
  }
  SUBCASE("a read that found something far away") {
    window.forget();
    window.begin_read();
    auto last = due(2, 2h);
    SUBCASE("untouched") {
      window.end_read({due(1, 1h), last}, room, start, room);
      CHECK(window.shows_all_due(start));
    }
    SUBCASE("tried") {
      last.attempts = 1;
      window.end_read({due(1, 1h), last}, room, start, room);
      CHECK_FALSE(window.shows_all_due(start));
    }
  }
}

#include "deliver/key_order.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::deliver;
using Turn = KeyOrder::Turn;

namespace {

const Instant now{1'000'000};
constexpr std::uint64_t key = 77;

store::Due due(std::uint64_t id, Millis in = 0ms, int attempts = 0) {
  store::Due made;
  made.id = DeliveryId{id};
  made.due_at = now + in;
  made.attempts = attempts;
  made.key_hash = key;
  return made;
}

Row replay(std::uint64_t id, std::uint64_t of) {
  Row made{due(id), nullptr};
  made.due.replay_of = DeliveryId{of};
  return made;
}

std::optional<std::uint64_t> answered(KeyOrder& order, std::vector<store::Due> pending,
                                      std::optional<DeliveryId> head = {}) {
  CHECK(order.take_questions(now).size() == 1);
  const auto found = order.answer(key, std::move(pending), head, now);
  return found ? std::optional(found->id.value) : std::nullopt;
}

}  // namespace

TEST_CASE("key order: the lowest id goes first, whichever came up first") {
  KeyOrder order;
  CHECK(order.turn({due(5), nullptr}) == Turn::drop);
  CHECK(order.turn({due(4), nullptr}) == Turn::drop);
  CHECK(answered(order, {due(3), due(4), due(5)}) == 3);
  CHECK(order.busy(key));
  CHECK(order.take_questions(now).empty());
  order.settled(key, std::nullopt);
  CHECK(answered(order, {due(4), due(5)}) == 4);
  order.settled(key, std::nullopt);
  CHECK(answered(order, {due(5)}) == 5);
  order.settled(key, std::nullopt);
  CHECK(order.size() == 0);
}

TEST_CASE("key order: a delayed delivery holds nobody up, one that has begun does") {
  KeyOrder order;
  order.turn({due(2), nullptr});
  SUBCASE("delayed") { CHECK(answered(order, {due(1, 1h), due(2)}) == 2); }
  SUBCASE("begun") {
    CHECK_FALSE(answered(order, {due(1, 1min, 1), due(2)}));
    CHECK(order.next_question_at() == now + 1min);
    CHECK(order.take_questions(now + 1min - 1ms).empty());
    CHECK(order.take_questions(now + 1min) == std::vector<std::uint64_t>{key});
  }
}

TEST_CASE("key order: an exhausted head blocks later ones and not earlier ones") {
  KeyOrder order;
  order.turn({due(4), nullptr});
  SUBCASE("later") {
    CHECK_FALSE(answered(order, {due(4)}, DeliveryId{3}));
    CHECK_FALSE(order.next_question_at());
    order.forget();
    CHECK(order.size() == 0);
    CHECK(order.turn({due(4), nullptr}) == Turn::drop);
    CHECK(answered(order, {due(4)}) == 4);
  }
  SUBCASE("earlier") { CHECK(answered(order, {due(4)}, DeliveryId{5}) == 4); }
}

TEST_CASE("key order: an arrival while the store is asked is asked about again") {
  KeyOrder order;
  order.turn({due(1), nullptr});
  CHECK(order.take_questions(now).size() == 1);
  order.turn({due(2), nullptr});
  CHECK_FALSE(order.answer(key, {}, std::nullopt, now));
  CHECK(answered(order, {due(2)}) == 2);
}

TEST_CASE("key order: a replay by hand goes past a blocked key, one at a time") {
  KeyOrder order;
  order.turn({due(4), nullptr});
  CHECK_FALSE(answered(order, {due(4)}, DeliveryId{3}));
  CHECK(order.turn(replay(9, 3)) == Turn::send);
  CHECK(order.turn(replay(10, 3)) == Turn::leave);
  order.settled(key, std::nullopt);
  CHECK(answered(order, {due(4)}) == 4);  // The store no longer names a blocking head.
}

TEST_CASE("key order: a replay on a free key is sent at once and leaves nothing behind") {
  KeyOrder order;
  CHECK(order.turn(replay(9, 3)) == Turn::send);
  order.settled(key, std::nullopt);
  CHECK(order.size() == 0);
}

TEST_CASE("key order: a failed question is asked again later") {
  KeyOrder order;
  order.turn({due(1), nullptr});
  order.take_questions(now);
  order.fail_answer(key, now + 1s);
  CHECK(order.take_questions(now).empty());
  CHECK(order.take_questions(now + 1s).size() == 1);
}

TEST_CASE("key order: what is forgotten while it is asked about is asked about again") {
  KeyOrder order;
  order.turn({due(1), nullptr});
  CHECK(order.take_questions(now).size() == 1);
  order.forget();
  CHECK_FALSE(order.answer(key, {due(1)}, std::nullopt, now));
  CHECK(answered(order, {due(1)}) == 1);
  order.forget();
  order.settled(key, std::nullopt);
  CHECK(order.take_questions(now).size() == 1);
}

TEST_CASE("key order: a key goes unasked once it is known that no exhausted head blocks it") {
  KeyOrder order;
  CHECK_FALSE(order.is_free(key));
  SUBCASE("all keys with exhausted heads are known") {
    order.know_exhausted({key + 1});
    CHECK_FALSE(order.is_free(key + 1));
  }
  SUBCASE("the store was asked about it") {
    order.turn({due(1), nullptr});
    CHECK(answered(order, {due(1)}) == 1);
    order.settled(key, std::nullopt);
    CHECK_FALSE(order.is_free(key + 1));
  }
  SUBCASE("exhausted heads do not block") {
    order.let_heads_block(false);
    CHECK(order.is_free(key + 1));
  }
  CHECK(order.is_free(key));
}

TEST_CASE("key order: after a key went unasked") {
  KeyOrder order;
  order.know_exhausted({});
  order.go(key);
  CHECK_FALSE(order.is_free(key));
  CHECK(order.went_unasked(key));
  SUBCASE("its next goes after it") {
    order.settled(key, std::nullopt);
    CHECK(order.is_free(key));
  }
  SUBCASE("its retry is waited for, and then the store is asked") {
    order.settled(key, now + 1s);
    CHECK_FALSE(order.is_free(key));
    CHECK(order.take_questions(now).empty());
    CHECK(order.take_questions(now + 1s) == std::vector{key});
  }
  SUBCASE("what others changed meanwhile is asked for") {
    order.forget();
    order.settled(key, std::nullopt);
    CHECK(order.take_questions(now) == std::vector{key});
  }
}

TEST_CASE("key order: what was exhausted while the keys were being read is not overlooked") {
  KeyOrder order;
  order.exhausted(key);
  order.know_exhausted({});
  CHECK_FALSE(order.is_free(key));
  CHECK(order.is_free(key + 1));
  order.turn({due(2), nullptr});
  CHECK(answered(order, {due(2)}) == 2);  // A replay of it had succeeded.
  order.settled(key, std::nullopt);
  CHECK(order.is_free(key));
}

TEST_CASE("key order: letting heads block again begins with knowing nothing of them") {
  KeyOrder order;
  order.know_exhausted({});
  order.let_heads_block(false);
  order.exhausted(key);  // Not kept.
  order.let_heads_block(true);
  CHECK_FALSE(order.is_free(key));
  CHECK(order.wants_exhausted());
}

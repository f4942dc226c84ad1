#include "store/sqlite/key_filter.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::store;

TEST_CASE("key filters: a bucket says whether it may hold a key") {
  KeyFilters filters;
  const std::string one = request_key_hash({1}, "one"), two = request_key_hash({2}, "one");
  CHECK(one.size() == 16);
  CHECK(one != two);
  CHECK_FALSE(filters.may_hold(3, one));
  filters.add(3, one);
  CHECK(filters.may_hold(3, one));
  CHECK_FALSE(filters.may_hold(3, two));
  CHECK_FALSE(filters.may_hold(4, one));
  filters.load({3});
  CHECK(filters.may_hold(3, two));  // Not read yet.
  filters.merge(3, {});
  CHECK_FALSE(filters.may_hold(3, two));
}

TEST_CASE("key filter: it holds what was added, and little else") {
  int keys = 0;
  SUBCASE("at 16 bits a key: of a bucket") { keys = 1024; }
  SUBCASE("at 16 bits a key: of many") { keys = 32'768; }
  KeyFilter filter(static_cast<std::size_t>(keys) * 2);
  const auto key = [](int i) { return event_key_hash({1}, std::to_string(i)); };
  for (int i = 0; i < keys; ++i) filter.add(key(i));
  int wrong = 0;
  for (int i = 0; i < keys; ++i) {
    REQUIRE(filter.may_hold(key(i)));
    wrong += filter.may_hold(key(keys + i)) ? 1 : 0;
  }
  CHECK(wrong * 100 < keys);
}

TEST_CASE("key filters: an unread bucket is looked into until its keys are known") {
  const auto vector_of = [](auto... buckets) { return std::vector<std::int64_t>{buckets...}; };
  KeyFilters filters;
  filters.load({512, 1024, 1025});
  const std::string one = event_key_hash({1}, "one"), two = event_key_hash({1}, "two");
  CHECK(filters.candidates(2048, one) == vector_of(1025, 1024, 512));
  CHECK(filters.unread() == vector_of(1025, 1024, 512));
  filters.merge(1025, one);
  filters.add(1025, two);
  CHECK(filters.candidates(2048, one) == vector_of(1025, 1024, 512));
  CHECK(filters.candidates(2048, event_key_hash({2}, "one")) == vector_of(1024, 512));
  filters.merge(1024, {});
  CHECK(filters.candidates(2048, one) == vector_of(1025, 512));
  filters.merge(512, two + event_key_hash({1}, "three"));
  CHECK(filters.unread().empty());
  CHECK(filters.candidates(2048, one) == vector_of(1025));
  CHECK(filters.candidates(2048, two) == vector_of(1025, 512));
  CHECK(filters.candidates(1025, two) == vector_of(512));
  CHECK(filters.candidates(2048, event_key_hash({2}, "one")).empty());
  filters.add(2048, one);
  CHECK(filters.candidates(2049, one) == vector_of(2048, 1025));
}

TEST_CASE("key filters: of old segments only the segment's own filter is kept") {
  // One key in each segment; an old bucket cannot say no by itself any more, its segment can.
  constexpr std::int64_t segment = std::int64_t{1} << KeyFilters::segment_bits;
  constexpr auto segments = static_cast<std::int64_t>(KeyFilters::bucket_filters_max) + 2;
  const auto key = [](std::int64_t n) { return event_key_hash({1}, std::to_string(n)); };
  const auto all_but_last = [&](KeyFilters& filters, bool newest_first) {
    std::vector<std::int64_t> buckets;
    for (std::int64_t n = 0; n < segments; ++n)
      buckets.push_back((newest_first ? segments - 1 - n : n) * segment);
    filters.load(buckets);
    for (const auto bucket : buckets) filters.merge(bucket, key(bucket));
  };
  for (const bool newest_first : {false, true}) {
    KeyFilters filters;
    all_but_last(filters, newest_first);
    CHECK(filters.unread().empty());
    for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, segments - 1})
      CHECK(filters.candidates(segments * segment, key(n * segment)) == std::vector{n * segment});
    CHECK(filters.candidates(segments * segment, key(-1)).empty());
    CHECK(filters.may_hold(0, key(-1)));
    CHECK_FALSE(filters.may_hold(2 * segment, key(-1)));
  }
}

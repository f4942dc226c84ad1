#include "base/id.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <set>

using namespace posthorn;

TEST_CASE("id: text and back") {
  const EventId id{0x123456789ABCDEF0ULL};
  CHECK(EventId::parse(id.text()) == id);
  CHECK(EventId{1}.text() == "evt_0000000000001");
  CHECK(EventId{std::numeric_limits<std::uint64_t>::max()}.text() == "evt_fzzzzzzzzzzzz");
}

TEST_CASE("id: case, O, I and L do not matter when read") {
  CHECK(EventId::parse("evt_0000000000O1L") == EventId{33});
  CHECK(EventId::parse("evt_00000000000il") == EventId{33});
  CHECK(EventId::parse("evt_00000000000AZ") == EventId{10 * 32 + 31});
}

TEST_CASE("id: another prefix, length, letter, an overflow and zero are refused") {
  for (const char* text :
       {"", "evt_", "dlv_0000000000001", "evt_0000000000000", "evt_000000000000O",
        "evt_000000000001", "evt_00000000000001", "evt-0000000000001", "EVT_0000000000001",
        "evt_000000000000u", "evt_g000000000000", "evt_zzzzzzzzzzzzz", "evt_000000000000\xff",
        " evt_0000000000001"}) {
    CAPTURE(text);
    CHECK_FALSE(EventId::parse(text).has_value());
  }
}

TEST_CASE("base32: exactly 64 bits fit") {
  CHECK(from_base32("fzzzzzzzzzzzz") == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(from_base32("g000000000000").has_value());
  CHECK(from_base32("0000000000000") == 0);
}

TEST_CASE("delivery uuid: known forms, which must never change: receivers store them") {
  CHECK(to_uuid(DeliveryId{1}) == "d63e6cdd-f05d-8b7a-9647-a8fb7ab56b2b");
  CHECK(to_uuid(DeliveryId{0x123456789ABCDEF0ULL}) == "41014d60-1e77-88b7-8a77-0aba7567d032");
}

TEST_CASE("delivery uuid: for any id it is a UUID version 8, and back [property]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::set<std::string> seen;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    const DeliveryId id{i % 2 == 0 ? random() | 1 : i};
    const std::string uuid = to_uuid(id);
    CAPTURE(uuid);
    REQUIRE(uuid.size() == 36);
    REQUIRE(uuid[14] == '8');
    REQUIRE(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
    REQUIRE(delivery_from_uuid(uuid) == id);
    seen.insert(uuid);
  }
  CHECK(seen.size() == 2000);
}

TEST_CASE("delivery uuid: a changed digit, another form and a made-up one are refused") {
  const std::string uuid = to_uuid(DeliveryId{42});
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    std::string changed = uuid;
    changed[i] = changed[i] == '0' ? '1' : '0';
    CAPTURE(changed);
    CHECK_FALSE(delivery_from_uuid(changed).has_value());
  }
  CHECK_FALSE(delivery_from_uuid("").has_value());
  CHECK_FALSE(delivery_from_uuid(uuid.substr(1)).has_value());
  CHECK_FALSE(delivery_from_uuid("{" + uuid + "}").has_value());
  CHECK_FALSE(delivery_from_uuid("01890a5d-ac96-774b-bcce-b302099a8057").has_value());
  CHECK_FALSE(delivery_from_uuid("00000000-0000-8000-8000-000000000000").has_value());
  CHECK_FALSE(delivery_from_uuid(to_uuid(DeliveryId{})).has_value());
}

TEST_CASE("parse_delivery_id: either form, in either case") {
  const DeliveryId id{42};
  std::string upper = to_uuid(id);
  for (char& c : upper)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 32);
  CHECK(parse_delivery_id(id.text()) == id);
  CHECK(parse_delivery_id(to_uuid(id)) == id);
  CHECK(parse_delivery_id(upper) == id);
  CHECK_FALSE(parse_delivery_id("42").has_value());
}

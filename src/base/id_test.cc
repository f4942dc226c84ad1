#include "base/id.h"
#include "base/error.h"

#include <doctest/doctest.h>

using namespace posthorn;

TEST_CASE("id: text and back") {
  const EventId id{0x123456789ABCDEF0ULL};
  CHECK(EventId::parse(id.text()) == id);
  CHECK(EventId{1}.text() == "evt_0000000000001");
  CHECK_FALSE(EventId::parse("dlv_0000000000001").has_value());
  CHECK_FALSE(EventId::parse("evt_0000000000000").has_value());
  CHECK(EventId::parse("evt_000000000000O") == std::nullopt);
}

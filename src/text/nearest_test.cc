#include "text/nearest.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace posthorn::text {
namespace {

constexpr std::array<std::string_view, 7> known{
    "url", "event_types", "description", "secret", "timeout_ms", "id", "Retry-After"};

TEST_CASE("nearest: finds what was probably meant") {
  CHECK(nearest("event_type", known) == "event_types");
  CHECK(nearest("eventTypes", known) == "event_types");
  CHECK(nearest("Event-Types", known) == "event_types");
  CHECK(nearest("evnet_types", known) == "event_types");
  CHECK(nearest("descripton", known) == "description");
  CHECK(nearest("secert", known) == "secret");
  CHECK(nearest("urls", known) == "url");
  CHECK(nearest("retry_after", known) == "Retry-After");
}

TEST_CASE("nearest: is silent rather than wrong") {
  CHECK_FALSE(nearest("", known));
  CHECK_FALSE(nearest("colour", known));
  CHECK_FALSE(nearest("x", known));
  CHECK_FALSE(nearest("ab", known));
  CHECK_FALSE(nearest("url", {}));
  CHECK_FALSE(nearest(std::string(101, 'u'), known));
}

}  // namespace
}  // namespace posthorn::text

#include "providers/form_payload.h"

#include <doctest/doctest.h>

namespace posthorn::providers {
namespace {

TEST_CASE("less_by_code_unit: sorts as UTF-16 does, which is not as bytes do") {
  CHECK(less_by_code_unit("", "a"));
  CHECK(less_by_code_unit("A", "a"));
  CHECK(less_by_code_unit("a", "aa"));
  CHECK_FALSE(less_by_code_unit("a", "a"));
  const std::string_view emoji = "\xF0\x9F\xA6\x8A", private_use = "\xEE\x80\x80",
                         hangul = "\xED\x9F\xBF";
  CHECK(less_by_code_unit(emoji, private_use));
  CHECK_FALSE(less_by_code_unit(private_use, emoji));
  CHECK(less_by_code_unit(hangul, emoji));
}

TEST_CASE("node_query: groups repeats and escapes what Node escapes") {
  const auto form = text::parse_form("b=2&a=1&b=1&c&d=a+b'(%C3%A9)");
  REQUIRE(form.has_value());
  CHECK(node_query(form->fields()) == "b=2&b=1&a=1&c=&d=a%20b'(%C3%A9)");
}

TEST_CASE("address_parts: cuts an address without changing it") {
  const auto parts = address_parts("https://user:p@ss@[2001:db8::1]:8443/in/a?b=c?d");
  REQUIRE(parts.has_value());
  CHECK(parts->scheme == "https");
  CHECK(parts->user == "user:p@ss@");
  CHECK(parts->host == "[2001:db8::1]");
  CHECK(parts->port == "8443");
  CHECK(parts->path == "/in/a");
  CHECK(parts->query == "?b=c?d");
  const auto bare = address_parts("http://[::1]");
  REQUIRE(bare.has_value());
  CHECK(bare->host == "[::1]");
  CHECK(bare->port.empty());
  CHECK(bare->path.empty());
  CHECK_FALSE(address_parts("/in/a").has_value());
}

TEST_CASE("FormPayload: says what is missing, no text, or no number") {
  const auto form = text::parse_form("a=&b=%FF&c=%00&d=-1&e=7&f=12");
  REQUIRE(form.has_value());
  Parsed parsed;
  FormPayload payload(*form, parsed);
  CHECK(payload.required("none").empty());
  CHECK(payload.required("a").empty());
  CHECK_FALSE(payload.optional("b").has_value());
  CHECK_FALSE(payload.optional("c").has_value());
  CHECK_FALSE(payload.whole("d").has_value());
  CHECK_FALSE(payload.whole("f", 11).has_value());
  CHECK(payload.whole("e") == 7);
  CHECK_FALSE(payload.optional("a").has_value());
  CHECK(payload.first_of({"a", "none", "e"}) == "7");
  std::vector<std::string> found;
  for (const auto& fault : parsed.faults) found.push_back(fault.pointer + " " + fault.code);
  CHECK(found == std::vector<std::string>{"/none required", "/a required", "/b format", "/c format",
                                          "/d type", "/f type"});
}

}  // namespace
}  // namespace posthorn::providers

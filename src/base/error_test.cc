#include "base/error.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>

using namespace posthorn;

namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::invalid, "odd");
  return number / 2;
}

Result<std::unique_ptr<int>> quarter(int number) {
  PH_TRY(const int once, half(number));
  PH_TRY(const int twice, half(once));
  return std::make_unique<int>(twice);
}

}  // namespace

TEST_CASE("error: context goes in front and code and place stay") {
  const Error inner(Errc::not_found, "no such endpoint");
  const auto line = inner.at.line();
  const Error outer = Error(inner).within("endpoint 2").within("delivery 9");
  CHECK(outer.what == "delivery 9: endpoint 2: no such endpoint");
  CHECK(outer.code == Errc::not_found);
  CHECK(outer.at.line() == line);
}

TEST_CASE("try: goes on with the value or returns the first error") {
  const auto good = quarter(8);
  REQUIRE(good.has_value());
  CHECK(**good == 2);
  const auto bad = quarter(6);
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().what == "odd");
}

TEST_CASE("errc: every code has its own name") {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::unsupported); ++code)
    names.insert(to_string(static_cast<Errc>(code)));
  CHECK(names.size() == static_cast<std::size_t>(Errc::unsupported) + 1);
  CHECK_FALSE(names.contains("unknown"));
  CHECK(names.contains("stale_epoch"));
}

#include "base/secret.h"

#include <doctest/doctest.h>

#include <type_traits>

using namespace posthorn;

namespace {
template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
}  // namespace

TEST_CASE("secret: formats as stars and has no stream operator") {
  CHECK(fmt::format("key {}", Secret("hunter2")) == "key ***");
  CHECK(fmt::format("{:>5}", Secret("hunter2")) == "  ***");
  static_assert(!Streamable<Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);
  static_assert(std::is_nothrow_move_constructible_v<Secret>);
  static_assert(std::is_nothrow_move_assignable_v<Secret>);
}

TEST_CASE("secret: copies are equal, a moved-from one is empty") {
  Secret first("hunter2");
  Secret second = first;
  CHECK(second == first);
  const Secret third = std::move(second);
  CHECK(third.reveal() == "hunter2");
  CHECK(second.empty());  // NOLINT(bugprone-use-after-move): that it is empty is promised
  second = third;
  CHECK(second.reveal() == "hunter2");
  Secret& same = second;
  second = same;
  CHECK(second.reveal() == "hunter2");
  second = Secret();
  CHECK(second.empty());
}

TEST_CASE("secret: a short text leaves no characters behind when moved or replaced") {
  Secret first("abcdefgh");
  const char* inside = first.reveal().data();
  const Secret second = std::move(first);
  CHECK(std::string_view(inside, 1) == std::string_view("\0", 1));
  CHECK(second.reveal() == "abcdefgh");
}

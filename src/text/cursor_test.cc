#include "text/cursor.h"

#include <doctest/doctest.h>

#include "base/bytes.h"

namespace posthorn::text {
namespace {

/// Stands in for an HMAC: every byte of the text moves every byte of the tag.
std::string test_mac(std::string_view key, std::string_view text) {
  std::string tag;
  for (std::uint64_t word = 0; word < 4; ++word) {
    std::uint64_t state = 0xCBF29CE484222325ULL + word;
    for (const std::string_view piece : {key, text})
      for (const char c : piece) {
        state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
        state ^= state >> 29;
      }
    tag.append(reinterpret_cast<const char*>(&state), sizeof state);
  }
  return tag;
}

CursorCodec codec(std::string key) {
  return CursorCodec([key = std::move(key)](std::string_view text) { return test_mac(key, text); });
}

TEST_CASE("a cursor gives its fields back to the list it was made for") {
  const CursorCodec ours = codec("k");
  const CursorFields fields{
      {"after", std::string("\0\xFF", 2)}, {"", ""}, {"s", std::string(255, 'x')}};
  const std::string cursor = ours.encode("deliveries?status=failed", fields);
  CHECK(cursor.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
  CHECK(*ours.decode("deliveries?status=failed", cursor) == fields);
  CHECK(ours.decode("x", ours.encode("x", {}))->empty());
}

TEST_CASE("a cursor of another list is told apart from one that is none") {
  const CursorCodec ours = codec("k");
  const std::string cursor = ours.encode("deliveries?status=failed", {{"after", "7"}});
  const auto other_filter = ours.decode("deliveries?status=pending", cursor);
  REQUIRE_FALSE(other_filter);
  CHECK(other_filter.error().code == Errc::conflict);
  const auto other_key = codec("other").decode("deliveries?status=failed", cursor);
  REQUIRE_FALSE(other_key);
  CHECK(other_key.error().code == Errc::invalid);
}

TEST_CASE("a cursor that was changed anywhere is refused") {
  const CursorCodec ours = codec("k");
  const std::string cursor = ours.encode("l", {{"after", "12345"}});
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    const auto read = ours.decode("l", changed);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::invalid);
    CHECK_FALSE(ours.decode("l", cursor.substr(0, i)));
  }
  for (const std::string_view text : {"", "A", "AAAA", "not base64!", "====", "AQ=="}) {
    CAPTURE(text);
    CHECK_FALSE(ours.decode("l", text));
  }
  CHECK_FALSE(ours.decode("l", cursor + "AAAA"));
  CHECK_FALSE(ours.decode("l", std::string(cursor_bytes_max + 1, 'A')));
}

TEST_CASE("a sealed text of another version or shape is refused") {
  const CursorCodec ours = codec("k");
  const auto sealed = [](std::string content) {
    return to_base64url(content + test_mac("k", "cursor seal\n" + content).substr(0, 16));
  };
  const std::string head = "\x01" + test_mac("k", "cursor list\nl").substr(0, 8);
  CHECK(*ours.decode("l", sealed(head + "\x01"
                                        "a"
                                        "\x02"
                                        "bc")) == CursorFields{{"a", "bc"}});
  CHECK_FALSE(ours.decode("l", sealed("\x02" + head.substr(1))));
  CHECK_FALSE(ours.decode("l", sealed(head + "\x01"
                                             "a")));
  CHECK_FALSE(ours.decode("l", sealed(head + "\x01"
                                             "a"
                                             "\x03"
                                             "bc")));
  CHECK_FALSE(ours.decode("l", sealed(head + "\x09"
                                             "a")));
}

}  // namespace
}  // namespace posthorn::text

#include "text/headers.h"

#include <doctest/doctest.h>

namespace posthorn::text {
namespace {

using Views = std::vector<std::string_view>;

TEST_CASE("is_token: takes token characters and nothing else") {
  CHECK(is_token("X-Webhook_Event.1!#$%&'*+^`|~"));
  CHECK_FALSE(is_token(""));
  for (int c = 0; c < 256; ++c) {
    const std::string text = "a" + std::string(1, static_cast<char>(c));
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool mark = c != 0 && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
    CAPTURE(c);
    CHECK(is_token(text) == (letter || mark));
  }
}

TEST_CASE("is_field_value: lets no control character through") {
  CHECK(is_field_value(""));
  CHECK(is_field_value("a\tb c"));
  CHECK(is_field_value("caf\xC3\xA9 \xFF"));
  CHECK_FALSE(is_field_value(" a"));
  CHECK_FALSE(is_field_value("a\t"));
  for (int c = 0; c < 128; ++c) {
    const std::string text = "a" + std::string(1, static_cast<char>(c)) + "b";
    CAPTURE(c);
    CHECK(is_field_value(text) == (c == '\t' || (c >= 0x20 && c != 0x7F)));
  }
}

TEST_CASE("split_list: gives trimmed elements and refuses empty ones") {
  CHECK(split_list("a, b\t,c") == Views{"a", "b", "c"});
  CHECK(split_list("chunked") == Views{"chunked"});
  CHECK(split_list("") == Views{});
  CHECK(split_list(" \t") == Views{});
  CHECK(split_list("\"a,b\\\",\", c") == Views{"\"a,b\\\",\"", "c"});
  for (const std::string_view bad : {",", ",a", "a,", "a,,b", "a, ,b", "\"a", "a,\"b\\\""}) {
    CAPTURE(bad);
    CHECK_FALSE(split_list(bad));
  }
  CHECK(list_has("keep-alive, Upgrade", "upgrade"));
  CHECK_FALSE(list_has("keep-alive, Upgrades", "upgrade"));
  CHECK_FALSE(list_has("upgrade,", "upgrade"));
}

TEST_CASE("parse_content_length: takes one spelling of a number") {
  CHECK(parse_content_length("0") == 0);
  CHECK(parse_content_length("11") == 11);
  CHECK(parse_content_length("9999999999999999999") == 9'999'999'999'999'999'999U);
  for (const std::string_view bad :
       {"", "+11", "-1", "0xb", "11.0", "1 1", " 11", "11 ", "11, 11", "011", "00",
        "99999999999999999999999", "18446744073709551627", "\xD9\xA1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_content_length(bad));
  }
}

TEST_CASE("parse_media_type: gives the essence and the parameters") {
  const auto media = parse_media_type("Application/JSON ; Charset=\"utf\\-8\";q=1");
  REQUIRE(media);
  CHECK(media->essence == "application/json");
  CHECK(media->parameter("charset") == "utf-8");
  CHECK(media->parameter("q") == "1");
  CHECK_FALSE(media->parameter("x"));
  CHECK(parse_media_type("text/plain")->parameters.empty());
  for (const std::string_view bad :
       {"", "json", "application/", "/json", "a/b c", "a/b;", "a/b;x", "a/b;x=", "a/b;=1",
        "a/b;x=1;X=2", "a/b;x=\"1", "a/b, c/d", "a/b;x=1 y"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_media_type(bad));
  }
}

}  // namespace
}  // namespace posthorn::text

#include "base/bytes.h"

#include <doctest/doctest.h>

#include <array>
#include <random>

using namespace posthorn;
using namespace std::string_literals;

namespace {

std::string random_bytes(std::mt19937_64& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() & 0xFF);
  return out;
}

/// The definition, without tables or ranges: decodes to code points and looks at them.
bool is_utf8_by_definition(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = 1;
    std::uint32_t point = first;
    if (first >= 0xF8) return false;
    if (first >= 0xF0) {
      length = 4;
      point = first & 0x07U;
    } else if (first >= 0xE0) {
      length = 3;
      point = first & 0x0FU;
    } else if (first >= 0xC0) {
      length = 2;
      point = first & 0x1FU;
    } else if (first >= 0x80) {
      return false;
    }
    if (at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next < 0x80 || next > 0xBF) return false;
      point = point << 6 | (next & 0x3FU);
    }
    constexpr std::array<std::uint32_t, 5> shortest{0, 0, 0x80, 0x800, 0x10000};
    if (point < shortest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return false;
    at += length;
  }
  return true;
}

}  // namespace

TEST_CASE("hex: both cases are read, lower case is written") {
  CHECK(to_hex("\x00\x0f\xf0\xff"s) == "000ff0ff");
  CHECK(from_hex("000ff0FF") == "\x00\x0f\xf0\xff"s);
  CHECK(to_hex("").empty());
  CHECK(from_hex("") == "");
  for (const char* text : {"0", "0g", "g0", "0x", " 00", "00 ", "\xff\xff"})
    CHECK_FALSE(from_hex(text).has_value());
}

TEST_CASE("base64: the vectors of RFC 4648") {
  CHECK(to_base64("").empty());
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("foob") == "Zm9vYg==");
  CHECK(to_base64("fooba") == "Zm9vYmE=");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  CHECK(to_base64("\xfb\xff") == "+/8=");
  CHECK(to_base64url("\xfb\xff") == "-_8");
}

TEST_CASE("base64: one text per value, so everything irregular is refused") {
  CHECK(from_base64("") == "");
  CHECK(from_base64("Zg==") == "f");
  CHECK(from_base64("Zm8=") == "fo");
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zm8", "Z===", "====", "=",
                           "Zg==Zg==", "Z g=", "Zm9v\n", "-_8=", "Zm9v====", "Zg=a"}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text).has_value());
  }
  CHECK(from_base64url("-_8") == "\xfb\xff");
  for (const char* text : {"-_8=", "+/8", "Z", "Zh", "Zg=="}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64url(text).has_value());
  }
}

TEST_CASE("encodings: for any bytes, text and back is the same [property]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string bytes = random_bytes(random, size);
    CAPTURE(to_hex(bytes));
    CHECK(from_hex(to_hex(bytes)) == bytes);
    CHECK(from_base64(to_base64(bytes)) == bytes);
    CHECK(from_base64url(to_base64url(bytes)) == bytes);
  }
}

TEST_CASE("is_utf8: overlong forms, surrogates, cut and stray bytes are refused") {
  for (const char* text : {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CAPTURE(to_hex(text));
    CHECK(is_utf8(text));
  }
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe0\xa0",
        "\xe1\x80\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "eight ascii\xff", "12345678\xc3"}) {
    CAPTURE(to_hex(text));
    CHECK_FALSE(is_utf8(text));
  }
  CHECK(is_utf8("a\0b"s));
}

TEST_CASE("is_utf8: for any two bytes after any lead, it agrees with the definition") {
  for (int lead = 0; lead < 256; ++lead) {
    for (int second = 0x70; second < 0xD0; ++second) {
      for (const char* tail : {"", "\x80", "\x80\x80", "\xbf\xbf", "\x80\x41"}) {
        const std::string text = "12345678" + std::string{static_cast<char>(lead)} +
                                 static_cast<char>(second) + tail + "end";
        CAPTURE(to_hex(text));
        REQUIRE(is_utf8(text) == is_utf8_by_definition(text));
      }
    }
  }
}

TEST_CASE("ascii: case folds only A to Z") {
  CHECK(to_lower_ascii("Content-TYPE\xc3\x84") == "content-type\xc3\x84");
  CHECK(to_lower_ascii("@[`{") == "@[`{");
  CHECK(equal_ignoring_case_ascii("Host", "hOST"));
  CHECK_FALSE(equal_ignoring_case_ascii("Host", "Hosts"));
  CHECK_FALSE(equal_ignoring_case_ascii("@", "`"));
  CHECK(equal_ignoring_case_ascii("", ""));
}

TEST_CASE("trim: spaces and tabs at both ends, nothing else") {
  CHECK(trim(" \t a b \t") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("\na ") == "\na");
}

TEST_CASE("printable: what could move a terminal's cursor or reorder text is shown as bytes") {
  CHECK(printable("plain \xc3\xa4 \xf0\x9f\x93\xaf") == "plain \xc3\xa4 \xf0\x9f\x93\xaf");
  CHECK(printable("\x1b[2J\r\n\t\x7f\0end"s) == "\\x1b[2J\\x0d\\x0a\\x09\\x7f\\x00end");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");           // a one-character CSI
  CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  CHECK(printable("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");  // line separator
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half a surrogate pair
  CHECK(printable("\xc2\xa0") == "\xc2\xa0");
}

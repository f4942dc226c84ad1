#include "text/form.h"

#include <doctest/doctest.h>

namespace posthorn::text {
namespace {

std::vector<FormField> fields_of(std::string_view text) {
  const auto form = parse_form(text);
  REQUIRE(form.has_value());
  return {form->fields().begin(), form->fields().end()};
}

TEST_CASE("parse_form: gives decoded pairs in their order, repeats too") {
  CHECK(fields_of("b=2&a=1&b=1") == std::vector<FormField>{{"b", "2"}, {"a", "1"}, {"b", "1"}});
  CHECK(fields_of("Body=a+b%2Bc%26d&%41=%C3%A9") ==
        std::vector<FormField>{{"Body", "a b+c&d"}, {"A", "\xC3\xA9"}});
  CHECK(fields_of("a=b=c&=x") == std::vector<FormField>{{"a", "b=c"}, {"", "x"}});
  CHECK(fields_of("a=%00%ff") == std::vector<FormField>{{"a", std::string("\0\xFF", 2)}});
}

TEST_CASE("parse_form: skips empty pairs and takes a bare name as an empty value") {
  CHECK(fields_of("").empty());
  CHECK(fields_of("&&").empty());
  CHECK(fields_of("&a&b=&&c") == std::vector<FormField>{{"a", ""}, {"b", ""}, {"c", ""}});
  CHECK(fields_of("=") == std::vector<FormField>{{"", ""}});
}

TEST_CASE("parse_form: an escape that is none stays as written") {
  CHECK(fields_of("a=100%") == std::vector<FormField>{{"a", "100%"}});
  CHECK(fields_of("a=%zz%4&b=%4") == std::vector<FormField>{{"a", "%zz%4"}, {"b", "%4"}});
  CHECK(fields_of("a=%%41") == std::vector<FormField>{{"a", "%A"}});
  CHECK(fields_of("a=%2541") == std::vector<FormField>{{"a", "%41"}});
}

TEST_CASE("parse_form: takes the limit of fields and refuses one more") {
  std::string text;
  for (std::size_t i = 0; i < form_fields_max; ++i) text += "a&";
  CHECK(fields_of(text).size() == form_fields_max);
  const auto refused = parse_form(text + "a");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::limit);
}

TEST_CASE("Form: finds the first value of a name, and tells an empty one from none") {
  const auto form = parse_form("a=1&a=2&b=");
  REQUIRE(form.has_value());
  CHECK(form->first("a") == "1");
  CHECK(form->count("a") == 2);
  CHECK(form->first("b") == "");
  CHECK_FALSE(form->first("A").has_value());
  CHECK(form->value("A").empty());
  CHECK(form->count("A") == 0);
}

TEST_CASE("write_form: is read back as the same pairs, whatever bytes they hold") {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
  const std::vector<FormField> fields{{"a b", "c&d=e+f"}, {every_byte, every_byte}, {"", "x"}};
  CHECK(fields_of(write_form(fields)) == fields);
  CHECK(write_form(std::vector<FormField>{{"From", "+1 555~*-._"}}) == "From=%2B1+555%7E*-._");
  CHECK(write_form({}).empty());
}

TEST_CASE("percent_encode: keeps unreserved characters alone, and decodes to what it was") {
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("a b+*\xC3\xA9/") == "a%20b%2B%2A%C3%A9%2F");
  CHECK(decode_form_part("a+b%20c", false) == "a+b c");
  CHECK(decode_form_part(percent_encode("a+b %"), false) == "a+b %");
}

}  // namespace
}  // namespace posthorn::text

#include "text/json.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <random>

namespace posthorn::text {
namespace {

std::string repeated(std::string_view piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += piece;
  return out;
}

/// Why the text is refused; empty when it is not. All three readers must say the same.
std::string refusal(const std::string& text) {
  const auto checked = check_json(text);
  const auto parsed = parse_json(text);
  REQUIRE(checked.has_value() == parsed.has_value());
  if (checked) return "";
  CHECK(checked.error().code == Errc::invalid);
  CHECK(checked.error().what == parsed.error().what);
  CHECK(split_object(text).error().what == checked.error().what);
  CHECK(split_array(text).error().what == checked.error().what);
  return checked.error().what;
}

TEST_CASE("json: what is not JSON is refused with its place") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "line 1, column 1: a value is expected"},
      {" \n ", "line 2, column 2: a value is expected"},
      {"{\"ok\":true}x", "line 1, column 12: text follows the value"},
      {"{\"ok\":true}{\"ok\":true}", "line 1, column 12: text follows the value"},
      {"{\"n\":NaN}",
       "line 1, column 6: not a JSON value (true, false, null, a number, text, [ or { is "
       "expected)"},
      {"{\"ok\":true/*x*/}", "line 1, column 11: a comma or } is expected"},
      {"{\"ok\":true,}", "line 1, column 12: a name in double quotes is expected"},
      {"[1,]",
       "line 1, column 4: not a JSON value (true, false, null, a number, text, [ or { is "
       "expected)"},
      {"[1 2]", "line 1, column 4: a comma or ] is expected"},
      {"{'ok':true}", "line 1, column 2: a name in double quotes is expected"},
      {"{\"ok\" true}", "line 1, column 7: a colon is expected after the name"},
      {"{\"ok\":\n01}", "line 2, column 1: a number with a leading zero"},
      {"-01", "line 1, column 1: a number with a leading zero"},
      {"0x10", "line 1, column 2: text follows the value"},
      {"{\"n\":-}", "line 1, column 6: a digit is expected after the minus sign"},
      {"1.", "line 1, column 3: a digit is expected after the decimal point"},
      {"1e+", "line 1, column 4: a digit is expected in the exponent"},
      {"\"a\tb\"", "line 1, column 3: a control character inside text must be escaped"},
      {"\"abc", "line 1, column 1: the text is not closed with a double quote"},
      {"\"\\x41\"", "line 1, column 2: unknown escape"},
      {"\"\\", "line 1, column 2: unknown escape"},
      {"\"\\u12\"", "line 1, column 2: \\u takes 4 hexadecimal digits"},
      {"\"\\u0000\"", "line 1, column 2: U+0000 is not allowed"},
      {"{\"a\\u0000\":1}", "line 1, column 4: U+0000 is not allowed"},
      {"\"\\ud800\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\\udc00\"", "line 1, column 2: half of a surrogate pair"},
      {"\"\xC3\xA9\xFF\"", "line 1, column 3: not UTF-8"},
      {"\"\xED\xA0\x80\"", "line 1, column 2: not UTF-8"},
      {"\"\xC0\x80\"", "line 1, column 2: not UTF-8"},
      {"\xEF\xBB\xBF{}", "line 1, column 1: a byte order mark is not allowed"},
      {"1e400", "line 1, column 1: a number beyond the range of a double"},
      {"[-1e309]", "line 1, column 2: a number beyond the range of a double"},
      {repeated("9", 400), "line 1, column 1: a number beyond the range of a double"},
      {repeated("9", 1'000'000), "line 1, column 1: a number of more than 1024 bytes"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "line 1, column 14: the name occurs twice in one object"},
      {"{\"a\":1,\"\\u0061\":3}", "line 1, column 8: the name occurs twice in one object"},
      {"{\"\\n\":1,\"\\u000a\":3}", "line 1, column 9: the name occurs twice in one object"},
      {"{\"x\":[{\"a\":{\"a\":1}}],\"x\":2}",
       "line 1, column 22: the name occurs twice in one object"},
      {"[1", "line 1, column 3: the array is not closed"},
      {"{\"a\":1", "line 1, column 7: the object is not closed"},
      {"{", "line 1, column 2: the object is not closed"},
      {"[", "line 1, column 2: the array is not closed"},
      {"tru",
       "line 1, column 1: not a JSON value (true, false, null, a number, text, [ or { is "
       "expected)"},
      {std::string("\"a\0b\"", 5),
       "line 1, column 3: a control character inside text must be escaped"},
      {std::string("\"\\\0\"", 4), "line 1, column 2: unknown escape"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text.substr(0, 60));
    CHECK(refusal(text) == why);
  }
}

TEST_CASE("json: the limits hold at the limit and not one past it") {
  CHECK(refusal(repeated("[", 64) + repeated("]", 64)).empty());
  CHECK(refusal(repeated("[", 65) + repeated("]", 65)) ==
        "line 1, column 65: more than 64 levels of nesting");
  CHECK(refusal(repeated("{\"a\":", 64) + "1" + repeated("}", 64)).empty());
  CHECK(refusal(repeated("{\"a\":", 100'000)) ==
        "line 1, column 321: more than 64 levels of nesting");

  const auto with_names = [](int count) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) {
      if (i > 0) text += ",";
      text += "\"k" + std::to_string(i) + "\":1";
    }
    return text + "}";
  };
  CHECK(refusal(with_names(json_keys_max)).empty());
  CHECK(refusal(with_names(json_keys_max + 1)).ends_with("more than 10000 names in all"));
  std::string twice = with_names(json_keys_max - 1);
  twice.pop_back();
  CHECK(refusal(twice + ",\"k77\":1}").ends_with("the name occurs twice in one object"));
  // The same name in many objects is no duplicate.
  CHECK(refusal("[" + repeated("{\"a\":1},", 9'999) + "{\"a\":1}]").empty());

  CHECK(refusal("0." + repeated("1", 1022)).empty());
  CHECK(refusal("0." + repeated("1", 1023)) ==
        "line 1, column 1: a number of more than 1024 bytes");
}

TEST_CASE("json: numbers keep their value") {
  CHECK(parse_json("9223372036854775807")->as_int64() == INT64_MAX);
  CHECK(parse_json("-9223372036854775808")->as_int64() == INT64_MIN);
  CHECK(parse_json("18446744073709551615")->as_uint64() == UINT64_MAX);
  CHECK(parse_json("18446744073709551616")->as_double() == 18446744073709551616.0);
  CHECK(parse_json("1.7976931348623157e308")->as_double() == 1.7976931348623157e308);
  CHECK(parse_json("0.1")->as_double() == 0.1);
  CHECK(parse_json("5e-324")->as_double() == 5e-324);
  CHECK(parse_json("1e-400")->as_double() == 0.0);
  CHECK(parse_json("0e99999999999999999999")->as_double() == 0.0);
  CHECK(parse_json("1e-99999999999999999999")->as_double() == 0.0);
  CHECK_FALSE(parse_json("1e99999999999999999999"));
  CHECK(parse_json("0." + repeated("0", 400) + "1e401")->as_double() == 1.0);
  CHECK(parse_json(repeated("1", 300))->is_double());
}

TEST_CASE("json: escapes mean what they mean") {
  CHECK(parse_json(R"("\ud83d\ude00 \u00e9 \" \\ \/ \b\f\n\r\t")")->as_string() ==
        "\xF0\x9F\x98\x80 \xC3\xA9 \" \\ / \b\f\n\r\t");
  CHECK(parse_json(R"({"\u0061\n":1})")->as_object().contains("a\n"));
  CHECK(*read_string(R"("a\u20ac")") == "a\xE2\x82\xAC");
  CHECK(*read_string("\"\"") == "");
  CHECK(read_string("12").error().what == "text is expected, not a number");
  CHECK(read_string("").error().what == "text is expected, not nothing");
  CHECK_FALSE(read_string("\"a\" \"b\""));
  CHECK_FALSE(read_string("\""));
}

TEST_CASE("split_object: gives the members as they are written") {
  const std::string text =
      " { \"type\" : \"a.b\" ,\n\"da\\u0074a\": { \"n\" : 1.50, \"type\": [ 1 , 2 ] } , \"x\":null "
      "} ";
  const auto members = split_object(text);
  REQUIRE(members);
  REQUIRE(members->size() == 3);
  CHECK((*members)[0].key == "type");
  CHECK((*members)[0].value == "\"a.b\"");
  CHECK((*members)[1].key == "data");
  CHECK((*members)[1].value == "{ \"n\" : 1.50, \"type\": [ 1 , 2 ] }");
  CHECK((*members)[2].key == "x");
  CHECK((*members)[2].value == "null");
  CHECK(split_object("{}")->empty());
  CHECK(split_object("\n [1]").error().what ==
        "line 2, column 2: an object is expected, not an array");
  CHECK(split_object("5").error().what == "line 1, column 1: an object is expected, not a number");
  CHECK(split_object("[{\"a\":1,\"a\":1}]").error().what.ends_with("twice in one object"));
}

TEST_CASE("split_array: gives the elements as they are written") {
  const auto values = split_array(" [ {\"a\" : [1]} , 2.0 , \"]\" ] ");
  REQUIRE(values);
  CHECK(*values == std::vector<std::string_view>{"{\"a\" : [1]}", "2.0", "\"]\""});
  CHECK(split_array("[]")->empty());
  CHECK(split_array("{}").error().what == "line 1, column 1: an array is expected, not an object");
}

TEST_CASE("json: kinds are named for people") {
  CHECK(kind_of("{}") == "an object");
  CHECK(kind_of("[]") == "an array");
  CHECK(kind_of("\"\"") == "text");
  CHECK(kind_of("true") == "a boolean");
  CHECK(kind_of("false") == "a boolean");
  CHECK(kind_of("null") == "null");
  CHECK(kind_of("-1") == "a number");
  CHECK(kind_of("") == "nothing");
}

TEST_CASE("json: pointers find what they name") {
  const json::value root = *parse_json(R"({"a":[1,{"b/c":2,"d~e":3}],"":4})");
  REQUIRE(at_pointer(root, "/a/0"));
  CHECK(*at_pointer(root, "/a/0") == 1);
  CHECK(*at_pointer(root, "/a/1/" + pointer_token("b/c")) == 2);
  CHECK(*at_pointer(root, "/a/1/" + pointer_token("d~e")) == 3);
  CHECK(*at_pointer(root, "/") == 4);
  CHECK(at_pointer(root, "") == &root);
  CHECK(at_pointer(root, "/a/2") == nullptr);
  CHECK(at_pointer(root, "/a/-") == nullptr);
  CHECK(at_pointer(root, "/a/00") == nullptr);
  CHECK(at_pointer(root, "a") == nullptr);
  CHECK(at_pointer(root, "/a/99999999999999999999999") == nullptr);
}

TEST_CASE("append_json_string: what it writes reads back the same") {
  std::string all;
  for (int c = 1; c < 128; ++c) all.push_back(static_cast<char>(c));
  all += "\xE2\x82\xAC";
  std::string out = "x";
  append_json_string(out, all);
  CHECK(out.starts_with("x\"\\u0001"));
  CHECK(*read_string(std::string_view(out).substr(1)) == all);
  std::string empty;
  append_json_string(empty, "");
  CHECK(empty == "\"\"");
}

TEST_CASE("append_json: writes what people write and what reads back the same") {
  const auto written = [](std::string_view source) {
    std::string out;
    append_json(out, *parse_json(source));
    return out;
  };
  CHECK(written(R"( { "b" : [ 1 , -2 , 18446744073709551615 ] , "a" : { } , "c" : [ ] } )") ==
        R"({"b":[1,-2,18446744073709551615],"a":{},"c":[]})");
  CHECK(written("[true,false,null,\"\\n\"]") == "[true,false,null,\"\\n\"]");
  CHECK(written("[40.5,0.1,1e300,5e-324,1.7976931348623157e308]") ==
        "[40.5,0.1,1e+300,5e-324,1.7976931348623157e+308]");
}

/// Random values of every kind, names unlike one another.
json::value random_value(std::mt19937_64& random, int depth) {
  const auto text = [&random] {
    static const std::vector<std::string> pieces{
        "a",    "\"",      "\\", "\n", "/", "\t", "é", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
        "\x01", "abcdefgh"};
    std::string out;
    for (auto n = random() % 6; n > 0; --n) out += pieces[random() % pieces.size()];
    return out;
  };
  switch (random() % (depth > 4 ? 5 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3:
      return static_cast<double>(static_cast<std::int64_t>(random())) / 1024.0;
    case 4:
      return json::value(text());
    case 5: {
      json::array array;
      for (auto n = random() % 5; n > 0; --n) array.push_back(random_value(random, depth + 1));
      return array;
    }
    default: {
      json::object object;
      for (auto n = random() % 5; n > 0; --n)
        object[text() + std::to_string(n)] = random_value(random, depth + 1);
      return object;
    }
  }
}

/// Equal, but that the other parser's doubles may be a little off the nearest.
bool alike(const json::value& a, const json::value& b) {
  if (a.is_double() || b.is_double()) {
    const auto x = a.to_number<double>();
    return std::abs(x - b.to_number<double>()) <= std::abs(x) * 1e-14;
  }
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), alike);
  if (a.is_object())
    return std::ranges::equal(
        a.get_object(), b.get_object(), [](const auto& left, const auto& right) {
          return left.key() == right.key() && alike(left.value(), right.value());
        });
  return a == b;
}

TEST_CASE("json: random documents read as another parser reads them") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text = json::serialize(random_value(random, 0));
    const auto whole = parse_json(text);
    REQUIRE(whole);
    CHECK(json::serialize(*whole) == text);
    std::string again;
    append_json(again, *whole);
    CHECK(alike(*parse_json(again), *whole));
    // One changed byte: whatever we accept, the other accepts too and reads alike.
    text[random() % text.size()] = " \"\\{}[]:,0x-e.\xFF"[random() % 15];
    CAPTURE(text);
    const auto ours = parse_json(text);
    CHECK(check_json(text).has_value() == ours.has_value());
    if (!ours) {
      ++refused;
      continue;
    }
    boost::system::error_code failure;
    const json::value theirs = json::parse(text, failure);
    REQUIRE_FALSE(failure);
    CHECK(alike(*ours, theirs));
  }
  CHECK(refused > 100);
}

}  // namespace
}  // namespace posthorn::text

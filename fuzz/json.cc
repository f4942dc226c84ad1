// text/json.h against Boost.JSON's own parser, and its readers against one another.
#include "text/json.h"

#include <algorithm>
#include <array>
#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <cstdint>

#include "base/assert.h"

namespace text = posthorn::text;
namespace json = boost::json;

namespace {

/// Equal, but that the other parser's doubles (b) may be a little off the nearest, and not a number
/// at all for 0e400.
bool alike(const json::value& a, const json::value& b) {
  if (a.is_double() || b.is_double()) {
    if (!a.is_number() || !b.is_number()) return false;
    const auto x = a.to_number<double>();
    const auto y = b.to_number<double>();
    if (!std::isfinite(y)) return std::isfinite(x);
    return std::abs(x - y) <= std::max(std::abs(x) * 1e-9, 1e-300);
  }
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), alike);
  if (a.is_object())
    return std::ranges::equal(a.get_object(), b.get_object(), [](const auto& x, const auto& y) {
      return x.key() == y.key() && alike(x.value(), y.value());
    });
  return a == b;
}

/// Why we may refuse what the other parser takes.
bool is_stricter_rule(std::string_view what) {
  static constexpr std::array<std::string_view, 6> rules{
      "levels of nesting", "names in all",  "occurs twice in one object",
      "U+0000 is",         "of more than ", "beyond the range of a double"};
  return std::ranges::any_of(rules, [what](std::string_view rule) { return what.contains(rule); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto ours = text::parse_json(source);
  const auto checked = text::check_json(source);
  PH_ASSERT(ours.has_value() == checked.has_value());

  json::parse_options options;
  options.max_depth = 1000;
  boost::system::error_code failure;
  const json::value theirs = json::parse(source, failure, {}, options);
  if (!ours) {
    PH_ASSERT(ours.error().what == checked.error().what);
    PH_ASSERT(failure || is_stricter_rule(ours.error().what));
    PH_ASSERT(!text::split_object(source) && !text::split_array(source));
    return 0;
  }
  // The other parser refuses exponents past 2^31 even where the number is only very small.
  if (failure == json::error::exponent_overflow) return 0;
  PH_ASSERT(!failure);
  PH_ASSERT(alike(*ours, theirs));

  std::string written;
  text::append_json(written, *ours);
  const auto again = text::parse_json(written);
  PH_ASSERT(again && alike(*again, *ours));

  const auto members = text::split_object(source);
  PH_ASSERT(members.has_value() == ours->is_object());
  if (members) {
    std::string joined = "{";
    for (const auto& [key, value] : *members) {
      if (joined.size() > 1) joined += ',';
      text::append_json_string(joined, key);
      joined.append(":").append(value);
    }
    const auto rejoined = text::parse_json(joined + "}");
    PH_ASSERT(rejoined && alike(*rejoined, *ours));
  }
  const auto values = text::split_array(source);
  PH_ASSERT(values.has_value() == ours->is_array());
  if (values)
    for (std::size_t i = 0; i < values->size(); ++i) {
      const auto value = text::parse_json((*values)[i]);
      PH_ASSERT(value && alike(*value, ours->get_array()[i]));
    }
  const auto read = text::read_string(source);
  PH_ASSERT(!read || (ours->is_string() && *read == std::string_view(ours->get_string())));
  return 0;
}

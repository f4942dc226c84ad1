#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/schema_node.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_whole(const json::value& value) {
  return value.is_int64() || value.is_uint64() ||
         (value.is_double() && std::trunc(value.as_double()) == value.as_double());
}

bool is_of_type(const json::value& value, std::string_view type) {
  switch (value.kind()) {
    case json::kind::null:
      return type == "null";
    case json::kind::bool_:
      return type == "boolean";
    case json::kind::string:
      return type == "string";
    case json::kind::array:
      return type == "array";
    case json::kind::object:
      return type == "object";
    default:
      return type == "number" || (type == "integer" && is_whole(value));
  }
}

/// JSON Schema's equality: 1 and 1.0 are equal, also inside.
bool is_equal(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_double() || b.is_double()) return a.to_number<double>() == b.to_number<double>();
    return a == b;
  }
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.as_array(), b.as_array(), is_equal);
  if (a.is_object() && b.is_object()) {
    const json::object& other = b.as_object();
    return a.as_object().size() == other.size() &&
           std::ranges::all_of(a.as_object(), [&other](const auto& member) {
             const json::value* same = other.if_contains(member.key());
             return same != nullptr && is_equal(member.value(), *same);
           });
  }
  return a == b;
}

class Checker {
 public:
  Checker(const Schema::Table& table, Faults& faults) : table_(table), faults_(faults) {}

  void check(SchemaIndex index, const json::value& value, const std::string& pointer) {
    const Schema::Node& node = table_.nodes[index];
    if (node.never) return fault(pointer, "is not allowed here");
    if (node.reference) check(*node.reference, value, pointer);
    if (!type_fits(node, value))
      return fault(pointer,
                   fmt::format("takes {}, not {}", fmt::join(node.types, " or "), shown(value)));
    if (node.any_of_values && std::ranges::none_of(*node.any_of_values, [&](const auto& allowed) {
          return is_equal(allowed, value);
        }))
      fault(pointer, fmt::format("is none of the allowed values: {}", shown(value)));
    if (value.is_object()) object(node, value.as_object(), pointer);
    if (value.is_array()) array(node, value.as_array(), pointer);
    if (value.is_string())
      range(node.length, characters_in(value.as_string()), "characters", pointer);
    if (value.is_number()) number(node, value, pointer);
  }

 private:
  void fault(const std::string& pointer, std::string detail) {
    faults_.add(pointer, "schema", std::move(detail));
  }

  static bool type_fits(const Schema::Node& node, const json::value& value) {
    return node.types.empty() || std::ranges::any_of(node.types, [&value](const auto& type) {
             return is_of_type(value, type);
           });
  }

  void range(const Range& allowed, std::size_t count, std::string_view of_what,
             const std::string& pointer) {
    const auto given = static_cast<std::int64_t>(count);
    if (allowed.min && given < *allowed.min)
      fault(pointer, fmt::format("takes at least {} {}, not {}", *allowed.min, of_what, given));
    if (allowed.max && given > *allowed.max)
      fault(pointer, fmt::format("takes at most {} {}, not {}", *allowed.max, of_what, given));
  }

  void object(const Schema::Node& node, const json::object& value, const std::string& pointer) {
    for (const std::string& name : node.required)
      if (!value.contains(name))
        fault(pointer + "/" + text::pointer_token(name), fmt::format("{} is required", name));
    for (const auto& member : value) {
      const auto property = node.properties.find(std::string_view(member.key()));
      if (property == node.properties.end() && !node.additional) continue;
      check(property == node.properties.end() ? *node.additional : property->second, member.value(),
            pointer + "/" + text::pointer_token(member.key()));
    }
    range(node.property_count, value.size(), "members", pointer);
  }

  void array(const Schema::Node& node, const json::array& value, const std::string& pointer) {
    for (std::size_t i = 0; node.items && i < value.size(); ++i)
      check(*node.items, value[i], fmt::format("{}/{}", pointer, i));
    range(node.item_count, value.size(), "entries", pointer);
  }

  void number(const Schema::Node& node, const json::value& value, const std::string& pointer) {
    const auto given = value.to_number<double>();
    const auto refuse = [&](std::string_view rule, double limit) {
      fault(pointer, fmt::format("takes a number {} {}, not {}", rule, limit, shown(value)));
    };
    if (node.minimum && given < *node.minimum) refuse("from", *node.minimum);
    if (node.maximum && given > *node.maximum) refuse("up to", *node.maximum);
    if (node.above && given <= *node.above) refuse("above", *node.above);
    if (node.below && given >= *node.below) refuse("below", *node.below);
  }

  const Schema::Table& table_;
  Faults& faults_;
};

}  // namespace

void Schema::check(const json::value& instance, Faults& faults, const std::string& pointer) const {
  Checker(*table_, faults).check(0, instance, pointer);
}

}  // namespace posthorn::model

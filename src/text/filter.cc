#include "text/filter.h"

#include <algorithm>
#include <compare>
#include <limits>

#include "base/bytes.h"
#include "text/filter_node.h"

namespace posthorn::text {
namespace {

using Node = Filter::Node;
using Kind = Filter::Node::Kind;
using enum FilterOperator;

/// Exact for every pair: a long double holds any 64-bit integer and any double.
long double number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<long double>(value.get_int64());
  if (value.is_uint64()) return static_cast<long double>(value.get_uint64());
  return static_cast<long double>(value.get_double());
}
static_assert(std::numeric_limits<long double>::digits >= 64);

/// Equal by value: 1 and 1.0 are, and the order of an object's members does not matter.
bool same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
  if (!a.is_object()) return a == b;
  const json::object& other = b.get_object();
  return a.get_object().size() == other.size() &&
         std::ranges::all_of(a.get_object(), [&other](const auto& member) {
           const json::value* const value = other.if_contains(member.key());
           return value != nullptr && same(member.value(), *value);
         });
}

std::partial_ordering order(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return number_of(a) <=> number_of(b);
  if (a.is_string() && b.is_string())
    return std::string_view(a.get_string()) <=> std::string_view(b.get_string());
  return std::partial_ordering::unordered;
}

bool one_of(const json::value& value, const json::value& list) {
  return std::ranges::any_of(list.get_array(),
                             [&value](const json::value& item) { return same(value, item); });
}

bool has(const json::value& value, const json::value& part) {
  if (value.is_array()) return one_of(part, value);
  return value.is_string() && part.is_string() &&
         std::string_view(value.get_string()).contains(std::string_view(part.get_string()));
}

bool holds(const Node& condition, const json::object& document) {
  const json::value* const value = condition.path.find(document);
  const json::value& operand = condition.operand;
  if (value == nullptr)
    return condition.op == ne || condition.op == nin ||
           (condition.op == exists && !operand.get_bool());
  switch (condition.op) {
    case eq:
      return same(*value, operand);
    case ne:
      return !same(*value, operand);
    case gt:
      return order(*value, operand) > 0;
    case gte:
      return order(*value, operand) >= 0;
    case lt:
      return order(*value, operand) < 0;
    case lte:
      return order(*value, operand) <= 0;
    case in:
      return one_of(*value, operand);
    case nin:
      return !one_of(*value, operand);
    case exists:
      return operand.get_bool();
    case starts_with:
      return value->is_string() && value->get_string().starts_with(operand.get_string());
    case ends_with:
      return value->is_string() && value->get_string().ends_with(operand.get_string());
    case contains:
      return has(*value, operand);
  }
  return false;
}

bool satisfied(const Node& node, const json::object& document) {
  const auto part_holds = [&document](const Node& part) { return satisfied(part, document); };
  switch (node.kind) {
    case Kind::all:
      return std::ranges::all_of(node.parts, part_holds);
    case Kind::any:
      return std::ranges::any_of(node.parts, part_holds);
    case Kind::negation:
      return !satisfied(node.parts.front(), document);
    case Kind::condition:
      return holds(node, document);
  }
  return false;
}

std::string shown_list(const json::value& list) {
  std::string text;
  for (const json::value& item : list.get_array()) text += (text.empty() ? "" : ", ") + shown(item);
  return text;
}

/// What the operand is to the value: completes "data.amount is 40, …".
std::string demand(const Node& condition) {
  switch (condition.op) {
    case eq:
      return "not " + shown(condition.operand);
    case ne:
      return "which it must not be";
    case gt:
      return "not > " + shown(condition.operand);
    case gte:
      return "not >= " + shown(condition.operand);
    case lt:
      return "not < " + shown(condition.operand);
    case lte:
      return "not <= " + shown(condition.operand);
    case in:
      return "not one of " + shown_list(condition.operand);
    case nin:
      return "which is one of " + shown_list(condition.operand);
    case exists:
      return condition.operand.get_bool() ? "and must be there" : "and must be absent";
    case starts_with:
      return "which does not start with " + shown(condition.operand);
    case ends_with:
      return "which does not end with " + shown(condition.operand);
    case contains:
      return "which does not contain " + shown(condition.operand);
  }
  return "";
}

std::string reason(const Node& node, const json::object& document) {
  switch (node.kind) {
    case Kind::all:
      for (const Node& part : node.parts)
        if (!satisfied(part, document)) return reason(part, document);
      return "";
    case Kind::any: {
      std::string reasons;
      for (const Node& part : node.parts)
        reasons += (reasons.empty() ? "" : "; ") + reason(part, document);
      return "none of the alternatives holds (" + reasons + ")";
    }
    case Kind::negation:
      return "what stands in $not holds";
    case Kind::condition: {
      const json::value* const value = node.path.find(document);
      return printable(node.path.text()) + " is " + (value == nullptr ? "absent" : shown(*value)) +
             ", " + demand(node);
    }
  }
  return "";
}

}  // namespace

std::string shown(const json::value& value) {
  constexpr std::size_t shown_bytes_max = 80;
  std::string text = json_text(value);
  if (text.size() <= shown_bytes_max) return text;
  std::size_t end = shown_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

bool Filter::matches(const json::object& document) const {
  return root_ == nullptr || satisfied(*root_, document);
}

std::string Filter::why_not(const json::object& document) const {
  return matches(document) ? "" : reason(*root_, document);
}

}  // namespace posthorn::text

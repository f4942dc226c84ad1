#pragma once
// What a payload filter is once read. Not for use outside text/.

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/filter.h"
#include "text/filter_path.h"

namespace posthorn::text {

enum class FilterOperator : std::uint8_t {
  eq,
  ne,
  gt,
  gte,
  lt,
  lte,
  in,
  nin,
  exists,
  starts_with,
  ends_with,
  contains
};

struct Filter::Node {
  enum class Kind : std::uint8_t { all, any, negation, condition };

  Kind kind = Kind::all;
  std::vector<Node> parts;  ///< Of all and any; of negation exactly one.

  FilterPath path;  ///< From here on: of a condition.
  FilterOperator op = FilterOperator::eq;
  json::value operand;
};

/// A value for a sentence: JSON, cut where it gets long.
std::string shown(const json::value& value);

}  // namespace posthorn::text

#pragma once
// The compiled form of model/schema.h. Not for use outside model/.

#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/schema.h"

namespace posthorn::model {

/// Nodes refer to each other by their place in the table, so that a schema may be recursive.
using SchemaIndex = std::size_t;

struct Range {
  std::optional<std::int64_t> min{}, max{};
};

struct Schema::Node {
  bool never = false;                          ///< The schema `false`.
  std::vector<std::string> types;              ///< Empty: any.
  std::optional<json::array> any_of_values{};  ///< enum and const.
  std::vector<std::string> required;
  std::map<std::string, SchemaIndex, std::less<>> properties;
  std::optional<SchemaIndex> additional{};
  std::optional<SchemaIndex> items{};
  std::optional<SchemaIndex> reference{};
  Range property_count, item_count, length;
  std::optional<double> minimum{}, maximum{}, above{}, below{};
};

struct Schema::Table {
  std::vector<Node> nodes;  ///< The first is the root.
};

}  // namespace posthorn::model

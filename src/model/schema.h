#pragma once
// JSON Schema for event types: a documented subset of draft 2020-12, so that what is registered is
// what is checked.
//
//   type (a name or a list), enum, const,
//   required, properties, additionalProperties, minProperties, maxProperties,
//   items, minItems, maxItems,
//   minLength, maxLength (characters), minimum, maximum, exclusiveMinimum, exclusiveMaximum,
//   $ref to "#" and "#/$defs/<name>" (alone beside annotations), $defs at the root, true and false
//   as schemas.
//
// Annotations (title, description, $schema, $id, $comment, default, example(s), deprecated,
// readOnly, writeOnly, format) and names that begin with "x-" are let through and check nothing.
// Any other keyword is a fault that names it.

#include <boost/json/value.hpp>

#include <memory>
#include <string>

#include "base/error.h"
#include "model/faults.h"

namespace posthorn::model {

inline constexpr std::size_t schema_bytes_max = 64 * 1024;
inline constexpr int schema_nodes_max = 2000;

/// Immutable, cheap to copy; any thread may use it.
class Schema {
 public:
  /// Faults have code "schema" and pointers below `pointer`; with faults the result is not to be
  /// used.
  static Schema read(const json::value& source, Faults& faults, const std::string& pointer = "");
  /// The same from text. Error: invalid.
  static Result<Schema> parse(std::string_view text);

  /// Adds a fault of code "schema" for each place in `instance` that the schema refuses. Cost:
  /// linear in the instance, for each of its places one part of the schema.
  void check(const json::value& instance, Faults& faults, const std::string& pointer = "") const;

  struct Node;
  struct Table;

 private:
  explicit Schema(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

}  // namespace posthorn::model

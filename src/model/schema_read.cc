#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "model/schema_node.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

constexpr std::array<std::string_view, 7> type_names{"null",   "boolean", "integer", "number",
                                                     "string", "array",   "object"};
constexpr std::array<std::string_view, 12> annotations{
    "title",   "description", "$schema",    "$id",      "$comment",  "default",
    "example", "examples",    "deprecated", "readOnly", "writeOnly", "format"};
constexpr std::string_view definitions = "#/$defs/";

constexpr std::string_view supported_keywords =
    "type, enum, const, required, properties, additionalProperties, items, minProperties, "
    "maxProperties, minItems, maxItems, minLength, maxLength, minimum, maximum, exclusiveMinimum, "
    "exclusiveMaximum, $ref, $defs";

bool is_annotation(std::string_view name) {
  return std::ranges::find(annotations, name) != annotations.end() || name.starts_with("x-");
}

/// Compiles one schema document; see Schema::read.
class Reader {
 public:
  Reader(const json::value& root, Faults& faults, std::string pointer)
      : root_(root), faults_(faults), root_pointer_(std::move(pointer)) {}

  Schema::Table run() {
    add(root_, root_pointer_);
    read_definitions();
    resolve_references();
    return std::move(table_);
  }

 private:
  struct Reference {
    SchemaIndex from;
    std::string target;
    std::string pointer;
  };

  void fault(const std::string& pointer, std::string detail) {
    faults_.add(pointer, "schema", std::move(detail));
  }

  SchemaIndex add(const json::value& source, const std::string& pointer) {
    const SchemaIndex index = table_.nodes.size();
    if (index >= static_cast<std::size_t>(schema_nodes_max)) {
      if (!too_large_)
        fault(pointer, fmt::format("a schema has at most {} parts", schema_nodes_max));
      too_large_ = true;
      return 0;
    }
    table_.nodes.emplace_back();
    if (source.is_bool()) {
      table_.nodes[index].never = !source.as_bool();
    } else if (source.is_object()) {
      part(index, source.as_object(), pointer);
    } else {
      fault(pointer, fmt::format("a schema is an object, true or false, not {}", shown(source)));
    }
    return index;
  }

  void part(SchemaIndex index, const json::object& source, const std::string& pointer) {
    const bool refers = source.contains("$ref");
    for (const auto& member : source) {
      const std::string_view name = member.key();
      const std::string place = pointer + "/" + text::pointer_token(name);
      // Both would look at the same value, and in a recursive schema that doubles at every level.
      if (refers && name != "$ref" && name != "$defs" && !is_annotation(name))
        fault(place, "cannot stand beside $ref");
      else
        keyword(index, name, member.value(), place);
    }
  }

  // `node` is looked up anew for each use: adding a part moves the others.
  [[nodiscard]] Schema::Node& node(SchemaIndex index) { return table_.nodes[index]; }

  void keyword(SchemaIndex index, std::string_view name, const json::value& value,
               const std::string& pointer) {
    if (name == "type") return type(index, value, pointer);
    if (name == "enum" || name == "const") return values(index, name, value, pointer);
    if (name == "required") return required(index, value, pointer);
    if (name == "properties") return properties(index, value, pointer);
    if (name == "additionalProperties") {
      const SchemaIndex part = add(value, pointer);
      node(index).additional = part;
      return;
    }
    if (name == "items") {
      const SchemaIndex part = add(value, pointer);
      node(index).items = part;
      return;
    }
    if (name == "$ref") return reference(index, value, pointer);
    if (count(index, name, value, pointer) || bound(index, name, value, pointer)) return;
    if (is_annotation(name) || (name == "$defs" && index == 0)) return;
    fault(pointer, fmt::format("the keyword {} is not supported; these are: {}", shown(name),
                               supported_keywords));
  }

  void type(SchemaIndex index, const json::value& value, const std::string& pointer) {
    json::array list;
    if (value.is_array())
      list = value.as_array();
    else
      list.push_back(value);
    for (const json::value& entry : list) {
      const bool known =
          entry.is_string() &&
          std::ranges::find(type_names, std::string_view(entry.as_string())) != type_names.end();
      if (known)
        node(index).types.emplace_back(entry.as_string());
      else
        fault(pointer, fmt::format("type takes null, boolean, integer, number, string, array or "
                                   "object, not {}",
                                   shown(entry)));
    }
    if (list.empty()) fault(pointer, "type takes at least one name");
  }

  void values(SchemaIndex index, std::string_view name, const json::value& value,
              const std::string& pointer) {
    if (name == "enum" && !value.is_array())
      return fault(pointer, fmt::format("enum takes a list, not {}", shown(value)));
    json::array given = name == "enum" ? value.as_array() : json::array{};
    if (name == "const") given.push_back(value);
    if (node(index).any_of_values)
      return fault(pointer, "enum and const do not go together: const alone says it");
    node(index).any_of_values = std::move(given);
  }

  void required(SchemaIndex index, const json::value& value, const std::string& pointer) {
    if (!value.is_array())
      return fault(pointer, fmt::format("required takes a list of names, not {}", shown(value)));
    for (const json::value& entry : value.as_array()) {
      if (entry.is_string())
        node(index).required.emplace_back(entry.as_string());
      else
        fault(pointer, fmt::format("required takes names, not {}", shown(entry)));
    }
  }

  void properties(SchemaIndex index, const json::value& value, const std::string& pointer) {
    if (!value.is_object())
      return fault(pointer, fmt::format("properties takes an object, not {}", shown(value)));
    for (const auto& member : value.as_object()) {
      const SchemaIndex part =
          add(member.value(), pointer + "/" + text::pointer_token(member.key()));
      node(index).properties.emplace(member.key(), part);
    }
  }

  void reference(SchemaIndex index, const json::value& value, const std::string& pointer) {
    if (value.is_string() &&
        (value.as_string() == "#" || value.as_string().starts_with(definitions)))
      references_.push_back({index, std::string(value.as_string()), pointer});
    else
      fault(pointer, fmt::format("$ref takes \"#\" or \"#/$defs/<name>\", not {}", shown(value)));
  }

  bool count(SchemaIndex index, std::string_view name, const json::value& value,
             const std::string& pointer) {
    struct Keyword {
      std::string_view name;
      Range Schema::Node::* range;
      std::optional<std::int64_t> Range::* end;
    };
    static constexpr std::array<Keyword, 6> keywords{
        {{"minProperties", &Schema::Node::property_count, &Range::min},
         {"maxProperties", &Schema::Node::property_count, &Range::max},
         {"minItems", &Schema::Node::item_count, &Range::min},
         {"maxItems", &Schema::Node::item_count, &Range::max},
         {"minLength", &Schema::Node::length, &Range::min},
         {"maxLength", &Schema::Node::length, &Range::max}}};
    const auto keyword_found = std::ranges::find(keywords, name, &Keyword::name);
    if (keyword_found == keywords.end()) return false;
    const std::int64_t* given = value.if_int64();
    if (given == nullptr || *given < 0)
      fault(pointer, fmt::format("{} takes a whole number from 0, not {}", name, shown(value)));
    else
      (node(index).*keyword_found->range).*keyword_found->end = *given;
    return true;
  }

  bool bound(SchemaIndex index, std::string_view name, const json::value& value,
             const std::string& pointer) {
    std::optional<double> Schema::Node::* field = nullptr;
    if (name == "minimum") field = &Schema::Node::minimum;
    if (name == "maximum") field = &Schema::Node::maximum;
    if (name == "exclusiveMinimum") field = &Schema::Node::above;
    if (name == "exclusiveMaximum") field = &Schema::Node::below;
    if (field == nullptr) return false;
    if (value.is_number())
      node(index).*field = value.to_number<double>();
    else
      fault(pointer, fmt::format("{} takes a number, not {}", name, shown(value)));
    return true;
  }

  void read_definitions() {
    const json::object* root = root_.if_object();
    const json::value* found = root == nullptr ? nullptr : root->if_contains("$defs");
    if (found == nullptr) return;
    const std::string pointer = root_pointer_ + "/$defs";
    if (!found->is_object())
      return fault(pointer, fmt::format("$defs takes an object, not {}", shown(*found)));
    for (const auto& member : found->as_object()) {
      const std::string token = text::pointer_token(member.key());
      const SchemaIndex part = add(member.value(), pointer + "/" + token);
      definitions_.emplace(std::string(definitions) + token, part);
    }
  }

  void resolve_references() {
    definitions_.emplace("#", 0);
    for (const Reference& reference : references_) {
      const auto target = definitions_.find(reference.target);
      if (target == definitions_.end())
        fault(reference.pointer, fmt::format("there is no {}", shown(reference.target)));
      else
        node(reference.from).reference = target->second;
    }
    // A chain of references that comes back to its start would never reach a value.
    for (const Reference& reference : references_) {
      std::set<SchemaIndex> seen;
      std::optional<SchemaIndex> at = reference.from;
      while (at && seen.insert(*at).second) at = node(*at).reference;
      if (at) fault(reference.pointer, "$ref leads back to itself");
    }
  }

  const json::value& root_;
  Faults& faults_;
  std::string root_pointer_;
  Schema::Table table_;
  std::vector<Reference> references_;
  std::map<std::string, SchemaIndex, std::less<>> definitions_;
  bool too_large_ = false;
};

}  // namespace

Schema Schema::read(const json::value& source, Faults& faults, const std::string& pointer) {
  return Schema(std::make_shared<const Table>(Reader(source, faults, pointer).run()));
}

Result<Schema> Schema::parse(std::string_view text) {
  if (text.size() > schema_bytes_max)
    return fail(Errc::invalid, fmt::format("a schema has at most {} bytes", schema_bytes_max));
  PH_TRY(const json::value source, text::parse_json(text));
  Faults faults;
  Schema schema = read(source, faults);
  if (auto read_well = faults.result(); !read_well) return fail(std::move(read_well).error());
  return schema;
}

}  // namespace posthorn::model

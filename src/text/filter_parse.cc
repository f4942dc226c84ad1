#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "text/filter.h"
#include "text/filter_node.h"
#include "text/nearest.h"

namespace posthorn::text {
namespace {

using Node = Filter::Node;
using Kind = Filter::Node::Kind;
using enum FilterOperator;

struct OperatorName {
  std::string_view name;
  FilterOperator op;
};
constexpr std::array operators{
    OperatorName{"$eq", eq},
    OperatorName{"$ne", ne},
    OperatorName{"$gt", gt},
    OperatorName{"$gte", gte},
    OperatorName{"$lt", lt},
    OperatorName{"$lte", lte},
    OperatorName{"$in", in},
    OperatorName{"$nin", nin},
    OperatorName{"$exists", exists},
    OperatorName{"$starts_with", starts_with},
    OperatorName{"$ends_with", ends_with},
    OperatorName{"$contains", contains},
};
constexpr std::array<std::string_view, 3> joiners{"$and", "$or", "$not"};

std::string did_you_mean(std::string_view given, std::span<const std::string_view> known) {
  const auto near = nearest(given, known);
  return near ? ", did you mean \"" + std::string(*near) + "\"?" : "";
}

std::string operator_list(std::string_view given) {
  std::vector<std::string_view> names;
  std::string list;
  for (const OperatorName& known : operators) {
    names.push_back(known.name);
    list += std::string(list.empty() ? "" : " ") + std::string(known.name);
  }
  return "the operators are " + list + "; got \"" + printable(given) + "\"" +
         did_you_mean(given, names);
}

/// Empty when the operator takes the operand, else what it takes.
std::string_view operand_fault(FilterOperator op, const json::value& operand) {
  switch (op) {
    case eq:
    case ne:
      return "";
    case gt:
    case gte:
    case lt:
    case lte:
      return operand.is_number() || operand.is_string() ? "" : "takes a number or text";
    case in:
    case nin:
      return operand.is_array() && !operand.get_array().empty()
                 ? ""
                 : "takes a list of at least one value";
    case exists:
      return operand.is_bool() ? "" : "takes true or false";
    case starts_with:
    case ends_with:
      return operand.is_string() ? "" : "takes text";
    case contains:
      return operand.is_structured() ? "takes text, a number, true, false or null" : "";
  }
  return "is unknown";
}

/// Reads one filter; counts its conditions as it goes.
class FilterReader {
 public:
  /// `pointer` is the place of `source`; `depth` counts the objects around it.
  Result<Node> read(const json::value& source, const std::string& pointer, int depth) {
    const json::object* object = source.if_object();
    if (object == nullptr) return bad(pointer, "a filter is an object of paths and operators");
    if (depth == filter_depth_max) return bad(pointer, "filters nest at most 8 deep");
    Node all;
    // An empty one counts too, or a list of them would cost without bound.
    if (object->empty() && !count(1)) return too_many();
    for (const auto& [name, value] : *object) {
      const std::string place = pointer + "/" + pointer_token(name);
      if (name.starts_with('$')) {
        PH_TRY(Node part, read_joiner(name, value, place, depth));
        all.parts.push_back(std::move(part));
      } else if (auto added = add_conditions(all, name, value, place); !added) {
        return fail(std::move(added).error());
      }
    }
    return all;
  }

 private:
  static std::unexpected<Error> bad(const std::string& pointer, std::string_view what) {
    return fail(Errc::invalid, pointer + ": " + std::string(what));
  }

  Result<Node> read_joiner(std::string_view name, const json::value& value,
                           const std::string& place, int depth) {
    Node node;
    if (name == "$not") {
      node.kind = Kind::negation;
      PH_TRY(Node part, read(value, place, depth + 1));
      node.parts.push_back(std::move(part));
      return node;
    }
    if (std::ranges::find(joiners, name) == joiners.end())
      return bad(place, "here a path or $and, $or, $not is expected" + did_you_mean(name, joiners));
    node.kind = name == "$or" ? Kind::any : Kind::all;
    const json::array* list = value.if_array();
    if (list == nullptr || list->empty()) return bad(place, "takes a list of at least one filter");
    for (std::size_t i = 0; i < list->size(); ++i) {
      PH_TRY(Node part, read((*list)[i], place + "/" + std::to_string(i), depth + 1));
      node.parts.push_back(std::move(part));
    }
    return node;
  }

  Result<> add_conditions(Node& all, std::string_view name, const json::value& value,
                          const std::string& place) {
    auto path = FilterPath::parse(name);
    if (!path) return bad(place, path.error().what);
    if (value.is_array())
      return bad(place, "a list needs an operator: {\"$in\": [...]} or {\"$eq\": [...]}");
    const json::object* object = value.if_object();
    if (object == nullptr) return add(all, *path, eq, value, place);
    if (object->empty() || !object->begin()->key().starts_with('$'))
      return bad(place, "an object here holds operators; to look inside write \"" +
                            printable(name) + ".name\", to compare it whole {\"$eq\": {...}}");
    for (const auto& [operator_name, operand] : *object) {
      const auto known =
          std::ranges::find(operators, std::string_view(operator_name), &OperatorName::name);
      const std::string operator_place = place + "/" + pointer_token(operator_name);
      if (known == operators.end()) return bad(operator_place, operator_list(operator_name));
      if (auto added = add(all, *path, known->op, operand, operator_place); !added) return added;
    }
    return {};
  }

  Result<> add(Node& all, const FilterPath& path, FilterOperator op, const json::value& operand,
               const std::string& place) {
    if (const auto fault = operand_fault(op, operand); !fault.empty()) return bad(place, fault);
    const bool is_list = op == in || op == nin;
    if (!count(is_list ? operand.get_array().size() : 1)) return too_many();
    Node condition;
    condition.kind = Kind::condition;
    condition.path = path;
    condition.op = op;
    condition.operand = operand;
    all.parts.push_back(std::move(condition));
    return {};
  }

  bool count(std::size_t more) {
    conditions_ += more;
    return conditions_ <= static_cast<std::size_t>(filter_conditions_max);
  }

  static std::unexpected<Error> too_many() {
    return bad("", "a filter holds at most 100 conditions (each value of a list counts)");
  }

  std::size_t conditions_ = 0;
};

}  // namespace

Result<Filter> Filter::parse(const json::value& source) {
  PH_TRY(Node root, FilterReader().read(source, "", 0));
  Filter filter;
  filter.root_ = std::make_shared<const Node>(std::move(root));
  return filter;
}

}  // namespace posthorn::text

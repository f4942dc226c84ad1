#include <algorithm>
#include <array>
#include <iterator>

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

/// Reads one filter: counts its conditions and collects its faults as it goes. What it gives is of
/// use only when there was no fault.
class FilterReader {
 public:
  explicit FilterReader(std::vector<FilterFault>& faults) : faults_(faults) {}

  Node run(const json::value& source) {
    Node root = read(source, "", 0);
    if (conditions_ > static_cast<std::size_t>(filter_conditions_max))
      fault("", "a filter holds at most 100 conditions (each value of a list counts), not " +
                    std::to_string(conditions_));
    return root;
  }

 private:
  void fault(const std::string& pointer, std::string what) {
    faults_.push_back({pointer, std::move(what)});
  }

  /// `pointer` is the place of `source`; `depth` counts the objects around it.
  Node read(const json::value& source, const std::string& pointer, int depth) {
    Node all;
    const json::object* object = source.if_object();
    if (object == nullptr)
      fault(pointer, "a filter is an object of paths and operators, not " + shown(source));
    else if (depth == filter_depth_max)
      fault(pointer, "filters nest at most 8 deep");
    else
      read_members(all, *object, pointer, depth);
    return all;
  }

  void read_members(Node& all, const json::object& object, const std::string& pointer, int depth) {
    // An empty one counts too, or a list of them would cost without bound.
    if (object.empty()) ++conditions_;
    for (const auto& [name, value] : object) {
      const std::string place = pointer + "/" + pointer_token(name);
      if (name.starts_with('$'))
        all.parts.push_back(read_joiner(name, value, place, depth));
      else
        add_conditions(all, name, value, place);
    }
  }

  Node read_joiner(std::string_view name, const json::value& value, const std::string& place,
                   int depth) {
    Node node;
    if (name == "$not") {
      node.kind = Kind::negation;
      node.parts.push_back(read(value, place, depth + 1));
      return node;
    }
    if (std::ranges::find(joiners, name) == joiners.end()) {
      fault(place, "here a path or $and, $or, $not is expected" + did_you_mean(name, joiners));
      return node;
    }
    node.kind = name == "$or" ? Kind::any : Kind::all;
    const json::array* list = value.if_array();
    if (list == nullptr || list->empty()) {
      fault(place, "takes a list of at least one filter, not " + shown(value));
      return node;
    }
    for (std::size_t i = 0; i < list->size(); ++i)
      node.parts.push_back(read((*list)[i], place + "/" + std::to_string(i), depth + 1));
    return node;
  }

  void add_conditions(Node& all, std::string_view name, const json::value& value,
                      const std::string& place) {
    const auto path = FilterPath::parse(name);
    if (!path) return fault(place, path.error().what);
    if (value.is_array())
      return fault(place, "a list needs an operator: {\"$in\": [...]} or {\"$eq\": [...]}");
    const json::object* object = value.if_object();
    if (object == nullptr) return add(all, *path, eq, value, place);
    if (object->empty() || !object->begin()->key().starts_with('$'))
      return fault(place, "an object here holds operators; to look inside write \"" +
                              printable(name) + ".name\", to compare it whole {\"$eq\": {...}}");
    for (const auto& [operator_name, operand] : *object) {
      const auto known =
          std::ranges::find(operators, std::string_view(operator_name), &OperatorName::name);
      const std::string operator_place = place + "/" + pointer_token(operator_name);
      if (known == operators.end())
        fault(operator_place, operator_list(operator_name));
      else
        add(all, *path, known->op, operand, operator_place);
    }
  }

  void add(Node& all, const FilterPath& path, FilterOperator op, const json::value& operand,
           const std::string& place) {
    if (const auto allowed = operand_fault(op, operand); !allowed.empty())
      return fault(place, std::string(allowed) + ", not " + shown(operand));
    const bool is_list = op == in || op == nin;
    conditions_ += is_list ? operand.get_array().size() : 1;
    Node condition;
    condition.kind = Kind::condition;
    condition.path = path;
    condition.op = op;
    condition.operand = operand;
    all.parts.push_back(std::move(condition));
  }

  std::vector<FilterFault>& faults_;
  std::size_t conditions_ = 0;
};

}  // namespace

std::optional<Filter> Filter::parse(const json::value& source, std::vector<FilterFault>& faults) {
  std::vector<FilterFault> found;
  Node root = FilterReader(found).run(source);
  const bool is_valid = found.empty();
  std::ranges::move(found, std::back_inserter(faults));
  if (!is_valid) return std::nullopt;
  Filter filter;
  filter.root_ = std::make_shared<const Node>(std::move(root));
  return filter;
}

Result<Filter> Filter::parse(const json::value& source) {
  std::vector<FilterFault> faults;
  if (auto filter = parse(source, faults)) return *std::move(filter);
  const auto& first = faults.front();
  return fail(Errc::invalid,
              first.pointer.empty() ? first.what : first.pointer + ": " + first.what);
}

}  // namespace posthorn::text

#pragma once
// Payload filters of endpoints (and later of automations): a small JSON language over the event.
//
//   {"data.ticket.priority": "urgent"}                             equal
//   {"data.amount": {"$gte": 100}, "data.currency": {"$in": ["EUR", "USD"]}}   all members must
//   hold
//   {"$or": [{"data.vip": true}, {"$not": {"data.plan": "free"}}]}
//
// Operators: $eq $ne $gt $gte $lt $lte $in $nin $exists $starts_with $ends_with $contains; $and $or
// $not. Paths are dotted, `[n]` or a number indexes arrays, `\.` is a dot inside a name; roots: id,
// type, key, application, channels, data. A path that is absent equals nothing but {"$exists":
// false} and $ne/$nin.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/json.h"

namespace posthorn::text {

inline constexpr int filter_conditions_max = 100;
inline constexpr int filter_depth_max = 8;

struct FilterFault {
  std::string pointer;  ///< RFC 6901, into the filter: "/data.amount/$gt"; empty: the whole of it.
  std::string what;     ///< "takes a number or text, not true"
};

class Filter {
 public:
  /// Adds everything that is wrong to `faults`; nullopt when there was something.
  static std::optional<Filter> parse(const json::value& source, std::vector<FilterFault>& faults);
  /// The same for callers that tell one fault. Errors: invalid; `what` is the first fault behind
  /// its pointer, if it has one: "/data.amount/$gt: takes a number or text, not true".
  static Result<Filter> parse(const json::value& source);
  /// True when the document (an object with the roots above) satisfies it. Cost: linear in
  /// conditions.
  [[nodiscard]] bool matches(const json::object& document) const;
  /// In words, which condition failed first: "data.amount is 40, not >= 100". Empty when it
  /// matches.
  [[nodiscard]] std::string why_not(const json::object& document) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
};

}  // namespace posthorn::text

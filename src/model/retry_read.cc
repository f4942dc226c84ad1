#include <fmt/format.h>

#include <cmath>

#include "model/endpoint_parts.h"

namespace posthorn::model {
namespace {

RetryPolicy profile(std::string_view name, Faults& faults, const std::string& pointer) {
  auto policy = retry_profile(name);
  if (!policy)
    faults.add(pointer, "not_allowed",
               fmt::format("takes \"standard\", \"quick\" or \"patient\", not {}", shown(name)));
  return policy.value_or(RetryPolicy{});
}

std::optional<Millis> read_wait(const json::value& given) {
  if (given.is_string()) return parse_duration(given.as_string());
  if (!given.is_number()) return std::nullopt;
  const auto seconds = given.to_number<double>();
  if (seconds < 0 || seconds > 1e9) return std::nullopt;
  return Millis{std::llround(seconds * 1000)};
}

RetryPolicy steps(const json::array& list, Faults& faults, const std::string& pointer) {
  RetryPolicy policy{"custom", {}};
  if (list.size() > retry_steps_max) {
    faults.add(pointer, "too_many",
               fmt::format("takes at most {} waits, not {}", retry_steps_max, list.size()));
    return policy;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto wait = read_wait(list[i]);
    if (wait && *wait <= retry_step_max)
      policy.steps.push_back(*wait);
    else
      faults.add(fmt::format("{}/{}", pointer, i), wait ? "out_of_range" : "format",
                 fmt::format("takes a wait of 0 to 24 h, in seconds or like \"30s\" or \"5m\", "
                             "not {}",
                             shown(list[i])));
  }
  return policy;
}

RetryPolicy profile_or_steps(const json::object& given, Faults& faults,
                             const std::string& pointer) {
  Members members(given, faults, pointer);
  const auto name = members.text("profile", {.min = 1, .max = 32});
  const json::array* list = members.array("steps");
  // Answers show how many attempts the steps make; sent back, it is left alone.
  members.integer("attempts", 1, retry_steps_max + 1);
  members.refuse_unknown();
  const bool is_custom = !name || *name == "custom";
  if (is_custom && members.find("steps") == nullptr && members.find("profile") == nullptr)
    faults.add(pointer, "required", "takes \"profile\" or \"steps\"");
  else if (is_custom && members.find("steps") == nullptr && name)
    members.require("steps");
  RetryPolicy policy =
      list != nullptr ? steps(*list, faults, members.pointer("steps")) : RetryPolicy{};
  if (is_custom) return policy;
  RetryPolicy named = profile(*name, faults, members.pointer("profile"));
  if (list != nullptr && policy.steps != named.steps)
    members.add("steps", "not_allowed", "are not those of the profile: leave one of the two out");
  return named;
}

}  // namespace

RetryPolicy read_retry(const json::value& given, Faults& faults, const std::string& pointer) {
  if (given.is_null()) return {};
  if (given.is_string()) return profile(given.as_string(), faults, pointer);
  if (given.is_array()) return steps(given.as_array(), faults, pointer);
  if (given.is_object()) return profile_or_steps(given.as_object(), faults, pointer);
  faults.add(pointer, "type",
             fmt::format("takes a profile's name, a list of waits, {{\"profile\"}} or "
                         "{{\"steps\"}}, not {}",
                         shown(given)));
  return {};
}

}  // namespace posthorn::model

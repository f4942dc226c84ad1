#include "model/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/bytes.h"
#include "text/json.h"
#include "text/nearest.h"

namespace posthorn::model {
namespace {

std::string quoted_list(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += fmt::format("\"{}\"", names[i]);
  }
  return out;
}

std::string bytes_allowed(std::size_t min, std::size_t max) {
  return min == 0 ? fmt::format("at most {} bytes", max) : fmt::format("{} to {} bytes", min, max);
}

}  // namespace

bool is_plain_text(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
         });
}

bool is_plain_line(std::string_view text) {
  return is_plain_text(text) && text.find_first_of("\t\n\r") == std::string_view::npos;
}

std::string Members::pointer(std::string_view name) const {
  return pointer_ + "/" + text::pointer_token(name);
}

void Members::add(std::string_view name, std::string_view code, std::string detail) {
  faults_.add(pointer(name), code, std::move(detail));
}

const json::value* Members::find(std::string_view name) {
  if (std::ranges::find(known_, name) == known_.end()) known_.push_back(name);
  return object_.if_contains(name);
}

bool Members::is_null(std::string_view name) {
  const json::value* value = find(name);
  return value != nullptr && value->is_null();
}

void Members::require(std::string_view name) {
  if (find(name) == nullptr) add(name, "required", fmt::format("{} is required", name));
}

const json::value* Members::of_kind(std::string_view name, json::kind kind, std::string_view what) {
  const json::value* value = find(name);
  if (value == nullptr || value->kind() == kind) return value;
  add(name, "type", fmt::format("takes {}, not {}", what, shown(*value)));
  return nullptr;
}

std::optional<std::string> Members::text(std::string_view name, TextLimits limits) {
  const json::value* value = of_kind(name, json::kind::string, "text");
  if (value == nullptr) return std::nullopt;
  const std::string_view given = value->as_string();
  if (given.size() < limits.min || given.size() > limits.max) {
    add(name, given.size() < limits.min ? "too_short" : "too_long",
        fmt::format("takes {}, not {}", bytes_allowed(limits.min, limits.max), given.size()));
    return std::nullopt;
  }
  if (!is_plain_text(given)) {
    add(name, "format", fmt::format("takes text without control characters, not {}", shown(given)));
    return std::nullopt;
  }
  return std::string(given);
}

std::optional<bool> Members::boolean(std::string_view name) {
  const json::value* value = of_kind(name, json::kind::bool_, "true or false");
  if (value == nullptr) return std::nullopt;
  return value->as_bool();
}

std::optional<std::int64_t> Members::integer(std::string_view name, std::int64_t min,
                                             std::int64_t max) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string wanted = fmt::format("takes a whole number from {} to {}", min, max);
  std::optional<std::int64_t> given;
  if (value->is_int64()) given = value->as_int64();
  // A double that is whole and whose neighbours are, too.
  if (value->is_double() && std::trunc(value->as_double()) == value->as_double() &&
      std::abs(value->as_double()) < 9e15)
    given = static_cast<std::int64_t>(value->as_double());
  if (given && *given >= min && *given <= max) return given;
  add(name, given || value->is_number() ? "out_of_range" : "type",
      fmt::format("{}, not {}", wanted, shown(*value)));
  return std::nullopt;
}

std::optional<double> Members::number(std::string_view name, double min, double max) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const auto given = value->to_number<double>();
    if (given >= min && given <= max) return given;
  }
  add(name, value->is_number() ? "out_of_range" : "type",
      fmt::format("takes a number from {} to {}, not {}", min, max, shown(*value)));
  return std::nullopt;
}

std::optional<Instant> Members::time(std::string_view name) {
  const json::value* value = of_kind(name, json::kind::string, "a time");
  if (value == nullptr) return std::nullopt;
  const auto at = parse_rfc3339(value->as_string());
  if (!at)
    add(name, "format",
        fmt::format("takes a time like \"2026-11-21T06:34:31Z\", not {}", shown(*value)));
  return at;
}

const json::object* Members::object(std::string_view name) {
  const json::value* value = of_kind(name, json::kind::object, "an object");
  return value == nullptr ? nullptr : &value->as_object();
}

const json::array* Members::array(std::string_view name) {
  const json::value* value = of_kind(name, json::kind::array, "a list");
  return value == nullptr ? nullptr : &value->as_array();
}

std::optional<std::vector<std::string>> Members::texts(
    std::string_view name, ListLimits limits,
    const std::function<std::string(std::string_view)>& check) {
  const json::array* list = array(name);
  if (list == nullptr) return std::nullopt;
  const std::size_t before = faults_.count();
  if (list->size() < limits.min || list->size() > limits.max)
    add(name, list->size() < limits.min ? "too_short" : "too_many",
        fmt::format("takes {} to {} entries, not {}", limits.min, limits.max, list->size()));
  std::vector<std::string> out;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < std::min(list->size(), limits.max); ++i) {
    const std::string place = fmt::format("{}/{}", pointer(name), i);
    const json::value& entry = (*list)[i];
    if (!entry.is_string()) {
      faults_.add(place, "type", fmt::format("takes text, not {}", shown(entry)));
      continue;
    }
    const std::string_view given = entry.as_string();
    if (const std::string fault = check(given); !fault.empty())
      faults_.add(place, "format", fmt::format("{}, not {}", fault, shown(given)));
    else if (!seen.insert(given).second)
      faults_.add(place, "duplicate", fmt::format("{} is in the list already", shown(given)));
    out.emplace_back(given);
  }
  if (faults_.count() != before) return std::nullopt;
  return out;
}

std::optional<std::size_t> Members::choice(std::string_view name,
                                           std::span<const std::string_view> allowed) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const json::string* given = value->if_string()) {
    const auto at = std::ranges::find(allowed, std::string_view(*given));
    if (at != allowed.end()) return static_cast<std::size_t>(at - allowed.begin());
  }
  add(name, value->is_string() ? "not_allowed" : "type",
      fmt::format("takes {}, not {}", quoted_list(allowed), shown(*value)));
  return std::nullopt;
}

void Members::refuse_read_only(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (object_.contains(name)) {
      add(name, "read_only", fmt::format("{} is set by the server: leave it out", name));
      known_.push_back(name);
    }
}

void Members::refuse_unknown() {
  for (const auto& member : object_) {
    const std::string_view name = member.key();
    if (std::ranges::find(known_, name) != known_.end()) continue;
    std::string detail = fmt::format("there is no member {}", shown(name));
    if (const auto nearest = text::nearest(name, known_))
      detail += fmt::format("; did you mean \"{}\"?", *nearest);
    else if (!known_.empty())
      detail += fmt::format("; known: {}", fmt::join(known_, ", "));
    add(name, "unknown_member", std::move(detail));
  }
}

}  // namespace posthorn::model

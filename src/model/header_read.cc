#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "model/endpoint_parts.h"
#include "model/header_rules.h"

namespace posthorn::model {
namespace {

const Header* find_header(const std::vector<Header>& headers, std::string_view name) {
  const auto found = std::ranges::find_if(headers, [name](const Header& header) {
    return equal_ignoring_case_ascii(header.name, name);
  });
  return found == headers.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Header> read_headers(const json::object& given, Faults& faults,
                                 const std::string& pointer, const std::vector<Header>& before) {
  Members members(given, faults, pointer);
  if (given.size() > custom_headers_max)
    faults.add(pointer, "too_many",
               fmt::format("takes at most {} headers, not {}", custom_headers_max, given.size()));
  std::vector<Header> read;
  std::size_t bytes = 0;
  for (const auto& member : given) {
    const std::string_view name = member.key();
    if (const std::string fault = header_name_fault(name); !fault.empty()) {
      members.add(name, "not_allowed", fmt::format("{} {}", shown(name), fault));
      continue;
    }
    if (find_header(read, name) != nullptr) {
      members.add(name, "duplicate", "is given twice; case does not matter");
      continue;
    }
    if (!member.value().is_string()) {
      members.add(name, "type", fmt::format("takes text, not {}", shown(member.value())));
      continue;
    }
    std::string_view value = member.value().as_string();
    if (value == masked_value) {
      const Header* same = find_header(before, name);
      if (same == nullptr) {
        members.add(name, "format", "takes the value itself: there is none behind the mask");
        continue;
      }
      value = same->value;
    } else if (const std::string fault = header_value_fault(value); !fault.empty()) {
      members.add(name, "format", fault);
      continue;
    }
    bytes += name.size() + value.size() + 4;
    read.push_back({std::string(name), std::string(value)});
  }
  if (bytes > custom_header_bytes_max)
    faults.add(
        pointer, "too_long",
        fmt::format("takes at most {} bytes in all, not {}", custom_header_bytes_max, bytes));
  return read;
}

}  // namespace posthorn::model

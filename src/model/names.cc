#include "model/names.h"

#include <algorithm>

namespace posthorn::model {
namespace {

constexpr std::size_t name_bytes_max = 128;

bool is_dotted(std::string_view name, bool with_stars) {
  if (name.empty() || name.size() > name_bytes_max) return false;
  char before = '.';
  for (const char c : name) {
    const bool is_word =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (with_stars && c == '*');
    if (!is_word && (c != '.' || before == '.')) return false;
    before = c;
  }
  return before != '.';
}

}  // namespace

bool is_event_type(std::string_view name) { return is_dotted(name, false); }

bool is_event_type_pattern(std::string_view pattern) { return is_dotted(pattern, true); }

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
  });
}

}  // namespace posthorn::model

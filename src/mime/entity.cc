#include "mime/entity.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "mime/mail.h"

namespace posthorn::mime {
namespace {

/// Takes the next line without its end.
std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_field_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view Entity::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (equal_ignoring_case_ascii(known, name)) return value;
  return {};
}

Entity split_entity(std::string_view raw) {
  Entity entity;
  std::string_view rest = raw;
  std::size_t bytes = 0;
  bool first = true;
  while (!rest.empty()) {
    const char* const begin = rest.data();
    const auto line = take_line(rest);
    if (line.empty()) break;
    if (std::exchange(first, false) && line.starts_with("From ")) continue;
    const auto colon = line.find(':');
    const auto name = trim(line.substr(0, colon));
    const bool is_header = colon != line.npos && line.front() != ' ' && is_field_name(name);
    // What follows indented belongs to the value.
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) take_line(rest);
    if (!is_header) continue;
    const std::string_view field(begin, static_cast<std::size_t>(rest.data() - begin));
    bytes += field.size();
    if (entity.headers.size() < headers_max && bytes <= header_bytes_max)
      entity.headers.emplace_back(name, without_line_end(field.substr(colon + 1)));
  }
  entity.body = rest;
  return entity;
}

Parts split_parts(std::string_view body, std::string_view boundary, std::size_t count_max) {
  Parts found;
  const std::string delimiter = "--" + std::string(boundary);
  bool inside = false;
  std::size_t part_begin = 0;
  for (auto at = body.find(delimiter); at != body.npos; at = body.find(delimiter, at + 1)) {
    if (at > 0 && body[at - 1] != '\n') continue;
    auto rest = body.substr(at + delimiter.size());
    const bool last = rest.starts_with("--");
    if (last) rest.remove_prefix(2);
    const auto line_end = std::min(rest.find('\n'), rest.size());
    const auto behind = rest.substr(0, line_end);
    if (!last && behind.find_first_not_of(" \t\r") != behind.npos) continue;
    if (inside) found.parts.push_back(without_line_end(body.substr(part_begin, at - part_begin)));
    if (last) return found;
    part_begin =
        std::min(body.size(), static_cast<std::size_t>(rest.data() - body.data()) + line_end + 1);
    inside = true;
    if (found.parts.size() == count_max) {
      found.rest = body.substr(part_begin);
      return found;
    }
  }
  if (inside) found.parts.push_back(body.substr(part_begin));
  return found;
}

}  // namespace posthorn::mime

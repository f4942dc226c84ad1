#include "text/headers.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"

namespace posthorn::text {
namespace {

constexpr std::array<bool, 256> token_table = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_token_character(char c) { return token_table[static_cast<unsigned char>(c)]; }

bool is_space(char c) { return c == ' ' || c == '\t'; }

/// How long the quoted string is that `text` begins with, quotes included; 0 when it stays open.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

std::string unquoted(std::string_view quoted) {
  std::string out;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\') ++i;
    out.push_back(quoted[i]);
  }
  return out;
}

std::size_t token_length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_token_character) -
                                  text.begin());
}

/// Takes a token from the front; empty when there is none.
std::string_view take_token(std::string_view& text) {
  const std::string_view token = text.substr(0, token_length(text));
  text.remove_prefix(token.size());
  return token;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Takes a parameter's value from the front, a token or a quoted string.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view token = take_token(text);
    return token.empty() ? std::nullopt : std::optional<std::string>(token);
  }
  const std::size_t length = quoted_length(text);
  if (length == 0) return std::nullopt;
  std::string value = unquoted(text.substr(0, length));
  text.remove_prefix(length);
  return value;
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && token_length(text) == text.size(); }

bool is_field_value(std::string_view text) {
  if (text.empty()) return true;
  if (is_space(text.front()) || is_space(text.back())) return false;
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || c == '\t';
  });
}

std::optional<std::vector<std::string_view>> split_list(std::string_view value) {
  std::vector<std::string_view> elements;
  if (trim(value).empty()) return elements;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= value.size(); ++i) {
    if (i < value.size() && value[i] == '"') {
      const std::size_t length = quoted_length(value.substr(i));
      if (length == 0) return std::nullopt;
      i += length - 1;
    } else if (i == value.size() || value[i] == ',') {
      const std::string_view element = trim(value.substr(begin, i - begin));
      if (element.empty()) return std::nullopt;
      elements.push_back(element);
      begin = i + 1;
    }
  }
  return elements;
}

bool list_has(std::string_view value, std::string_view token) {
  const auto elements = split_list(value);
  return elements && std::ranges::any_of(*elements, [token](std::string_view element) {
           return equal_ignoring_case_ascii(element, token);
         });
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  if (value.empty() || value.size() > 19 || (value.size() > 1 && value.front() == '0'))
    return std::nullopt;
  std::uint64_t length = 0;
  const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
  if (read.ec != std::errc{} || read.ptr != value.data() + value.size()) return std::nullopt;
  return length;
}

std::optional<std::string_view> MediaType::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<MediaType> parse_media_type(std::string_view value) {
  std::string_view rest = trim(value);
  const std::string_view type = take_token(rest);
  if (type.empty() || !take(rest, '/')) return std::nullopt;
  const std::string_view subtype = take_token(rest);
  if (subtype.empty()) return std::nullopt;
  MediaType media;
  media.essence = to_lower_ascii(type) + "/" + to_lower_ascii(subtype);
  for (rest = trim(rest); !rest.empty(); rest = trim(rest)) {
    if (!take(rest, ';')) return std::nullopt;
    rest = trim(rest);
    std::string name = to_lower_ascii(take_token(rest));
    if (name.empty() || media.parameter(name) || !take(rest, '=')) return std::nullopt;
    auto parameter = take_value(rest);
    if (!parameter) return std::nullopt;
    media.parameters.emplace_back(std::move(name), *std::move(parameter));
  }
  return media;
}

}  // namespace posthorn::text

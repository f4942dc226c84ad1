#pragma once
// The small grammars of HTTP field names and values (RFC 9110 5), read strictly: nothing is
// repaired. Views look into the text given.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::text {

/// A field name, method or coding: one or more of RFC 9110's token characters.
bool is_token(std::string_view text);

/// A field value: visible ASCII, bytes from 0x80, and space or tab inside it; no control character,
/// no space at either end. Empty is a value.
bool is_field_value(std::string_view text);

/// The elements of a comma-separated list, trimmed; commas inside a quoted string do not separate.
/// nullopt when an element is empty (",a", "a,,b"), or a quote stays open. An empty value is an
/// empty list.
std::optional<std::vector<std::string_view>> split_list(std::string_view value);

/// True when split_list gives an element that equals the token but for its case.
bool list_has(std::string_view value, std::string_view token);

/// Content-Length: digits alone, at most 19 of them; leading zeros are refused but for "0".
std::optional<std::uint64_t> parse_content_length(std::string_view value);

/// `type/subtype; name=value; name="quoted"`.
struct MediaType {
  std::string essence;  ///< "application/json", lower case.
  /// Names in lower case, values unquoted, in their order.
  std::vector<std::pair<std::string, std::string>> parameters;

  /// The first parameter of that lower-case name.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};
/// nullopt for anything that is not one media type, or names a parameter twice.
std::optional<MediaType> parse_media_type(std::string_view value);

}  // namespace posthorn::text

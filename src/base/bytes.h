#pragma once
// Byte strings and their text forms. `std::string` holds bytes throughout; a std::string_view
// never outlives the string that it looks at.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace posthorn {

/// Bytes that several owners read and none changes: an event's payload on its way to many
/// endpoints.
using SharedBytes = std::shared_ptr<const std::string>;

[[nodiscard]] inline SharedBytes share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

/// Lower-case hex.
std::string to_hex(std::string_view bytes);
/// Upper or lower case; nullopt for an odd length or another character.
std::optional<std::string> from_hex(std::string_view text);

/// Standard alphabet with padding (RFC 4648 section 4).
std::string to_base64(std::string_view bytes);
/// Standard alphabet; padding required and no white space, stray bits refused: one text per value.
std::optional<std::string> from_base64(std::string_view text);

/// URL-safe alphabet without padding (RFC 4648 section 5).
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

/// True when the text is well-formed UTF-8 without surrogates or overlong forms.
bool is_utf8(std::string_view text);

/// ASCII only; other bytes stay.
std::string to_lower_ascii(std::string_view text);
bool equal_ignoring_case_ascii(std::string_view a, std::string_view b);

/// Without leading and trailing space and tab.
std::string_view trim(std::string_view text);

/// Control characters, DEL and invalid UTF-8 made visible (`\x1b`): safe to print to a terminal or
/// log.
std::string printable(std::string_view text);

}  // namespace posthorn

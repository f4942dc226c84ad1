#pragma once
// JSON as our own API reads it: strict, bounded, and with a pointer to what is wrong.

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace posthorn::text {

namespace json = boost::json;

inline constexpr int json_depth_max = 64;
inline constexpr int json_keys_max = 10'000;

/// Parses one value. Refused: depth over json_depth_max, more than json_keys_max object members in
/// all, duplicate keys, invalid UTF-8, lone surrogates, U+0000 in a name or text, numbers outside
/// double's range, a byte order mark, trailing text. Numbers keep 64-bit integers exact. Error:
/// invalid, "line L, column C: what is wrong".
Result<json::value> parse_json(std::string_view text);

/// Same rules without building anything: 0.3 us for 1 KiB. Error as parse_json.
/// The hot path uses it where the bytes are stored as they came.
Result<> check_json(std::string_view text);

/// RFC 6901 look-up; nullptr when nothing is there or the pointer is malformed.
const json::value* at_pointer(const json::value& root, std::string_view pointer);

/// Escapes one token of a JSON pointer ("a/b" to "a~1b").
std::string pointer_token(std::string_view key);

/// Appends `text` as a JSON string with its quotes. Input must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace posthorn::text

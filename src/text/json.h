#pragma once
// JSON as our own API reads it: strict, bounded, and with a pointer to what is wrong.

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::text {

namespace json = boost::json;

inline constexpr int json_depth_max = 64;
inline constexpr int json_keys_max = 10'000;
inline constexpr std::size_t json_bytes_max = 1U << 30;

/// Parses one value. Refused: depth over json_depth_max, more than json_keys_max object members in
/// all, duplicate keys, invalid UTF-8, lone surrogates, U+0000 in a name or text, numbers outside
/// double's range or longer than 1 KiB, a byte order mark, trailing text, more than json_bytes_max.
/// Integers of 64 bits stay exact; a number too small for a double reads as 0. Error: invalid,
/// "line L, column C: what is wrong" (columns count characters).
Result<json::value> parse_json(std::string_view text);

/// Same rules and errors in the same pass, without building anything: under 0.6 us for 1 KiB.
/// The hot path uses it where the bytes are stored as they came.
Result<> check_json(std::string_view text);

/// One member of an object: its name unescaped, its value as written (without space around it).
struct RawMember {
  std::string key;
  std::string_view value;  ///< Looks into the text that was split.
};

/// Checks the whole text as check_json does, in the same pass, and gives the members of the object
/// in their order. Invalid too: a text that is not an object.
Result<std::vector<RawMember>> split_object(std::string_view text);
/// The same for an array.
Result<std::vector<std::string_view>> split_array(std::string_view text);

/// The text that one raw JSON string (with its quotes) stands for. Invalid: anything else, "text is
/// expected, not a number".
Result<std::string> read_string(std::string_view raw);

/// In words what a raw value is, by its first byte: "an object", "an array", "text", "a number", "a
/// boolean", "null"; "nothing" when empty.
std::string_view kind_of(std::string_view raw);

/// RFC 6901 look-up; nullptr when nothing is there or the pointer is malformed.
const json::value* at_pointer(const json::value& root, std::string_view pointer);

/// Escapes one token of a JSON pointer ("a/b" to "a~1b").
std::string pointer_token(std::string_view key);

/// Appends `text` as a JSON string with its quotes. Input must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Appends a value without white space, members in their order. A double is written the short way
/// that people use (40.5, not 4.05E1) and reads back the same; it must be finite.
void append_json(std::string& out, const json::value& value);
/// The same as a text of its own.
std::string json_text(const json::value& value);

}  // namespace posthorn::text

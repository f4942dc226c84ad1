#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "text/json.h"
#include "text/json_scan.h"

namespace posthorn::text {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t plain = scan::plain_length(text.data(), text.size());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    text.remove_prefix(1);
    out.push_back('\\');
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
      case '\\':
        out.push_back(c);
        break;
      case '\b':
        out.push_back('b');
        break;
      case '\f':
        out.push_back('f');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\r':
        out.push_back('r');
        break;
      case '\t':
        out.push_back('t');
        break;
      default:
        out += "u00";
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
  }
  out.push_back('"');
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      break;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case json::kind::int64:
      fmt::format_to(std::back_inserter(out), "{}", value.get_int64());
      break;
    case json::kind::uint64:
      fmt::format_to(std::back_inserter(out), "{}", value.get_uint64());
      break;
    case json::kind::double_:
      PH_ASSERT(std::isfinite(value.get_double()));
      fmt::format_to(std::back_inserter(out), "{}", value.get_double());
      break;
    case json::kind::string:
      append_json_string(out, value.get_string());
      break;
    case json::kind::array: {
      out += '[';
      for (const char* comma = ""; const json::value& item : value.get_array()) {
        out += std::exchange(comma, ",");
        append_json(out, item);
      }
      out += ']';
      break;
    }
    case json::kind::object: {
      out += '{';
      for (const char* comma = ""; const auto& member : value.get_object()) {
        out += std::exchange(comma, ",");
        append_json_string(out, member.key());
        out += ':';
        append_json(out, member.value());
      }
      out += '}';
      break;
    }
  }
}

std::string json_text(const json::value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace posthorn::text

#include "text/json.h"

#include <simdjson.h>

#include <boost/json/value_stack.hpp>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "text/json_scan.h"

namespace posthorn::text {
namespace scan {
namespace {

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

}  // namespace

void append_unescaped(std::string& out, std::string_view inside) {
  while (!inside.empty()) {
    const std::size_t slash = inside.find('\\');
    out.append(inside.substr(0, slash));
    if (slash == std::string_view::npos) return;
    inside.remove_prefix(slash);
    PH_ASSERT(inside.size() >= 2);
    const char kind = inside[1];
    std::size_t used = 2;
    switch (kind) {
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u': {
        PH_ASSERT(inside.size() >= 6);
        auto point = static_cast<std::uint32_t>(hex4(inside.data() + 2));
        used = 6;
        if (point >= 0xD800 && point <= 0xDBFF) {
          PH_ASSERT(inside.size() >= 12);
          const auto low = static_cast<std::uint32_t>(hex4(inside.data() + 8));
          point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
          used = 12;
        }
        append_utf8(out, point);
        break;
      }
      default:
        out.push_back(kind);
    }
    inside.remove_prefix(used);
  }
}

}  // namespace scan

namespace {

/// Where the first byte stands that is not UTF-8; only reached when there is one.
std::size_t first_bad_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (at + length > text.size() || !simdjson::validate_utf8(text.data() + at, length)) break;
    at += length;
  }
  return at;
}

Error error_at(std::string_view text, std::size_t offset, std::string_view what) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return {Errc::invalid, "line " + std::to_string(line) + ", column " + std::to_string(column) +
                             ": " + std::string(what)};
}

template <class Sink>
Result<> scan_all(std::string_view text, Sink& sink) {
  if (text.size() > json_bytes_max) return fail(error_at(text, 0, "more than 1 GiB of JSON"));
  if (text.starts_with("\xEF\xBB\xBF"))
    return fail(error_at(text, 0, "a byte order mark is not allowed"));
  if (!simdjson::validate_utf8(text.data(), text.size()))
    return fail(error_at(text, first_bad_utf8(text), "not UTF-8"));
  scan::Scanner<Sink> scanner(text, sink);
  if (!scanner.run())
    return fail(error_at(text, static_cast<std::size_t>(scanner.fault().at - text.data()),
                         scanner.fault().what));
  return {};
}

/// Builds the values.
struct ValueSink : scan::NoSink {
  json::value_stack stack;

  ValueSink() { stack.reset(); }
  void null() { stack.push_null(); }
  void boolean(bool value) { stack.push_bool(value); }
  void number(std::string_view text, bool is_integer) {
    if (is_integer) {
      const char* const end = text.data() + text.size();
      std::int64_t small = 0;
      if (std::from_chars(text.data(), end, small).ec == std::errc{})
        return stack.push_int64(small);
      std::uint64_t large = 0;
      if (text.front() != '-' && std::from_chars(text.data(), end, large).ec == std::errc{})
        return stack.push_uint64(large);
    }
    stack.push_double(scan::Scanner<ValueSink>::to_double(text));
  }
  void string(std::string_view inside, bool escaped) {
    if (!escaped) return stack.push_string(inside);
    buffer.clear();
    scan::append_unescaped(buffer, inside);
    stack.push_string(buffer);
  }
  void key(int /*depth*/, std::string_view inside, bool escaped) {
    if (!escaped) return stack.push_key(inside);
    buffer.clear();
    scan::append_unescaped(buffer, inside);
    stack.push_key(buffer);
  }
  void array_ends(std::size_t count) { stack.push_array(count); }
  void object_ends(std::size_t count) { stack.push_object(count); }

  std::string buffer;
};

/// Keeps the values one level below the document as they are written.
struct SliceSink : scan::NoSink {
  std::vector<RawMember> members;        ///< Of an object; an array's have no name.
  std::vector<std::string_view> values;  ///< Of an array.
  bool of_object = false;
  const char* begun = nullptr;

  void value_begins(int depth, const char* at) {
    if (depth == 1) begun = at;
  }
  void value_ends(int depth, const char* at) {
    if (depth != 1) return;
    const std::string_view raw(begun, static_cast<std::size_t>(at - begun));
    if (of_object)
      members.back().value = raw;
    else
      values.push_back(raw);
  }
  void key(int depth, std::string_view inside, bool escaped) {
    if (depth != 1) return;
    RawMember member;
    if (escaped)
      scan::append_unescaped(member.key, inside);
    else
      member.key = inside;
    members.push_back(std::move(member));
  }
};

Result<SliceSink> slice(std::string_view text, char opener) {
  SliceSink sink;
  sink.of_object = opener == '{';
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != opener) {
    if (auto checked = check_json(text); !checked) return fail(std::move(checked).error());
    return fail(error_at(text, first,
                         std::string(sink.of_object ? "an object" : "an array") +
                             " is expected, not " + std::string(kind_of(text.substr(first)))));
  }
  if (sink.of_object) sink.members.reserve(8);
  if (auto checked = scan_all(text, sink); !checked) return fail(std::move(checked).error());
  return sink;
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  ValueSink sink;
  if (auto checked = scan_all(text, sink); !checked) return fail(std::move(checked).error());
  return sink.stack.release();
}

Result<> check_json(std::string_view text) {
  scan::NoSink sink;
  return scan_all(text, sink);
}

Result<std::vector<RawMember>> split_object(std::string_view text) {
  PH_TRY(SliceSink sink, slice(text, '{'));
  return std::move(sink.members);
}

Result<std::vector<std::string_view>> split_array(std::string_view text) {
  PH_TRY(SliceSink sink, slice(text, '['));
  return std::move(sink.values);
}

std::string_view kind_of(std::string_view raw) {
  if (raw.empty()) return "nothing";
  switch (raw.front()) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "text";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

Result<std::string> read_string(std::string_view raw) {
  if (raw.empty() || raw.front() != '"')
    return fail(Errc::invalid, "text is expected, not " + std::string(kind_of(raw)));
  if (auto checked = check_json(raw); !checked) return fail(std::move(checked).error());
  // check_json let the raw text be the string alone, but for space behind it.
  const std::string_view inside = raw.substr(1, raw.rfind('"') - 1);
  std::string text;
  scan::append_unescaped(text, inside);
  return text;
}

const json::value* at_pointer(const json::value& root, std::string_view pointer) {
  boost::system::error_code ignored;  // The null pointer already says that nothing is there.
  return root.find_pointer(pointer, ignored);
}

std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token.push_back(c);
  }
  return token;
}

}  // namespace posthorn::text

#include "text/multipart.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "text/form.h"
#include "text/headers.h"

namespace posthorn::text {
namespace {

constexpr std::size_t boundary_bytes_max = 70;

bool is_boundary(std::string_view text) {
  static constexpr std::string_view others = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= boundary_bytes_max && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  others.find(c) != others.npos;
         });
}

std::string from_latin1(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

/// `UTF-8'en'na%C3%AFve.txt` (RFC 5987); nullopt for another charset or form.
std::optional<std::string> read_extended(std::string_view value) {
  const auto first = value.find('\'');
  const auto second = first == value.npos ? value.npos : value.find('\'', first + 1);
  if (second == value.npos) return std::nullopt;
  const auto charset = to_lower_ascii(value.substr(0, first));
  const auto bytes = decode_form_part(value.substr(second + 1), false);
  if (charset == "iso-8859-1") return from_latin1(bytes);
  if (charset != "utf-8" || !is_utf8(bytes)) return std::nullopt;
  return bytes;
}

/// Browsers escape the quote and line ends alone, as %22, %0D and %0A (WHATWG HTML, 4.10.21.8).
std::string read_name(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto escape = text.substr(i, 3);
    if (escape == "%22" || escape == "%0D" || escape == "%0A") {
      out += escape == "%22" ? '"' : escape == "%0D" ? '\r' : '\n';
      i += 2;
    } else {
      out += text[i];
    }
  }
  return is_utf8(out) ? out : from_latin1(out);
}

/// Takes `name=value` or `name="value"` with what is before and behind it; false when malformed. In
/// quotes a backslash counts before a quote or a backslash alone: older browsers send Windows
/// paths.
bool take_parameter(std::string_view& rest, std::string& name, std::string& value) {
  rest = trim(rest);
  if (rest.empty() || rest.front() != ';') return false;
  rest = trim(rest.substr(1));
  const auto equals = rest.find('=');
  if (equals == rest.npos || !is_token(trim(rest.substr(0, equals)))) return false;
  name = to_lower_ascii(trim(rest.substr(0, equals)));
  rest = trim(rest.substr(equals + 1));
  value.clear();
  if (rest.empty() || rest.front() != '"') {
    const auto end = std::min(rest.find_first_of("; \t"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return true;
  }
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    value += rest[i];
  }
  return false;
}

Result<> read_disposition(std::string_view value, FormPart& part) {
  constexpr std::string_view form_data = "form-data";
  const auto type = value.substr(0, value.find(';'));
  if (!equal_ignoring_case_ascii(trim(type), form_data))
    return fail(Errc::invalid, "a part's Content-Disposition is not form-data");
  std::string_view rest = trim(value.substr(type.size()));
  bool named = false, extended = false;
  while (!rest.empty()) {
    if (rest == ";") break;
    std::string name, text;
    if (!take_parameter(rest, name, text))
      return fail(Errc::invalid, "a part's Content-Disposition is malformed");
    rest = trim(rest);
    if (name == "name") {
      if (std::exchange(named, true)) return fail(Errc::invalid, "a part has two names");
      part.name = read_name(text);
    } else if (name == "filename") {
      if (!extended) part.filename = read_name(text);
    } else if (name == "filename*") {
      if (auto decoded = read_extended(text)) {
        part.filename = *std::move(decoded);
        extended = true;
      }
    }
  }
  if (!named) return fail(Errc::invalid, "a part has no name");
  return {};
}

Result<FormPart> read_headers(std::string_view block) {
  FormPart part;
  bool disposed = false, typed = false;
  std::size_t count = 0;
  while (!block.empty()) {
    const auto end = block.find("\r\n");
    const auto line = block.substr(0, end);
    block.remove_prefix(end == block.npos ? block.size() : end + 2);
    if (++count > part_headers_max) return fail(Errc::limit, "a part has more than 20 headers");
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)))
      return fail(Errc::invalid, "a part has a malformed header");
    const auto value = trim(line.substr(colon + 1));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      return fail(Errc::invalid, "a part has a control character in a header");
    const auto name = line.substr(0, colon);
    if (equal_ignoring_case_ascii(name, "Content-Disposition")) {
      if (std::exchange(disposed, true))
        return fail(Errc::invalid, "a part has two headers Content-Disposition");
      if (auto read = read_disposition(value, part); !read) return fail(std::move(read).error());
    } else if (equal_ignoring_case_ascii(name, "Content-Type")) {
      if (std::exchange(typed, true))
        return fail(Errc::invalid, "a part has two headers Content-Type");
      part.content_type = is_utf8(value) ? std::string(value) : from_latin1(value);
    } else if (equal_ignoring_case_ascii(name, "Content-Transfer-Encoding")) {
      const auto encoding = to_lower_ascii(value);
      if (encoding != "7bit" && encoding != "8bit" && encoding != "binary")
        return fail(Errc::invalid, "a part's transfer encoding is not 7bit, 8bit or binary");
    }
  }
  if (!disposed) return fail(Errc::invalid, "a part has no Content-Disposition");
  return part;
}

/// Behind a delimiter: "--" ends the body, otherwise padding and a line end follow.
enum class Delimiter { part, last, neither };
Delimiter after_delimiter(std::string_view& rest) {
  if (rest.starts_with("--")) return Delimiter::last;
  const auto padding = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (rest.substr(padding, 2) != "\r\n") return Delimiter::neither;
  rest.remove_prefix(padding + 2);
  return Delimiter::part;
}

/// Where the next delimiter begins; npos without one. A line that only begins like it is data.
std::size_t find_delimiter(std::string_view text, std::string_view delimiter) {
  for (auto at = text.find(delimiter); at != text.npos; at = text.find(delimiter, at + 2)) {
    auto behind = text.substr(at + delimiter.size());
    if (after_delimiter(behind) != Delimiter::neither) return at;
  }
  return text.npos;
}

}  // namespace

Result<std::vector<FormPart>> read_multipart(std::string_view content_type, std::string_view body) {
  const auto type = parse_media_type(content_type);
  if (!type || type->essence != "multipart/form-data")
    return fail(Errc::invalid, "Content-Type is not multipart/form-data");
  const auto boundary = type->parameter("boundary");
  if (!boundary || !is_boundary(*boundary))
    return fail(Errc::invalid, "Content-Type has no boundary of 1 to 70 allowed characters");
  const std::string delimiter = "\r\n--" + std::string(*boundary);

  std::string_view rest = body;
  if (rest.starts_with(std::string_view(delimiter).substr(2))) {
    rest.remove_prefix(delimiter.size() - 2);
  } else {
    const auto first = find_delimiter(rest, delimiter);
    if (first == rest.npos) return fail(Errc::invalid, "the first boundary is missing");
    rest.remove_prefix(first + delimiter.size());
  }

  std::vector<FormPart> parts;
  while (true) {
    const auto kind = after_delimiter(rest);
    if (kind == Delimiter::last) return parts;
    if (kind == Delimiter::neither)
      return fail(Errc::invalid, "the first boundary is not followed by a line end");
    if (parts.size() == multipart_parts_max)
      return fail(Errc::limit, "there are more than 1000 parts");
    const auto window = rest.substr(0, part_header_bytes_max + 4);
    const auto end = window.starts_with("\r\n") ? 0 : window.find("\r\n\r\n");
    if (end == window.npos)
      return rest.size() > window.size()
                 ? fail(Errc::limit, "a part's headers are longer than 16 KiB")
                 : fail(Errc::invalid, "the body ends inside a part's headers");
    auto part = read_headers(window.substr(0, end));
    if (!part) return fail(std::move(part).error());
    // The line end of the blank line may be the one that begins the next delimiter: an empty part.
    rest.remove_prefix(end + 2);
    const auto next = find_delimiter(rest, delimiter);
    if (next == rest.npos) return fail(Errc::invalid, "the final boundary is missing");
    if (next > 0) part->bytes = rest.substr(2, next - 2);
    parts.push_back(*std::move(part));
    rest.remove_prefix(next + delimiter.size());
  }
}

}  // namespace posthorn::text

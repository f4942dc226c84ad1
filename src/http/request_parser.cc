#include "http/request_parser.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/bytes.h"
#include "text/address_text.h"
#include "text/headers.h"

namespace posthorn::http {

namespace {

/// RFC 9110 5.6.2.
constexpr bool is_token_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}
constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c)
    table[c] = c != 0 && is_token_byte(static_cast<unsigned char>(c));
  return table;
}();
/// Control characters that stand nowhere in a head. CR and LF are looked at one by one, TAB is
/// white space in values.
constexpr auto special_table = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 32; ++c) table[c] = c != '\t';
  table[127] = true;
  return table;
}();

/// How many of the first bytes of `text` are none of special_table. 16 at a time, because a byte at
/// a time was a tenth of what a request costs outside the kernel.
std::size_t plain_length(std::string_view text) {
  std::size_t done = 0;
#ifdef __SSE2__
  for (; text.size() - done >= 16; done += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + done));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    const auto hits = static_cast<std::uint32_t>(
        _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
    if (hits != 0) return done + static_cast<std::size_t>(std::countr_zero(hits));
  }
#endif
  while (done < text.size() && !special_table[static_cast<unsigned char>(text[done])]) ++done;
  return done;
}

/// What a target may not hold unescaped.
constexpr auto bad_in_target_table = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 256; ++c)
    table[c] =
        c <= 0x20 || c >= 0x7F ||
        std::string_view("#\"<>\\^`{|}").find(static_cast<char>(c)) != std::string_view::npos;
  return table;
}();

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return token_table[static_cast<unsigned char>(c)];
  });
}

constexpr std::array<std::string_view, 7> methods{"GET",   "POST",   "HEAD",   "PUT",
                                                  "PATCH", "DELETE", "OPTIONS"};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// A name, an IPv4 address or an IPv6 address in brackets, with or without a port.
bool is_host(std::string_view text) {
  if (text.size() > host_bytes_max) return false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || !text::parse_ipv6(text.substr(1, end - 1))) return false;
    const auto rest = text.substr(end + 1);
    return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1)));
  }
  const auto name = text.substr(0, text.find(':'));
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  return plain && !name.empty() &&
         (name.size() == text.size() || is_port(text.substr(name.size() + 1)));
}

/// Takes the next element of a comma-separated list of tokens from the front.
std::string_view take_element(std::string_view& list) {
  const auto comma = list.find(',');
  const auto element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
}

/// "close" wins wherever it stands; HTTP/1.0 must ask to be kept.
void read_connection(std::string_view list, RequestHead& out, bool& close) {
  while (!list.empty()) {
    const auto element = take_element(list);
    if (equal_ignoring_case_ascii(element, "close")) close = true;
    if (equal_ignoring_case_ascii(element, "keep-alive")) out.keep_alive = true;
  }
}

/// Splits a target into path and query. False: it is not one that we serve.
bool read_target(std::string_view target, RequestHead& out, Refusal& refusal) {
  const auto bad = [&refusal](int status, std::string_view detail) {
    refusal = {status, detail};
    return false;
  };
  for (const char c : target)
    if (bad_in_target_table[static_cast<unsigned char>(c)])
      return bad(400, "The request target holds a character that must be percent-encoded.");
  if (!target.starts_with('/')) {
    const auto scheme = target.substr(0, target.find("://"));
    if (scheme.size() == target.size() ||
        (!equal_ignoring_case_ascii(scheme, "http") && !equal_ignoring_case_ascii(scheme, "https")))
      return bad(400, "The request target must begin with a slash.");
    const auto rest = target.substr(scheme.size() + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (!is_host(authority)) return bad(400, "The authority in the request target is not a host.");
    if (!equal_ignoring_case_ascii(authority, out.host))
      return bad(421, "The request is for another server than its Host header says.");
    out.target_authority = authority;
    target = rest.substr(authority.size());
    if (target.empty()) target = "/";
    if (!target.starts_with('/')) return bad(400, "The request target has no path.");
  }
  out.target = target;
  const auto question = target.find('?');
  out.path = target.substr(0, question);
  out.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  if (!is_clean_path(out.path))
    return bad(400, "The path has a bad escape, a dot segment or bytes that are not text.");
  for (std::size_t i = 0; i < out.query.size(); ++i)
    if (out.query[i] == '%' && (i + 2 >= out.query.size() || hex_value(out.query[i + 1]) < 0 ||
                                hex_value(out.query[i + 2]) < 0))
      return bad(400, "The query has a bad escape.");
  return true;
}

bool read_request_line(std::string_view line, RequestHead& out, std::string_view& target,
                       Refusal& refusal) {
  const auto bad = [&refusal](int status, std::string_view detail) {
    refusal = {status, detail};
    return false;
  };
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad(400, "The request line must be: METHOD TARGET HTTP/1.1.");
  const auto method = line.substr(0, first);
  target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > method_bytes_max)
    return bad(400, "The method is not a token.");
  if (target.empty() || target.find(' ') != std::string_view::npos)
    return bad(400, "The request line must have single spaces.");
  if (target.size() > target_bytes_max) return bad(414, "The request target is longer than 8 KiB.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return bad(400, "The version must be HTTP/1.1 or HTTP/1.0.");
  out.minor_version = version.back() - '0';
  out.method = method;
  if (std::ranges::find(methods, method) == methods.end()) {
    const bool upper = std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
    return upper ? bad(405, "The method is not served.")
                 : bad(400, "Methods are upper-case letters.");
  }
  return true;
}

bool read_header_line(std::string_view line, RequestHead& out, Refusal& refusal) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    refusal = {400, "A header line must be: Name: value, without space before the colon."};
    return false;
  }
  out.headers.push_back({line.substr(0, colon), trim(line.substr(colon + 1))});
  return true;
}

/// What the framing headers say, each at most once and in one spelling.
bool read_framing(RequestHead& out, Refusal& refusal) {
  const auto bad = [&refusal](int status, std::string_view detail) {
    refusal = {status, detail};
    return false;
  };
  int hosts = 0, lengths = 0, codings = 0;
  bool close = false;
  out.keep_alive = out.minor_version == 1;
  for (const auto& [name, value] : out.headers) {
    // The lengths sort out nearly every header before a comparison.
    switch (name.size()) {
      case 4:
        if (equal_ignoring_case_ascii(name, "host")) {
          ++hosts;
          if (!is_host(value)) return bad(400, "The Host header is not a host.");
          out.host = value;
        }
        break;
      case 6:
        if (equal_ignoring_case_ascii(name, "expect")) {
          if (!equal_ignoring_case_ascii(value, "100-continue"))
            return bad(417, "Expect takes 100-continue alone.");
          out.expects_continue = out.minor_version == 1;
        }
        break;
      case 10:
        if (equal_ignoring_case_ascii(name, "connection")) {
          read_connection(value, out, close);
        }
        break;
      case 14:
        if (equal_ignoring_case_ascii(name, "content-length")) {
          ++lengths;
          const auto length = text::parse_content_length(value);
          if (!length) return bad(400, "Content-Length takes one whole number.");
          out.content_length = length;
        }
        break;
      case 17:
        if (equal_ignoring_case_ascii(name, "transfer-encoding")) {
          ++codings;
          if (!equal_ignoring_case_ascii(value, "chunked"))
            return bad(400, "Transfer-Encoding takes chunked alone.");
          out.chunked = true;
        }
        break;
      default:
        break;
    }
  }
  if (close) out.keep_alive = false;
  if (hosts > 1 || (hosts == 0 && out.minor_version == 1))
    return bad(400, "There must be exactly one Host header.");
  if (lengths > 1) return bad(400, "Content-Length must be there once at most.");
  if (codings > 1) return bad(400, "Transfer-Encoding must be there once at most.");
  if (codings == 1 && lengths == 1)
    return bad(400, "Content-Length and Transfer-Encoding exclude each other.");
  if (codings == 1 && out.minor_version == 0) return bad(400, "HTTP/1.0 has no Transfer-Encoding.");
  return true;
}

/// False for a bad escape, and for an escaped control character or backslash.
bool decode_path(std::string_view path, std::string& decoded) {
  decoded.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    if (i + 2 >= path.size()) return false;
    const int high = hex_value(path[i + 1]), low = hex_value(path[i + 2]);
    if (high < 0 || low < 0) return false;
    const int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7F || byte == '\\') return false;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

}  // namespace

std::optional<std::string_view> RequestHead::header(std::string_view name) const {
  for (const auto& header : headers)
    if (equal_ignoring_case_ascii(header.name, name)) return header.value;
  return {};
}

int RequestHead::header_count(std::string_view name) const {
  return static_cast<int>(std::ranges::count_if(headers, [name](const HeaderView& header) {
    return equal_ignoring_case_ascii(header.name, name);
  }));
}

Progress HeadScanner::refuse(int status, std::string_view detail) {
  refusal_ = {status, detail};
  return Progress::refused;
}

Progress HeadScanner::scan(std::string_view buffer) {
  for (;;) {
    position_ += plain_length(buffer.substr(position_));
    if (position_ == buffer.size()) break;
    const char byte = buffer[position_];
    if (byte != '\r')
      return refuse(
          400, byte == '\n' ? "Lines must end with CRLF." : "The head holds a control character.");
    if (position_ + 1 == buffer.size()) break;
    if (buffer[position_ + 1] != '\n') return refuse(400, "A CR must be followed by LF.");
    const bool empty = position_ == line_begin_;
    const auto length = position_ - line_begin_;
    position_ += 2;
    line_begin_ = position_;
    if (empty && lines_ == 0) {
      // RFC 9112 2.2: one empty line before a request is skipped.
      if (begin_ != 0) return refuse(400, "More than one empty line before the request.");
      begin_ = 2;
      continue;
    }
    if (empty) return Progress::complete;
    if (lines_ == 0 && length > method_bytes_max + target_bytes_max + 10)
      return refuse(414, "The request target is longer than 8 KiB.");
    if (++lines_ > header_count_max + 1) return refuse(431, "More than 100 headers.");
    if (position_ > head_bytes_max) break;
  }
  if (lines_ == 0 && position_ - line_begin_ > method_bytes_max + target_bytes_max + 10)
    return refuse(
        buffer.substr(begin_, method_bytes_max + 1).find(' ') == std::string_view::npos ? 400 : 414,
        "The request line is longer than 8 KiB.");
  if (position_ > head_bytes_max) return refuse(431, "The head is longer than 32 KiB.");
  return Progress::incomplete;
}

bool parse_head(std::string_view head, RequestHead& out, Refusal& refusal) {
  out.headers.clear();
  out.content_length.reset();
  out.expects_continue = out.chunked = false;
  out.host = out.query = out.target_authority = {};
  std::string_view target;
  auto end = head.find("\r\n");
  if (!read_request_line(head.substr(0, end), out, target, refusal)) return false;
  for (auto begin = end + 2; begin < head.size(); begin = end + 2) {
    end = head.find("\r\n", begin);
    if (end == std::string_view::npos || end == begin) break;
    if (!read_header_line(head.substr(begin, end - begin), out, refusal)) return false;
  }
  return read_framing(out, refusal) && read_target(target, out, refusal);
}

bool is_clean_path(std::string_view path) {
  std::string decoded;
  if (path.find('%') != std::string_view::npos) {
    if (!decode_path(path, decoded) || !is_utf8(decoded)) return false;
    path = decoded;
  }
  for (auto at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    const auto rest = path.substr(at + 2);
    if (rest.empty() || rest[0] == '/' || rest == "." || rest.starts_with("./")) return false;
  }
  return true;
}

Progress ChunkedDecoder::refuse(int status, std::string_view detail) {
  refusal_ = {status, detail};
  return Progress::refused;
}

Progress ChunkedDecoder::decode(std::string_view input, std::string& body, std::size_t& consumed) {
  consumed = 0;
  for (;;) {
    const auto rest = input.substr(consumed);
    if (state_ == State::data) {
      const auto take = std::min(left_, rest.size());
      body.append(rest.substr(0, take));
      consumed += take;
      left_ -= take;
      if (left_ > 0) return Progress::incomplete;
      state_ = State::data_end;
      continue;
    }
    if (state_ == State::data_end) {
      if (!rest.empty() && rest[0] != '\r')
        return refuse(400, "A chunk has more data than its size.");
      if (rest.size() < 2) return Progress::incomplete;
      if (rest[1] != '\n') return refuse(400, "A chunk must end with CRLF.");
      consumed += 2;
      state_ = State::size;
      continue;
    }
    // A line: of a chunk's size, or of the trailer.
    const auto end = rest.find_first_of("\r\n");
    const auto length = end == std::string_view::npos ? rest.size() : end;
    if (state_ == State::size && length > chunk_line_bytes_max)
      return refuse(400, "A chunk's size line is longer than 1 KiB.");
    if (state_ == State::trailer && trailer_bytes_ + length > trailer_bytes_max)
      return refuse(431, "The trailer is longer than 4 KiB.");
    if (end == std::string_view::npos) return Progress::incomplete;
    if (rest[end] == '\n') return refuse(400, "Lines must end with CRLF.");
    if (end + 1 == rest.size()) return Progress::incomplete;
    if (rest[end + 1] != '\n') return refuse(400, "A CR must be followed by LF.");
    const auto line = rest.substr(0, end);
    for (const char c : line)
      if (special_table[static_cast<unsigned char>(c)])
        return refuse(400, "A chunk's line holds a control character.");
    consumed += end + 2;
    if (state_ == State::trailer) {
      if (line.empty()) return Progress::complete;
      trailer_bytes_ += line.size();
      const auto colon = line.find(':');
      if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return refuse(400, "A trailer line must be: Name: value.");
      continue;
    }
    const auto digits = line.substr(0, line.find(';'));
    extension_bytes_ += line.size() - digits.size();
    if (extension_bytes_ > chunk_extension_bytes_max)
      return refuse(400, "The chunk extensions are longer than 16 KiB.");
    std::uint64_t size = 0;
    const auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
    if (digits.empty() || digits.size() > 8 || error != std::errc() ||
        last != digits.data() + digits.size())
      return refuse(400, "A chunk's size must be 1 to 8 hex digits.");
    if (size > body_bytes_max_ || body.size() + size > body_bytes_max_)
      return refuse(413, "The body is larger than is taken here.");
    left_ = size;
    state_ = size == 0 ? State::trailer : State::data;
  }
}

}  // namespace posthorn::http

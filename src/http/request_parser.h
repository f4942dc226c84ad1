#pragma once
// Reads HTTP/1.x requests strictly: what is not exactly right is refused, never repaired, so that
// no proxy in front can see another request than we do. No sockets, no copies. See
// docs/adr/0003-own-request-parser.md.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/limits.h"
#include "http/message.h"

namespace posthorn::http {

/// What reading has come to. `refused` carries the status to answer with and a sentence.
enum class Progress : std::uint8_t { incomplete, complete, refused };

struct Refusal {
  int status = 400;
  std::string_view detail;  ///< A literal.
};

/// Finds and checks the end of a head while it arrives. Feed it the same growing buffer; bytes that
/// were looked at are not looked at again. A bad byte is refused as soon as it is seen.
class HeadScanner {
 public:
  /// `buffer` begins at the first byte of the request (a leading CRLF included).
  Progress scan(std::string_view buffer);
  /// Bytes of the head with its empty line, once complete.
  [[nodiscard]] std::size_t head_bytes() const { return position_; }
  /// Where the request line begins: behind the one CRLF that may lead.
  [[nodiscard]] std::size_t begin() const { return begin_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  void reset() { *this = HeadScanner(); }

 private:
  Progress refuse(int status, std::string_view detail);

  std::size_t position_ = 0, line_begin_ = 0, begin_ = 0, lines_ = 0;
  Refusal refusal_;
};

/// Parses a head that HeadScanner found complete: `head` without the leading CRLF. Views in `out`
/// look into it. True, or `refusal` is filled. An absolute target is accepted when its authority is
/// `out.host`; whether that is this server is the caller's to say (421).
bool parse_head(std::string_view head, RequestHead& out, Refusal& refusal);

/// True when the percent-encoded path decodes once to valid UTF-8 without NUL, control characters,
/// backslashes and dot segments.
bool is_clean_path(std::string_view path);

/// Decodes a chunked body as it arrives.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::size_t body_bytes_most) : body_bytes_max_(body_bytes_most) {}
  /// Takes bytes from the front of `input`, appends body bytes to `body`; `consumed` says how many
  /// were taken.
  Progress decode(std::string_view input, std::string& body, std::size_t& consumed);
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer };
  Progress refuse(int status, std::string_view detail);

  State state_ = State::size;
  std::size_t body_bytes_max_;
  std::size_t left_ = 0, trailer_bytes_ = 0, extension_bytes_ = 0;
  Refusal refusal_;
};

}  // namespace posthorn::http

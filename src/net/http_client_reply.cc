#include "net/http_client_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "text/headers.h"

namespace posthorn::net {

namespace {

constexpr std::size_t chunk_line_max = 256;
constexpr std::size_t framing_max = 64 * 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::uint64_t> read_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// The length of the head with its empty line, 0 when it is not whole yet. A bare LF ends a line
/// too: receivers are many, and nothing depends on our reading them strictly.
std::size_t head_length(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find('\n', from); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    if (at + 2 < text.size() && text[at + 1] == '\r' && text[at + 2] == '\n') return at + 3;
  }
  return 0;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool lists(std::string_view value, std::string_view word) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    if (equal_ignoring_case_ascii(trim(value.substr(0, comma)), word)) return true;
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool ReplyReader::take(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  switch (state_) {
    case State::head:
      return take_head(bytes);
    case State::body:
      return take_body(bytes);
    case State::done:
      break;
  }
  return false;
}

bool ReplyReader::take_head(std::string_view bytes) {
  std::size_t searched = head_.size() < 2 ? 0 : head_.size() - 2;
  head_.append(bytes);
  constexpr std::string_view protocol = "HTTP/1.";
  for (;;) {
    const std::size_t compared = std::min(head_.size(), protocol.size());
    if (std::string_view(head_).substr(0, compared) != protocol.substr(0, compared))
      return protocol_error(fmt::format("the reply is not HTTP/1.x: it begins with \"{}\"",
                                        printable(std::string_view(head_).substr(0, 40))));
    const std::size_t length = head_length(head_, searched);
    if (length == 0 && head_.size() <= head_max) return true;
    if (length == 0 || length > head_max)
      return protocol_error(fmt::format("the reply's head is longer than {} bytes", head_max));
    if (!read_head(std::string_view(head_).substr(0, length))) return false;
    std::string rest = head_.substr(length);
    head_.clear();
    if (state_ == State::body) return take_body(rest);
    head_ = std::move(rest);
    searched = 0;
  }
}

/// False when the exchange is over. Goes to State::body unless the head was an interim reply's.
bool ReplyReader::read_head(std::string_view head) {
  if (!read_status_line(take_line(head))) return false;
  // 101 is an answer for good: nothing was asked that it could agree to.
  if (exchange_.status < 200 && exchange_.status != 101) {
    exchange_.status = 0;
    if (++interim_ > interim_max)
      return protocol_error(fmt::format("more than {} interim replies (1xx)", interim_max));
    return true;
  }
  exchange_.result = env::ExchangeResult::ok;
  state_ = State::body;
  read_headers(head);
  choose_framing();
  return true;
}

bool ReplyReader::read_status_line(std::string_view line) {
  // "HTTP/1.1 200 OK"; the reason may be missing, also with its space.
  const bool good = line.size() >= 12 && (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
                    line[9] >= '1' && line[9] <= '9' && is_digit(line[10]) && is_digit(line[11]) &&
                    (line.size() == 12 || line[12] == ' ');
  if (!good)
    return protocol_error(
        fmt::format("the status line is malformed: \"{}\"", printable(line.substr(0, 80))));
  exchange_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  reusable_ = line[7] == '1';
  return true;
}

void ReplyReader::read_headers(std::string_view block) {
  while (!block.empty()) {
    const std::string_view line = take_line(block);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    // A folded, nameless or superfluous line is left out; where it would matter is framing, which
    // is then not trusted for another reply.
    if (colon == std::string_view::npos || !text::is_token(name) ||
        exchange_.headers.size() == headers_kept) {
      reusable_ = false;
      continue;
    }
    exchange_.headers.push_back({std::string(name), std::string(trim(line.substr(colon + 1)))});
  }
}

void ReplyReader::choose_framing() {
  bool has_coding = false, is_chunked = false, has_length = false, is_length_good = true;
  for (const auto& [name, value] : exchange_.headers) {
    // The three that matter differ in length from nearly everything else.
    if (name.size() == 10 && equal_ignoring_case_ascii(name, "connection")) {
      if (lists(value, "close")) reusable_ = false;
    } else if (name.size() == 14 && equal_ignoring_case_ascii(name, "content-length")) {
      const auto number = read_number(value, 10);
      if (!number || (has_length && *number != left_)) is_length_good = false;
      has_length = true;
      left_ = number.value_or(0);
    } else if (name.size() == 17 && equal_ignoring_case_ascii(name, "transfer-encoding")) {
      is_chunked = !has_coding && equal_ignoring_case_ascii(value, "chunked");
      has_coding = true;
    }
  }
  if (is_head_ || exchange_.status == 204 || exchange_.status == 304) {
    framing_ = Framing::none;
    // Whoever announces a body with a 204 may well send one.
    if (exchange_.status == 204 && (has_coding || left_ > 0)) reusable_ = false;
  } else if (has_coding) {
    framing_ = is_chunked ? Framing::chunked : Framing::until_close;
    if (has_length) reusable_ = false;
  } else if (has_length && is_length_good) {
    framing_ = Framing::length;
  } else {
    framing_ = Framing::until_close;
  }
  if (framing_ == Framing::until_close || exchange_.status == 101) reusable_ = false;
}

bool ReplyReader::take_body(std::string_view bytes) {
  switch (framing_) {
    case Framing::none:
      if (!bytes.empty()) reusable_ = false;
      return finish(true);
    case Framing::length: {
      const auto part = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), left_));
      keep(part);
      left_ -= part.size();
      if (bytes.size() > part.size()) reusable_ = false;
      if (left_ == 0) return finish(true);
      // A body that is too long to be read to its end is not worth more than what is kept.
      const bool hopeless = body_read_ + left_ > read_max_;
      return hopeless && body_read_ >= kept_max_ ? finish(false) : true;
    }
    case Framing::chunked:
      return take_chunked(bytes);
    case Framing::until_close:
      keep(bytes);
      return body_read_ > kept_max_ ? finish(false) : true;
  }
  return false;
}

bool ReplyReader::take_chunked(std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunk_ == Chunk::data) {
      const auto part = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), left_));
      keep(part);
      bytes.remove_prefix(part.size());
      left_ -= part.size();
      if (body_read_ > read_max_) return finish(false);
      if (left_ == 0) chunk_ = Chunk::data_end;
      continue;
    }
    const std::size_t end = bytes.find('\n');
    const std::size_t used = end == std::string_view::npos ? bytes.size() : end + 1;
    head_.append(bytes.substr(0, used));
    bytes.remove_prefix(used);
    framing_read_ += used;
    if (head_.size() > chunk_line_max || framing_read_ > std::max(framing_max, read_max_))
      return finish(false);
    if (end == std::string_view::npos) return true;
    std::string_view rest = head_;
    const bool more = take_chunk_line(take_line(rest));
    head_.clear();
    if (!more) {
      if (!bytes.empty()) reusable_ = false;
      return false;
    }
  }
  return true;
}

/// A line between the chunks' data; false when the body is over.
bool ReplyReader::take_chunk_line(std::string_view line) {
  switch (chunk_) {
    case Chunk::size: {
      const auto size = read_number(trim(line.substr(0, line.find(';'))), 16);
      if (!size) return finish(false);
      left_ = *size;
      chunk_ = left_ == 0 ? Chunk::trailer : Chunk::data;
      return true;
    }
    case Chunk::data_end:
      if (!line.empty()) return finish(false);
      chunk_ = Chunk::size;
      return true;
    case Chunk::trailer:
      return line.empty() ? finish(true) : true;
    case Chunk::data:
      break;
  }
  return finish(false);
}

void ReplyReader::keep(std::string_view bytes) {
  body_read_ += bytes.size();
  const std::size_t room = kept_max_ - exchange_.body.size();
  exchange_.body.append(bytes.substr(0, room));
  if (bytes.size() > room) exchange_.body_truncated = true;
}

bool ReplyReader::finish(bool whole) {
  state_ = State::done;
  if (!whole) {
    exchange_.body_truncated = true;
    reusable_ = false;
  }
  return false;
}

bool ReplyReader::protocol_error(std::string detail) {
  state_ = State::done;
  reusable_ = false;
  exchange_.result = env::ExchangeResult::protocol_error;
  exchange_.status = 0;
  exchange_.detail = std::move(detail);
  return false;
}

void ReplyReader::end(bool closed) {
  if (state_ == State::body) {
    finish(closed && framing_ == Framing::until_close);
    return;
  }
  if (state_ == State::done) return;
  // The head is cut. Its first line may still be the verdict.
  std::string_view rest = head_;
  if (rest.find('\n') == std::string_view::npos || !read_status_line(take_line(rest))) return;
  if (exchange_.status < 200) {
    exchange_.status = 0;
    return;
  }
  exchange_.result = env::ExchangeResult::ok;
  const std::size_t last_line = rest.rfind('\n');
  read_headers(rest.substr(0, last_line == std::string_view::npos ? 0 : last_line + 1));
  finish(false);
}

}  // namespace posthorn::net

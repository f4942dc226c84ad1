#pragma once
// Reads an HTTP/1.x reply from bytes, whatever they are. No I/O.

#include <algorithm>
#include <string>
#include <string_view>

#include "env/http_sender.h"

namespace posthorn::net {

/// Fills an Exchange from the bytes of one reply. The verdict is the status line: what is wrong
/// after it (a bad header line, a broken body) only makes the connection unfit for another request.
/// Never reads more than head_max of head, body_read_max (or what is kept) of body and some
/// framing.
class ReplyReader {
 public:
  static constexpr std::size_t head_max = 32 * 1024;
  static constexpr int interim_max = 10;  ///< Replies 1xx before the real one.
  static constexpr std::size_t headers_kept = 100;
  static constexpr std::size_t body_read_max = 64 * 1024;
  static constexpr std::size_t body_kept = 4096;

  /// `exchange` outlives it and starts out empty. `is_head`: the reply to HEAD has no body. `kept`:
  /// how much of the body is kept; what is kept is read, too, past body_read_max.
  ReplyReader(env::Exchange& exchange, bool is_head, std::size_t kept = body_kept)
      : exchange_(exchange),
        is_head_(is_head),
        kept_max_(kept),
        read_max_(std::max(kept, body_read_max)) {}

  /// Takes bytes that came; false when no more are wanted: the exchange is complete.
  bool take(std::string_view bytes);
  /// No more will come: settles the exchange if its status line was read. `closed`: the peer ended
  /// the stream; otherwise it broke or the time was up.
  void end(bool closed);

  /// True once anything came.
  [[nodiscard]] bool begun() const { return begun_; }
  /// True once the real status line was read; the exchange's result is then ok, or protocol_error
  /// for a head that is too long.
  [[nodiscard]] bool has_verdict() const { return state_ == State::body || state_ == State::done; }
  /// The reply ended where it said it would and both sides keep the connection.
  [[nodiscard]] bool is_reusable() const { return state_ == State::done && reusable_; }

 private:
  enum class State { head, body, done };
  enum class Framing { none, length, chunked, until_close };
  enum class Chunk { size, data, data_end, trailer };

  bool take_head(std::string_view bytes);
  bool read_head(std::string_view head);
  bool read_status_line(std::string_view line);
  void read_headers(std::string_view block);
  void choose_framing();
  bool take_body(std::string_view bytes);
  bool take_chunked(std::string_view bytes);
  bool take_chunk_line(std::string_view line);
  void keep(std::string_view bytes);
  bool finish(bool whole);
  bool protocol_error(std::string detail);

  env::Exchange& exchange_;
  bool is_head_;
  std::size_t kept_max_, read_max_;
  State state_ = State::head;
  Framing framing_ = Framing::until_close;
  Chunk chunk_ = Chunk::size;
  bool begun_ = false;
  bool reusable_ = true;
  int interim_ = 0;
  std::string head_;           ///< Of the head: what came so far. Of a chunked body: a cut line.
  std::uint64_t left_ = 0;     ///< Of the body or the chunk.
  std::size_t body_read_ = 0;  ///< Without framing.
  std::size_t framing_read_ = 0;
};

}  // namespace posthorn::net

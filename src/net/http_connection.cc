#include "net/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/id.h"
#include "net/http_session.h"

namespace posthorn::net {

namespace {

using http::Progress;

constexpr std::size_t buffer_bytes_kept_max = 64 * 1024;
/// Steps through all 64-bit numbers in an order that tells nothing about how many there were.
constexpr std::uint64_t request_step = 0x9E3779B97F4A7C15ULL;

constexpr std::string_view bug_detail =
    "Something is wrong on our side; the log has it under this request id.";

bool is_sane_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

}  // namespace

// ---------------------------------------------------------------------------------- reading

template <class Stream>
asio::mutable_buffer HttpConnection<Stream>::room() {
  if (buffer_.empty()) buffer_ = host_->buffers.take();
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else {
      buffer_.resize(buffer_.size() * 2);
    }
  }
  return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
}

template <class Stream>
auto HttpConnection<Stream>::read_some(boost::system::error_code& error) {
  if constexpr (is_plain)
    return stream_.async_read_some(static_cast<ReadRoom&>(*this),
                                   asio::redirect_error(use_task, error));
  else
    return stream_.async_read_some(room(), asio::redirect_error(use_task, error));
}

template <class Stream>
bool HttpConnection<Stream>::took(std::size_t bytes, const boost::system::error_code& error) {
  end_ += bytes;
  return !error && bytes > 0 && !timed_out;
}

template <class Stream>
task<bool> HttpConnection<Stream>::read_more() {
  boost::system::error_code error;
  const auto got = co_await read_some(error);
  co_return took(got, error);
}

template <class Stream>
void HttpConnection<Stream>::begin_request() {
  scanner_.reset();
  refusal_.status = 0;
  request_.request_id = request_.head.request_id = request_.body = request_.head.method = {};
  request_.head.minor_version = 1;
  if (begin_ != end_) {
    // Of a pipelined request something is there already.
    idle = false;
    return wait_at_most(host_->config.head_limit);
  }
  begin_ = end_ = 0;
  if (is_plain || buffer_.size() > buffer_bytes_kept_max)
    host_->buffers.give_back(std::exchange(buffer_, {}));
}

template <class Stream>
void HttpConnection<Stream>::await_next_request() {
  idle = true;
  idle_since = host_->now;
  wait_at_most(host_->config.idle_limit);
}

/// The head is there whole, or wrong. A head that goes on is to be continued.
template <class Stream>
bool HttpConnection<Stream>::head_is_settled() {
  if (begin_ == end_) return false;
  if (std::exchange(idle, false)) wait_at_most(host_->config.head_limit);
  const auto progress = scanner_.scan(received());
  if (progress == Progress::incomplete) return false;
  if (progress == Progress::refused) {
    refusal_ = scanner_.refusal();
    return true;
  }
  head_begin_ = scanner_.begin();
  head_bytes_ = scanner_.head_bytes();
  request_bytes_ = head_bytes_;
  parse();
  return true;
}

template <class Stream>
bool HttpConnection<Stream>::parse() {
  return http::parse_head(received().substr(head_begin_, head_bytes_ - head_begin_), request_.head,
                          refusal_);
}

template <class Stream>
void HttpConnection<Stream>::name_request() {
  if (const auto given = request_.head.header("X-Request-Id"); given && is_sane_request_id(*given))
    request_id_ = *given;
  else
    return make_request_id();
  request_.request_id = request_.head.request_id = request_id_;
}

template <class Stream>
void HttpConnection<Stream>::make_request_id() {
  request_id_.assign("call_").append(to_base32(host_->next_request += request_step));
  request_.request_id = request_.head.request_id = request_id_;
}

template <class Stream>
bool HttpConnection<Stream>::is_own_authority(std::string_view authority) const {
  const auto colon = authority.ends_with(']') ? std::string_view::npos : authority.rfind(':');
  const auto bare = authority.substr(0, colon);
  return std::ranges::any_of(host_->own_hosts, [bare](const std::string& own) {
    return equal_ignoring_case_ascii(own, bare);
  });
}

/// What can be refused without a byte of the body.
template <class Stream>
std::optional<http::Response> HttpConnection<Stream>::refusal_before_body() {
  const auto& head = request_.head;
  if (!head.target_authority.empty() && !is_own_authority(head.target_authority))
    return host_->service.refuse(421, "The request target names another server.", request_id_);
  auto admitted = host_->service.admit(head, caller_.address);
  if (auto* refused = std::get_if<http::Response>(&admitted)) return std::move(*refused);
  auto& terms = std::get<http::Admitted>(admitted);
  body_bytes_max_ = terms.body_bytes_max;
  hold_ = std::move(terms.hold);
  if (head.content_length.value_or(0) > body_bytes_max_)
    return host_->service.refuse(413, "The body is larger than is taken here.", request_id_);
  return {};
}

/// True when the body of a refused request is there whole (or there is none), so that the next
/// request can be read behind it.
template <class Stream>
bool HttpConnection<Stream>::skips_body() {
  if (request_.head.chunked) return false;
  const auto length = request_.head.content_length.value_or(0);
  if (length > received().size() - head_bytes_) return false;
  request_bytes_ = head_bytes_ + static_cast<std::size_t>(length);
  return true;
}

template <class Stream>
task<bool> HttpConnection<Stream>::read_body() {
  const auto there = received().size() - head_bytes_;
  wait_at_most(host_->config.body_limit);
  body_began = host_->now;
  body_bytes = there;
  if (request_.head.expects_continue && there == 0) {
    std::string go_on("HTTP/1.1 100 Continue\r\n\r\n");
    if (!co_await put(std::move(go_on))) co_return false;
    wait_at_most(host_->config.body_limit);
  }
  const auto length = request_.head.content_length;
  const bool whole = request_.head.chunked
                         ? co_await read_chunked_body()
                         : co_await read_known_body(static_cast<std::size_t>(length.value_or(0)));
  body_began = {};
  deadline = Moment::max();
  co_return whole;
}

template <class Stream>
task<bool> HttpConnection<Stream>::read_known_body(std::size_t length) {
  // The buffer grows with what comes, not to what was announced.
  bool moved = false;
  const auto needed = head_bytes_ + length;
  while (received().size() < needed) {
    if (end_ == buffer_.size()) moved = true;
    if (!co_await read_more()) co_return false;
    body_bytes = received().size() - head_bytes_;
  }
  if (moved) parse();
  request_.body = received().substr(head_bytes_, length);
  request_bytes_ = needed;
  co_return true;
}

template <class Stream>
task<bool> HttpConnection<Stream>::read_chunked_body() {
  // The decoder takes bytes out of the buffer, and the head's views must outlive that.
  head_copy_.assign(received().substr(head_begin_, head_bytes_ - head_begin_));
  http::parse_head(head_copy_, request_.head, refusal_);
  begin_ += head_bytes_;
  request_bytes_ = 0;
  http::ChunkedDecoder decoder(body_bytes_max_);
  body_.clear();
  for (;;) {
    std::size_t consumed = 0;
    const auto step = decoder.decode(received(), body_, consumed);
    begin_ += consumed;
    body_bytes += consumed;
    if (step == Progress::refused) refusal_ = decoder.refusal();
    if (step == Progress::refused) co_return false;
    if (step == Progress::complete) break;
    if (!co_await read_more()) co_return false;
  }
  request_.body = body_;
  co_return true;
}

// ---------------------------------------------------------------------------------- writing

template <class Stream>
void HttpConnection<Stream>::count(int status) {
  auto& metrics = host_->metrics;
  (status < 300   ? metrics.requests_2xx
   : status < 400 ? metrics.requests_3xx
   : status < 500 ? metrics.requests_4xx
                  : metrics.requests_5xx)
      .add();
}

/// Builds the answer and hands it to the kernel. False: write_rest() has to do the rest of it.
template <class Stream>
bool HttpConnection<Stream>::answer_at_once(const http::Response& response) {
  count(response.status);
  out_.clear();
  sent_ = 0;
  http::append_reply(out_, response, reply_context(keep_));
  if constexpr (is_plain) {
    if (keep_ && begin_ + request_bytes_ == end_ && stream_.send_with_others(out_)) return true;
    // Without the reactor: a reply fits the socket's buffer but for a peer that does not read.
    const auto sent =
        ::send(stream_.native_handle(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) sent_ = static_cast<std::size_t>(sent);
  }
  return sent_ == out_.size();
}

template <class Stream>
task<bool> HttpConnection<Stream>::write_rest() {
  wait_at_most(host_->config.write_limit);
  boost::system::error_code error;
  while (!error && sent_ < out_.size())
    sent_ += co_await stream_.async_write_some(asio::buffer(out_) + sent_,
                                               asio::redirect_error(use_task, error));
  if (out_.capacity() > buffer_bytes_kept_max) out_ = {};
  deadline = Moment::max();
  failed_ = failed_ || error;
  co_return !failed_;
}

/// The peer did not take the whole of an answer that was left to be sent with others.
template <class Stream>
task<bool> HttpConnection<Stream>::write_rest_of_last() {
  if constexpr (is_plain) sent_ = out_.size() - stream_.take_unsent();
  idle = false;
  const bool written = co_await write_rest();
  await_next_request();
  co_return written;
}

template <class Stream>
task<bool> HttpConnection<Stream>::put(std::string bytes) {
  out_ = std::move(bytes);
  sent_ = 0;
  co_return co_await write_rest();
}

template <class Stream>
task<bool> HttpConnection<Stream>::write(std::string bytes) {
  if (failed_ || host_->draining) co_return false;
  if (bytes.empty()) co_return true;
  if (chunked_reply_) {
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    bytes.insert(0, std::string(size, end) + "\r\n").append("\r\n");
  }
  co_return co_await put(std::move(bytes));
}

template <class Stream>
task<> HttpConnection<Stream>::answer_stream(const http::Response& response) {
  count(response.status);
  chunked_reply_ = request_.head.minor_version == 1;
  std::string head;
  http::append_stream_head(head, response, reply_context(false));
  const bool is_head = request_.head.method == "HEAD";
  if (!co_await put(std::move(head))) co_return;
  if (!is_head) {
    co_await response.stream(*this);
    std::string end(chunked_reply_ ? "0\r\n\r\n" : "");
    if (failed_ || !co_await put(std::move(end))) co_return;
  }
  co_await linger();
}

/// Answers what cannot be read on.
template <class Stream>
task<> HttpConnection<Stream>::refuse(http::Response response) {
  host_->metrics.refused.add();
  body_began = {};
  keep_ = false;
  if (response.status == 405 && std::ranges::none_of(response.headers, [](const auto& header) {
        return equal_ignoring_case_ascii(header.first, "Allow");
      }))
    response.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  const bool written = answer_at_once(response) || co_await write_rest();
  if (written) co_await linger();
}

/// Ends our side and reads on for a moment: a socket that is closed with bytes unread is reset, and
/// the reset can overtake the answer.
template <class Stream>
task<> HttpConnection<Stream>::linger() {
  boost::system::error_code error;
  idle = true;  // Answered: nothing is lost when room is needed for another.
  idle_since = host_->now;
  wait_at_most(http::linger_limit);
  if constexpr (is_plain) {
    stream_.shutdown(asio::socket_base::shutdown_send, error);
  } else {
    co_await stream_.async_shutdown(asio::redirect_error(use_task, error));
    socket().shutdown(asio::socket_base::shutdown_send, error);
  }
  if (buffer_.empty()) buffer_ = host_->buffers.take();
  std::size_t dropped = 0;
  while (!error && dropped < http::linger_bytes_max) {
    const auto got = co_await socket().async_read_some(asio::buffer(buffer_),
                                                       asio::redirect_error(use_task, error));
    dropped += got;
  }
}

/// The peer sent no more, or too slowly.
template <class Stream>
task<> HttpConnection<Stream>::give_up() {
  if (refusal_.status >= 400 && !idle && !timed_out) {
    if (request_.request_id.empty()) make_request_id();
    auto response = host_->service.refuse(refusal_.status, refusal_.detail, request_id_);
    co_return co_await refuse(std::move(response));
  }
  if (!timed_out || idle || failed_) co_return;
  if (request_.request_id.empty()) make_request_id();
  auto response = host_->service.refuse(408, "The request did not come in time.", request_id_);
  co_await refuse(std::move(response));
}

// ------------------------------------------------------------------------------------ serving

template <class Stream>
task<> HttpConnection<Stream>::serve() {
  for (;;) {
    begin_request();
    while (!head_is_settled()) {
      if (idle && host_->draining) co_return;
      boost::system::error_code error;
      const auto got = co_await read_some(error);
      if (is_plain && error == asio::error::would_block) {
        if (!co_await write_rest_of_last()) co_return;
        continue;
      }
      if (!took(got, error)) co_return co_await give_up();
    }
    deadline = Moment::max();
    if (refusal_.status != 0) co_return co_await give_up();
    name_request();
    keep_ = request_.head.keep_alive && !host_->draining;
    std::optional<http::Response> response = refusal_before_body();
    if (response) {
      if (!skips_body()) co_return co_await refuse(std::move(*response));
    } else {
      const auto length = request_.head.content_length.value_or(0);
      if (!request_.head.chunked && length <= received().size() - head_bytes_) {
        request_.body = received().substr(head_bytes_, static_cast<std::size_t>(length));
        request_bytes_ += static_cast<std::size_t>(length);
      } else if (!co_await read_body()) {
        co_return co_await give_up();
      }
      bool bug = false;
      try {
        response = co_await host_->service.serve(request_);
      } catch (const std::exception& error) {
        host_->log.error("http.handler_failed",
                         {{"request_id", request_id_}, {"what", error.what()}});
        bug = true;
      }
      if (bug) response = host_->service.refuse(500, bug_detail, request_id_);
      hold_.reset();
    }
    if (!http::is_sendable(*response)) {
      host_->log.error("http.unsendable_response", {{"request_id", request_id_}});
      response = host_->service.refuse(500, bug_detail, request_id_);
    }
    if (response->stream) co_return co_await answer_stream(*response);
    keep_ = keep_ && !response->close && !host_->draining;
    if (!answer_at_once(*response) && !co_await write_rest()) co_return;
    if (!keep_) co_return co_await linger();
    begin_ += request_bytes_;
    await_next_request();
  }
}

namespace {

task<> serve_plain(std::shared_ptr<ConnectionHost> host, ServerSocket socket, Caller caller) {
  boost::system::error_code error;
  socket.native_non_blocking(true, error);
  if (error) co_return;
  PlainSocket stream(host->context, socket.release(error));
  HttpConnection<PlainSocket> connection(std::move(host), stream, std::move(caller));
  co_await connection.serve();
}

task<> serve_tls(std::shared_ptr<ConnectionHost> host, ServerSocket socket, Caller caller,
                 std::shared_ptr<asio::ssl::context> context) {
  asio::ssl::stream<ServerSocket> stream(std::move(socket), *context);
  HttpConnection<asio::ssl::stream<ServerSocket>> connection(host, stream, std::move(caller));
  boost::system::error_code error;
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(use_task, error));
  if (error) {
    host->metrics.tls_failed.add();
    co_return;
  }
  connection.wait_at_most(host->config.first_byte_limit);
  co_await connection.serve();
}

}  // namespace

void log_bug(env::Log& log, std::string_view name, const std::exception_ptr& bug) {
  if (!bug) return;
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& error) {
    log.error(name, {{"what", error.what()}});
  }
}

void spawn_connection(std::shared_ptr<ConnectionHost> host, ServerSocket socket, Caller caller,
                      std::shared_ptr<asio::ssl::context> tls) {
  auto& context = host->context;
  auto ended = [&log = host->log](const std::exception_ptr& bug) {
    log_bug(log, "http.connection_failed", bug);
  };
  if (tls)
    asio::co_spawn(context,
                   serve_tls(std::move(host), std::move(socket), std::move(caller), std::move(tls)),
                   std::move(ended));
  else
    asio::co_spawn(context, serve_plain(std::move(host), std::move(socket), std::move(caller)),
                   std::move(ended));
}

}  // namespace posthorn::net

#include "net/http_connection.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/id.h"
#include "http/request_parser.h"

namespace posthorn::net {

namespace {

using http::Progress;
using std::chrono::steady_clock;

constexpr std::size_t buffer_bytes_first = 8 * 1024;
constexpr std::size_t buffer_bytes_kept_max = 64 * 1024;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

bool is_sane_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

template <class Stream>
class HttpConnection final : public Connection, public http::BodyWriter {
 public:
  HttpConnection(std::shared_ptr<ConnectionHost> host, Stream& stream, std::string address,
                 bool tls)
      : host_(std::move(host)),
        stream_(stream),
        address_(std::move(address)),
        tls_(tls),
        buffer_(buffer_bytes_first, '\0') {
    place_ = host_->connections.insert(host_->connections.end(), this);
    host_->metrics.open.add(1);
    body_floor = static_cast<double>(host_->config.body_floor_bytes_per_second);
    wait_at_most(host_->config.first_byte_limit);
  }
  ~HttpConnection() override {
    host_->connections.erase(place_);
    host_->metrics.open.add(-1);
    if (timed_out) host_->metrics.timed_out.add();
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void close() override {
    boost::system::error_code ignored;  // Closing cannot be refused.
    stream_.lowest_layer().close(ignored);
  }
  [[nodiscard]] const std::string& remote_address() const override { return address_; }

  void wait_at_most(Millis limit) { deadline = host_->now + limit; }

  task<> serve() {
    while (co_await serve_one()) {
    }
  }

  // http::BodyWriter
  task<bool> write(std::string bytes) override {
    if (bytes.empty()) co_return !failed_;
    std::string framed =
        chunked_reply_ ? fmt::format("{:x}\r\n", bytes.size()) + bytes + "\r\n" : std::move(bytes);
    co_return co_await put(framed);
  }

 private:
  [[nodiscard]] std::string_view received() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }

  /// Reads more behind what is there. False: the peer has closed, or is too slow.
  task<bool> read_more() {
    if (end_ == buffer_.size()) {
      // Only a head can fill the buffer: bodies get their room before they are read.
      if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
      } else {
        buffer_.resize(buffer_.size() * 2);
      }
    }
    boost::system::error_code error;
    const auto got =
        co_await stream_.async_read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                                         asio::redirect_error(use_task, error));
    end_ += got;
    co_return !error && got > 0;
  }

  task<bool> put(std::string_view bytes) {
    if (failed_) co_return false;
    wait_at_most(host_->config.write_limit);
    boost::system::error_code error;
    // Nearly every reply goes out with the first write.
    auto put_bytes = co_await stream_.async_write_some(asio::buffer(bytes),
                                                       asio::redirect_error(use_task, error));
    while (!error && put_bytes < bytes.size())
      put_bytes += co_await stream_.async_write_some(asio::buffer(bytes.substr(put_bytes)),
                                                     asio::redirect_error(use_task, error));
    deadline = steady_clock::time_point::max();
    failed_ = static_cast<bool>(error);
    co_return !error;
  }

  void append_head(const http::Response& response, bool keep_alive, std::string_view request_id) {
    out_ += "HTTP/1.1 ";
    append_number(out_, static_cast<std::size_t>(response.status));
    out_ += ' ';
    out_ += reason(response.status);
    out_ += "\r\nDate: ";
    out_ += host_->date;
    if (!response.content_type.empty() && response.status != 204 && response.status != 304) {
      out_ += "\r\nContent-Type: ";
      out_ += response.content_type;
    }
    bool cache_said = false;
    for (const auto& [name, value] : response.headers) {
      out_ += "\r\n";
      out_ += name;
      out_ += ": ";
      out_ += value;
      cache_said = cache_said || equal_ignoring_case_ascii(name, "cache-control");
    }
    if (!cache_said) out_ += "\r\nCache-Control: no-store";
    out_ += "\r\nX-Content-Type-Options: nosniff";
    if (!request_id.empty()) {
      out_ += "\r\nX-Request-Id: ";
      out_ += request_id;
    }
    if (!keep_alive) out_ += "\r\nConnection: close";
  }

  void count(int status) {
    auto& metrics = host_->metrics;
    (status < 300   ? metrics.requests_2xx
     : status < 400 ? metrics.requests_3xx
     : status < 500 ? metrics.requests_4xx
                    : metrics.requests_5xx)
        .add();
  }

  /// Writes the whole answer. True: the connection goes on.
  task<bool> answer(const http::Response& response, bool keep_alive, bool is_head,
                    std::string_view request_id) {
    keep_alive = keep_alive && !response.close && !host_->draining;
    count(response.status);
    out_.clear();
    append_head(response, keep_alive, request_id);
    const bool bodiless = response.status == 204 || response.status == 304;
    if (!bodiless) {
      out_ += "\r\nContent-Length: ";
      append_number(out_, response.body.size());
    }
    out_ += "\r\n\r\n";
    if (!bodiless && !is_head) out_ += response.body;
    const bool written = co_await put(out_);
    co_return written&& keep_alive;
  }

  task<bool> answer_stream(const http::Response& response, bool is_head, int minor_version,
                           std::string_view request_id) {
    count(response.status);
    chunked_reply_ = minor_version == 1;
    out_.clear();
    append_head(response, false, request_id);
    if (chunked_reply_) out_ += "\r\nTransfer-Encoding: chunked";
    out_ += "\r\n\r\n";
    if (!co_await put(out_) || is_head) co_return false;
    co_await response.stream(*this);
    if (chunked_reply_) co_await put("0\r\n\r\n");
    co_return false;
  }

  /// Answers what cannot be read on, then ends the connection so that the answer is not lost to a
  /// reset.
  task<bool> refuse(const http::Response& response, std::string_view request_id) {
    host_->metrics.refused.add();
    co_await answer(response, false, false, request_id);
    boost::system::error_code error;
    stream_.lowest_layer().shutdown(asio::socket_base::shutdown_send, error);
    wait_at_most(Millis(1000));
    std::size_t drained = 0;
    while (!error && drained < http::header_value_drained_max) {
      begin_ = end_ = 0;
      drained += co_await stream_.async_read_some(asio::buffer(buffer_),
                                                  asio::redirect_error(use_task, error));
    }
    co_return false;
  }

  /// An absolute target must name this server.
  [[nodiscard]] bool is_own_authority(std::string_view authority) const {
    const auto bare = authority.ends_with(']')
                          ? authority
                          : authority.substr(0, authority.rfind(':') == std::string_view::npos
                                                    ? authority.size()
                                                    : authority.rfind(':'));
    return std::ranges::any_of(host_->own_hosts, [bare](const std::string& own) {
      return equal_ignoring_case_ascii(own, bare);
    });
  }

  /// Reads a body of known length into the buffer behind the head. False: the connection has ended.
  task<bool> read_known_body(std::size_t head_bytes, std::size_t length) {
    const auto needed = head_bytes + length;
    if (begin_ + needed > buffer_.size()) {
      std::string larger(needed, '\0');
      std::memcpy(larger.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      buffer_ = std::move(larger);
      moved_ = true;
    }
    while (end_ - begin_ < needed) {
      if (!co_await read_more()) co_return false;
      body_bytes = end_ - begin_ - head_bytes;
    }
    co_return true;
  }

  task<bool> serve_one();

  std::shared_ptr<ConnectionHost> host_;
  Stream& stream_;
  std::string address_;
  bool tls_;
  std::list<Connection*>::iterator place_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool moved_ = false;  ///< The buffer was replaced: views into it must be made anew.
  http::RequestHead head_;
  std::string body_, out_, head_storage_;
  bool chunked_reply_ = false, failed_ = false, served_any_ = false;
};

template <class Stream>
task<bool> HttpConnection<Stream>::serve_one() {
  idle = true;
  idle_since = host_->now;
  if (served_any_) wait_at_most(host_->config.idle_limit);
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > buffer_bytes_kept_max) buffer_ = std::string(buffer_bytes_first, '\0');
  }
  http::HeadScanner scanner;
  Progress progress = Progress::incomplete;
  while (begin_ == end_ || (progress = scanner.scan(received())) == Progress::incomplete) {
    if (begin_ == end_ && host_->draining) co_return false;
    const bool had_none = begin_ == end_;
    if (!co_await read_more()) co_return false;
    if (had_none) {
      idle = false;
      wait_at_most(host_->config.head_limit);
    }
  }
  idle = false;
  served_any_ = true;
  http::Refusal refusal;
  const auto head_bytes = scanner.head_bytes();
  const auto head_text = [this, &scanner, head_bytes] {
    return received().substr(scanner.begin(), head_bytes - scanner.begin());
  };
  if (progress == Progress::refused) refusal = scanner.refusal();
  if (progress == Progress::refused || !http::parse_head(head_text(), head_, refusal)) {
    const auto response = host_->service.refuse(refusal.status, refusal.detail);
    co_return co_await refuse(response, "");
  }
  if (!head_.target_authority.empty() && !is_own_authority(head_.target_authority)) {
    const auto response = host_->service.refuse(421, "The request target names another server.");
    co_return co_await refuse(response, "");
  }

  std::string request_id;
  if (const auto given = head_.header("X-Request-Id"); given && is_sane_request_id(*given))
    request_id = *given;
  else
    request_id = "req_" + to_base32(host_->next_request++);

  auto admitted = host_->service.admit(head_, address_);
  const bool has_body = head_.chunked || head_.content_length.value_or(0) > 0;
  const bool is_head = head_.method == "HEAD";
  if (auto* refused = std::get_if<http::Response>(&admitted)) {
    if (has_body) co_return co_await refuse(*refused, request_id);
    begin_ += head_bytes;
    co_return co_await answer(*refused, head_.keep_alive, is_head, request_id);
  }
  const auto body_max = std::get<http::Admitted>(admitted).body_bytes_max;
  if (head_.content_length.value_or(0) > body_max) {
    const auto response = host_->service.refuse(413, "The body is larger than is taken here.");
    co_return co_await refuse(response, request_id);
  }

  std::string_view body;
  std::size_t whole = head_bytes;
  if (has_body) {
    const auto there = received().size() - head_bytes;
    if (head_.expects_continue && there == 0 && !co_await put("HTTP/1.1 100 Continue\r\n\r\n"))
      co_return false;
    wait_at_most(host_->config.body_limit);
    body_began = host_->now;
    body_bytes = there;
  }
  if (head_.chunked) {
    // The head's views must outlive the reading: the decoder takes bytes out of the buffer behind
    // it.
    std::string kept_head(head_text());
    begin_ += head_bytes;
    whole = 0;
    http::ChunkedDecoder decoder(body_max);
    body_.clear();
    for (;;) {
      std::size_t consumed = 0;
      const auto step = decoder.decode(received(), body_, consumed);
      begin_ += consumed;
      body_bytes += consumed;
      if (step == Progress::complete) break;
      if (step == Progress::refused) {
        body_began = {};
        const auto response =
            host_->service.refuse(decoder.refusal().status, decoder.refusal().detail);
        co_return co_await refuse(response, request_id);
      }
      if (!co_await read_more()) co_return false;
    }
    body = body_;
    head_storage_ = std::move(kept_head);
    http::parse_head(head_storage_, head_, refusal);
  } else if (has_body) {
    const auto length = static_cast<std::size_t>(*head_.content_length);
    moved_ = false;
    if (!co_await read_known_body(head_bytes, length)) co_return false;
    if (moved_) http::parse_head(head_text(), head_, refusal);
    body = received().substr(head_bytes, length);
    whole = head_bytes + length;
  }
  body_began = {};
  deadline = steady_clock::time_point::max();

  http::Request request{head_, body, address_, tls_, request_id};
  http::Response response;
  bool bug = false;
  try {
    response = co_await host_->service.serve(request);
  } catch (const std::exception& error) {
    host_->log.error("http.handler_failed", {{"request_id", request_id}, {"what", error.what()}});
    bug = true;
  }
  if (bug)
    response = host_->service.refuse(
        500, "Something is wrong on our side; the log has it under this request id.");
  const bool keep_alive = head_.keep_alive;
  const int minor_version = head_.minor_version;
  if (response.stream)
    co_return co_await answer_stream(response, is_head, minor_version, request_id);
  begin_ += whole;
  co_return co_await answer(response, keep_alive, is_head, request_id);
}

task<> serve_plain(std::shared_ptr<ConnectionHost> host, ServerSocket socket, std::string address) {
  HttpConnection<ServerSocket> connection(std::move(host), socket, std::move(address), false);
  co_await connection.serve();
}

task<> serve_tls(std::shared_ptr<ConnectionHost> host, ServerSocket socket, std::string address,
                 std::shared_ptr<asio::ssl::context> context) {
  asio::ssl::stream<ServerSocket> stream(std::move(socket), *context);
  HttpConnection<asio::ssl::stream<ServerSocket>> connection(host, stream, std::move(address),
                                                             true);
  boost::system::error_code error;
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(use_task, error));
  if (error) co_return;
  connection.wait_at_most(host->config.first_byte_limit);
  co_await connection.serve();
  // A peer that does not answer the goodbye must not hold the connection.
  connection.wait_at_most(Millis(1000));
  co_await stream.async_shutdown(asio::redirect_error(use_task, error));
}

}  // namespace

void spawn_connection(std::shared_ptr<ConnectionHost> host, ServerSocket socket,
                      std::string remote_address, std::shared_ptr<asio::ssl::context> tls) {
  auto& context = host->context;
  auto& log = host->log;
  const auto ended = [&log](std::exception_ptr bug) {
    if (!bug) return;
    try {
      std::rethrow_exception(bug);
    } catch (const std::exception& error) {
      log.error("http.connection_failed", {{"what", error.what()}});
    }
  };
  if (tls)
    asio::co_spawn(
        context,
        serve_tls(std::move(host), std::move(socket), std::move(remote_address), std::move(tls)),
        ended);
  else
    asio::co_spawn(
        context, serve_plain(std::move(host), std::move(socket), std::move(remote_address)), ended);
}

}  // namespace posthorn::net

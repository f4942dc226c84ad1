#pragma once
// The state of one connection over a plain socket or TLS, and the steps of its life: bodies are in
// http_connection.cc. Internal to http_server.

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "http/reply.h"
#include "http/request_parser.h"
#include "net/http_connection.h"
#include "net/plain_socket.h"

namespace posthorn::net {

/// Deadlines are measured from a clock that is at most this stale, so they are given it on top.
inline constexpr auto server_clock_slack = std::chrono::milliseconds(100);

template <class Stream>
class HttpConnection final : public Connection, public http::BodyWriter, private ReadRoom {
 public:
  HttpConnection(std::shared_ptr<ConnectionHost> host, Stream& stream, Caller caller)
      : host_(std::move(host)), stream_(stream), caller_(std::move(caller)) {
    place_ = host_->connections.insert(host_->connections.end(), this);
    host_->metrics.open.add(1);
    request_.remote_address = caller_.address;
    request_.tls = !is_plain;
    body_floor = static_cast<double>(host_->config.body_floor_bytes_per_second);
    floor_grace = host_->config.body_floor_grace;
    idle_since = host_->now;
    wait_at_most(host_->config.first_byte_limit);
  }
  ~HttpConnection() override {
    if (host_->abandoned) return;
    host_->connections.erase(place_);
    host_->metrics.open.add(-1);
    if (timed_out && !idle) host_->metrics.timed_out.add();
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void interrupt() override {
    boost::system::error_code ignored;  // Nothing to be ended is as good.
    socket().cancel(ignored);
  }
  void close() override {
    idle = false;
    boost::system::error_code ignored;  // Closing cannot be refused.
    socket().close(ignored);
  }
  [[nodiscard]] const std::string& client() const override { return caller_.client; }

  void wait_at_most(Millis limit) { deadline = host_->now + limit + server_clock_slack; }

  /// Requests and answers in turn, until one of the two sides ends it.
  task<> serve();

  // http::BodyWriter
  task<bool> write(std::string bytes) override;

 private:
  static constexpr bool is_plain = std::is_same_v<Stream, PlainSocket>;

  auto& socket() {
    if constexpr (is_plain)
      return stream_;
    else
      return stream_.next_layer();
  }
  [[nodiscard]] std::string_view received() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }
  asio::mutable_buffer room() override;
  auto read_some(boost::system::error_code& error);
  bool took(std::size_t bytes, const boost::system::error_code& error);
  task<bool> read_more();

  void begin_request();
  void await_next_request();
  bool head_is_settled();
  bool parse();
  void name_request();
  void make_request_id();
  [[nodiscard]] bool is_own_authority(std::string_view authority) const;
  std::optional<http::Response> refusal_before_body();
  bool skips_body();
  task<bool> read_body();
  task<bool> read_known_body(std::size_t length);
  task<bool> read_chunked_body();

  [[nodiscard]] http::ReplyContext reply_context(bool keep_alive) const {
    return {host_->date, request_.request_id, request_.head.minor_version, keep_alive,
            request_.head.method == "HEAD"};
  }
  void count(int status);
  bool answer_at_once(const http::Response& response);
  task<bool> write_rest();
  task<bool> write_rest_of_last();
  task<bool> put(std::string bytes);
  task<> answer_stream(const http::Response& response);
  task<> refuse(http::Response response);
  task<> linger();
  task<> give_up();

  std::shared_ptr<ConnectionHost> host_;
  Stream& stream_;
  Caller caller_;
  std::list<Connection*>::iterator place_;

  std::string buffer_;  ///< Of a plain connection that waits for a request: none.
  std::size_t begin_ = 0, end_ = 0;
  http::HeadScanner scanner_;
  http::Refusal refusal_;
  std::size_t head_begin_ = 0, head_bytes_ = 0;
  std::size_t request_bytes_ = 0;  ///< Of the buffer, to be dropped after the answer.
  std::size_t body_bytes_max_ = 0;
  std::shared_ptr<void> hold_;  ///< Of http::Admitted.
  http::Request request_;
  std::string request_id_, head_copy_, body_;

  std::string out_;
  std::size_t sent_ = 0;
  bool keep_ = true;  ///< Another request may follow.
  bool chunked_reply_ = false, failed_ = false;
};

}  // namespace posthorn::net

#pragma once
// One connection of the HTTP server, and what connections share. Internal to http_server.

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace posthorn::net {

using ServerSocket = asio::basic_stream_socket<asio::ip::tcp, executor>;

class Connection;

/// Buffers of read_buffer_bytes for the connections that have something to read. The one given back
/// last is taken first: it is in the cache, which a buffer of each connection's own is not.
class ReadBuffers {
 public:
  static constexpr std::size_t buffer_bytes = 8 * 1024;

  [[nodiscard]] std::string take() {
    if (free_.empty()) return std::string(buffer_bytes, '\0');
    auto buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  /// A buffer that has grown is freed.
  void give_back(std::string buffer) {
    if (buffer.size() == buffer_bytes && free_.size() < kept_max)
      free_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kept_max = 512;
  std::vector<std::string> free_;
};

/// What the connections of one server share. One thread.
struct ConnectionHost {
  ConnectionHost(asio::io_context& io, http::Service& what, HttpServerConfig given, env::Log& where,
                 ServerMetrics& counters)
      : context(io),
        service(what),
        config(std::move(given)),
        log(where),
        metrics(counters),
        own_hosts(config.own_hosts) {
    own_hosts.emplace_back("localhost");
    own_hosts.emplace_back("127.0.0.1");
    own_hosts.emplace_back("[::1]");
  }

  asio::io_context& context;
  http::Service& service;
  HttpServerConfig config;
  env::Log& log;
  ServerMetrics& metrics;
  std::vector<std::string> own_hosts;
  std::list<Connection*> connections;
  ReadBuffers buffers;
  bool draining = false, stopped = false;
  /// The server is gone, and with it what the references name: only frames are still to be freed.
  bool abandoned = false;
  /// Refreshed by the sweep: near enough for deadlines, and free to read.
  std::chrono::steady_clock::time_point now;
  std::int64_t date_second = 0;
  std::string date;
  std::uint64_t next_request = 1;
};

/// What the server needs of a connection.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Ends what it waits for; its coroutine then decides how to end.
  virtual void interrupt() = 0;
  /// Closes the socket.
  virtual void close() = 0;
  [[nodiscard]] virtual const std::string& client() const = 0;

  /// A connection that is late is interrupted, so that it can say 408; late again, it is closed.
  void check_deadline(std::chrono::steady_clock::time_point now) {
    if (now <= deadline && !is_crawling(now)) return;
    if (std::exchange(timed_out, true))
      close();
    else
      interrupt();
  }

  bool idle = true;  ///< Between requests, or before the first.
  std::chrono::steady_clock::time_point idle_since;
  bool timed_out = false;

 protected:
  using Moment = std::chrono::steady_clock::time_point;
  [[nodiscard]] bool is_crawling(Moment now) const {
    return body_began != Moment{} && now > body_began + floor_grace &&
           static_cast<double>(body_bytes) <
               body_floor * std::chrono::duration<double>(now - body_began).count();
  }

  Moment deadline = Moment::max();
  Moment body_began{};  ///< Set while a body is read.
  std::size_t body_bytes = 0;
  double body_floor = 0;
  Millis floor_grace{0};
};

/// Where a connection comes from: `address` is shown, `client` is what the limit counts by.
struct Caller {
  std::string address;
  std::string client;
};

/// Serves `socket` until it closes. With `tls`, after a handshake.
void spawn_connection(std::shared_ptr<ConnectionHost> host, ServerSocket socket, Caller caller,
                      std::shared_ptr<asio::ssl::context> tls);

/// Logs the exception that ended a coroutine, if one did.
void log_bug(env::Log& log, std::string_view name, const std::exception_ptr& bug);

}  // namespace posthorn::net

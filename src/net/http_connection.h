#pragma once
// One connection of the HTTP server, and what connections share. Internal to http_server.

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <ctime>
#include <list>
#include <memory>
#include <string>

#include "net/http_server.h"

namespace posthorn::net {

using ServerSocket = asio::basic_stream_socket<asio::ip::tcp, executor>;

class Connection;

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
  bool draining = false, stopped = false;
  /// Refreshed by the sweep, ten times a second: near enough for deadlines, and free to read.
  std::chrono::steady_clock::time_point now;
  std::time_t date_second = 0;
  std::string date;
  std::uint64_t next_request = 1;
};

/// What the sweep needs of a connection.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void close() = 0;
  [[nodiscard]] virtual const std::string& remote_address() const = 0;

  void check_deadline(std::chrono::steady_clock::time_point now) {
    const bool late = now > deadline;
    const bool crawling = body_began != std::chrono::steady_clock::time_point{} &&
                          now > body_began + std::chrono::seconds(5) &&
                          static_cast<double>(body_bytes) <
                              body_floor * std::chrono::duration<double>(now - body_began).count();
    if (late || crawling) {
      timed_out = true;
      close();
    }
  }

  bool idle = true;  ///< Between requests, or before the first.
  std::chrono::steady_clock::time_point idle_since;
  bool timed_out = false;

 protected:
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point body_began{};  ///< Set while a body is read.
  std::size_t body_bytes = 0;
  double body_floor = 0;
};

/// Serves `socket` until it closes. With `tls`, after a handshake.
void spawn_connection(std::shared_ptr<ConnectionHost> host, ServerSocket socket,
                      std::string remote_address, std::shared_ptr<asio::ssl::context> tls);

}  // namespace posthorn::net

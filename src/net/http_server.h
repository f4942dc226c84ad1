#pragma once
// Moves the bytes of HTTP/1.1 between sockets and a http::Service. Everything runs on one
// io_context.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "egress/policy.h"
#include "env/log.h"
#include "env/metrics.h"
#include "http/limits.h"
#include "http/message.h"
#include "net/tls_server.h"

namespace posthorn::net {

/// The limits of http/limits.h, settable so that tests need not wait for them.
struct HttpServerConfig {
  Millis first_byte_limit = http::first_byte_limit;
  Millis head_limit = http::head_limit;
  Millis body_limit = http::body_limit;
  std::size_t body_floor_bytes_per_second = http::body_floor_bytes_per_second;
  Millis body_floor_grace = http::body_floor_grace;
  Millis idle_limit = http::idle_limit;
  Millis write_limit = http::write_limit;
  int connections_per_address_max = http::connections_per_address_max;
  int connections_max = http::connections_max;
  bool loopback_is_exempt = true;            ///< From the limit for one address.
  std::vector<std::string> trusted_proxies;  ///< CIDRs, exempt from it too.
  std::vector<std::string> own_hosts;  ///< Names that an absolute request target may carry, besides
                                       ///< addresses of the listeners and localhost.
  bool reuse_port = false;  ///< Several servers, each on a thread of its own, share the port.
};

struct ServerMetrics {
  explicit ServerMetrics(env::MetricRegistry& registry);
  env::Counter connections, requests_2xx, requests_3xx, requests_4xx, requests_5xx, refused,
      timed_out, shed, tls_failed;
  env::Gauge open;
};

class HttpServer {
 public:
  /// The references outlive it. A trusted proxy that is no CIDR is ignored with a warning.
  HttpServer(asio::io_context& context, http::Service& service, HttpServerConfig config,
             env::Log& log, ServerMetrics& metrics);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// After drain() has ended, or once the context no longer runs.
  ~HttpServer();

  /// Listens on an IP address and port (0: any free one) and returns the port. May be called for
  /// several; with `tls` for https. Thread-safe. Errors: io ("address already in use"), invalid.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port,
                               std::unique_ptr<TlsServer> tls = nullptr);

  /// Stops listening, closes idle connections, lets requests under way be answered (with
  /// Connection: close) for up to `limit`, then closes what is left. Call once, on the context.
  task<> drain(Millis limit);

  [[nodiscard]] std::size_t open_connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace posthorn::net

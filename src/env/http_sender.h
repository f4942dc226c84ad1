#pragma once
// How a webhook leaves: one request, one exchange, whatever the peer does.

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "env/task.h"

namespace posthorn::env {

struct Header {
  std::string name;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

struct OutgoingRequest {
  std::string method = "POST";
  std::string url;  ///< As registered; vetted again on every send.
  std::vector<Header>
      headers;           ///< Without Host, Content-Length and Connection: the sender adds them.
  SharedBytes body;      ///< Never null.
  Millis limit{10'000};  ///< One deadline over DNS, connect, TLS, write and read.
  std::size_t body_bytes_kept = 4096;  ///< Of the reply's body; at most body_bytes_kept_max.
};
inline constexpr std::size_t body_bytes_kept_max = 8U << 20;

/// What became of an exchange. Also the label of the metric and `error_class` of the API.
enum class ExchangeResult : std::uint8_t {
  ok = 0,       ///< A status line was read; `status` says what the peer thinks.
  refused = 1,  ///< The egress guard said no; nothing was sent.
  dns_failed = 2,
  connect_failed = 3,
  tls_failed = 4,
  timed_out = 5,
  connection_lost = 6,  ///< Reset or closed before a status line.
  protocol_error = 7,   ///< Not HTTP/1.x, or a header block over 32 KiB, or endless 1xx.
  not_sent = 8,         ///< The sender itself gave up before the first byte (shutting down).
};
std::string_view to_string(ExchangeResult result);

/// Milliseconds spent in each phase; -1 where the phase did not happen (a kept-alive connection).
struct ExchangeTimings {
  int dns_ms = -1, connect_ms = -1, tls_ms = -1, first_byte_ms = -1, total_ms = 0;
};

struct Exchange {
  ExchangeResult result = ExchangeResult::not_sent;
  int status = 0;               ///< 0 unless result is ok.
  std::vector<Header> headers;  ///< Of the reply; at most 32 KiB.
  std::string body;  ///< The first body_bytes_kept bytes of the reply's body, never inflated.
  bool body_truncated =
      false;           ///< More came than is kept, or the body was cut, endless or malformed.
  std::string detail;  ///< One sentence for people when result is not ok.
  std::string remote_address;  ///< "203.0.113.7:443"; empty when never connected.
  std::string tls;             ///< "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty without TLS.
  ExchangeTimings timings;
};

/// Sends requests. One instance belongs to one io_context.
class HttpSender {
 public:
  virtual ~HttpSender() = default;
  /// Never fails as a call: every failure is an Exchange. Done within `request.limit` plus 500 ms.
  /// A redirect is an answer like any other and never followed. Cancelling ends it early with
  /// not_sent or connection_lost.
  virtual task<Exchange> send(OutgoingRequest request) = 0;
};

}  // namespace posthorn::env

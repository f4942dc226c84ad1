#pragma once
// An open connection that the egress guard made: plain or TLS, never blocking.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/egress_deadline.h"
#include "net/tls_client.h"

namespace posthorn::net {

/// How one step of reading or writing ended.
struct WireStep {
  enum class Status : std::uint8_t {
    done,        ///< `bytes` were moved; at least 1.
    want_read,   ///< Nothing yet: wait until the socket is readable.
    want_write,  ///< Nothing yet: wait until the socket is writable.
    closed,      ///< The peer ended the stream.
    failed,      ///< It broke; see Wire::failure().
  };
  Status status = Status::done;
  std::size_t bytes = 0;
};

/// Owned by one coroutine, or by the pool while idle. Destroying it closes the connection at once.
class Wire {
 public:
  Wire(Socket socket, std::string remote)
      : socket_(std::move(socket)), remote_(std::move(remote)) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire();

  /// Puts TLS on the connection. `session` may be nullptr. False: see failure(), or the deadline.
  task<bool> start_tls(TlsClient& client, const std::string& host, bool host_is_address,
                       std::shared_ptr<TlsSession> session, Deadline& deadline);

  /// Reads what is there, without waiting.
  WireStep try_read(std::span<char> into);
  /// Writes what fits of `first` and then `second`, without waiting; `bytes` counts both together.
  /// After want_read or want_write the same bytes must come again.
  WireStep try_write(std::string_view first, std::string_view second);
  /// Waits for what a step wants. False when the deadline ended it or the caller was cancelled.
  task<bool> ready(WireStep::Status want, Deadline& deadline);
  /// Writes all of both. False: see failure(), or the deadline.
  task<bool> write_all(std::string_view first, std::string_view second, Deadline& deadline);
  /// Waits for bytes and reads them.
  task<WireStep> read_some(std::span<char> into, Deadline& deadline);

  /// True when nothing waits to be read and the peer has not closed: it may carry another request.
  [[nodiscard]] bool is_quiet();
  [[nodiscard]] bool is_tls() const { return ssl_ != nullptr; }
  /// "203.0.113.7:443".
  [[nodiscard]] const std::string& remote() const { return remote_; }
  /// "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty without TLS.
  [[nodiscard]] const std::string& tls() const { return tls_; }
  /// What broke, in words.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  WireStep tls_step(int result);
  WireStep socket_step(long moved, WireStep::Status again);

  Socket socket_;
  std::shared_ptr<TlsSession>
      session_;     // Shared: the origin's entry may go before its connections.
  SslPointer ssl_;  // After session_: it is destroyed first.
  std::string remote_;
  std::string tls_;
  std::string failure_;
};

}  // namespace posthorn::net

#pragma once
// TLS as a client: who is believed, which versions, and how much a peer may make us hold.

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "net/egress_deadline.h"

namespace posthorn::net {

struct TlsClientConfig {
  bool system_roots = true;
  std::string extra_ca_file;  ///< PEM, believed besides the system's roots; empty: none.
};

/// The newest session of one origin, so that the next connection there needs no full handshake. A
/// session is kept for an hour at most: the certificate that it stands for is looked at again.
class TlsSession {
 public:
  static constexpr std::chrono::minutes age_max{60};

  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession() { SSL_SESSION_free(session_); }
  /// Takes ownership. `resumed`: it came from a connection that itself resumed, so the certificate
  /// was not looked at anew.
  void keep(SSL_SESSION* session, bool resumed);
  /// nullptr when there is none or it is too old.
  [[nodiscard]] SSL_SESSION* fresh();
  void drop();

 private:
  SSL_SESSION* session_ = nullptr;
  SteadyClock::time_point verified_;
};

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, SslDeleter>;

/// One SSL_CTX: TLS 1.2 and later, the peer's name or address checked, chains up to 8 certificates
/// and 64 KiB, no renegotiation, no compression. Thread-safe after creation.
class TlsClient {
 public:
  /// Errors: io (the extra CA file cannot be read).
  static Result<std::unique_ptr<TlsClient>> create(TlsClientConfig config);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  /// A client side for a non-blocking socket, whose descriptor stays the caller's. `session` may be
  /// nullptr and else outlives the result. Errors: io (no memory, or not a name TLS can carry).
  Result<SslPointer> start(int descriptor, const std::string& host, bool host_is_address,
                           TlsSession* session);

 private:
  explicit TlsClient(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

/// The reason of the newest failure of `ssl`, in words; empties OpenSSL's queue of errors.
std::string tls_failure(const SSL* ssl, int system_error);

}  // namespace posthorn::net

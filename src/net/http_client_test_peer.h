#pragma once
// For tests: receivers on loopback that behave as badly as a test says, certificates made on the
// spot, and a client on its own io_context.

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "net/http_client.h"

namespace posthorn::net::testing {

/// A blocking connection on the receiver's side.
class PeerConnection {
 public:
  PeerConnection(int descriptor, SSL_CTX* context, const std::atomic<bool>& stopping)
      : descriptor_(descriptor), stopping_(stopping) {
    if (context != nullptr) {
      ssl_ = SSL_new(context);
      SSL_set_fd(ssl_, descriptor_);
    }
  }
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;
  ~PeerConnection() {
    SSL_free(ssl_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Puts TLS on the connection from here on.
  bool start_tls(SSL_CTX* context) {
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, descriptor_);
    return accept_tls();
  }
  /// Up to and without the next CRLF; empty when the client went away.
  std::string read_line() {
    std::string line;
    for (char c = 0; wait_readable();) {
      const auto moved =
          ssl_ != nullptr ? SSL_read(ssl_, &c, 1) : static_cast<int>(::recv(descriptor_, &c, 1, 0));
      if (moved != 1) return {};
      line += c;
      if (line.ends_with("\r\n")) return line.substr(0, line.size() - 2);
    }
    return {};
  }
  bool accept_tls() { return SSL_accept(ssl_) == 1; }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_) == 1; }

  bool write(std::string_view text) {
    while (!text.empty()) {
      const auto moved =
          ssl_ != nullptr
              ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
              : static_cast<int>(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL));
      if (moved <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(moved));
    }
    return true;
  }
  /// A whole request with a Content-Length; empty when the client went away.
  std::string read_request() {
    std::string got;
    for (;;) {
      const auto head = got.find("\r\n\r\n");
      if (head != std::string::npos) {
        const auto at = got.find("Content-Length: ");
        const auto length = at < head ? std::stoul(got.substr(at + 16)) : 0;
        if (got.size() >= head + 4 + length) return got;
      }
      if (!wait_readable()) return {};
      char buffer[4096];
      const auto moved = ssl_ != nullptr
                             ? SSL_read(ssl_, buffer, sizeof buffer)
                             : static_cast<int>(::recv(descriptor_, buffer, sizeof buffer, 0));
      if (moved <= 0) return {};
      got.append(buffer, static_cast<std::size_t>(moved));
    }
  }
  /// Writes `text` one byte at a time, with `gap` between, until the client is gone.
  void drip(std::string_view text, std::chrono::milliseconds gap) {
    for (const char c : text)
      if (!write({&c, 1}) || is_gone(gap)) return;
  }
  /// Waits until the client has closed.
  void wait_until_gone() {
    while (!stopping_ && !is_gone(std::chrono::milliseconds(20))) {
    }
  }
  /// Closes with RST instead of FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  bool is_gone(std::chrono::milliseconds within) {
    pollfd wait{descriptor_, POLLRDHUP, 0};
    return stopping_ || ::poll(&wait, 1, static_cast<int>(within.count())) != 0;
  }
  bool wait_readable() {
    if (ssl_ != nullptr && SSL_pending(ssl_) > 0) return true;
    for (pollfd wait{descriptor_, POLLIN, 0}; !stopping_;)
      if (::poll(&wait, 1, 20) != 0) return true;
    return false;
  }

  int descriptor_;
  const std::atomic<bool>& stopping_;
  SSL* ssl_ = nullptr;
};

/// Accepts on 127.0.0.1 and runs `behave` for each connection on a thread of its own.
class Peer {
 public:
  using Behave = std::function<void(PeerConnection&)>;

  explicit Peer(Behave behave, SSL_CTX* context = nullptr)
      : behave_(std::move(behave)), context_(context) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    PH_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    PH_ASSERT(::listen(listener_, 128) == 0);
    PH_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    stopping_ = true;
    thread_.join();
    for (auto& session : sessions_) session.join();
    ::close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view scheme = "http") const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_) + "/hook?x=1";
  }
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  void accept_all() {
    pollfd wait{listener_, POLLIN, 0};
    while (!stopping_) {
      if (::poll(&wait, 1, 20) != 1) continue;
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) continue;
      ++accepted_;
      sessions_.emplace_back([this, descriptor] {
        PeerConnection connection(descriptor, context_, stopping_);
        if (context_ == nullptr || connection.accept_tls()) behave_(connection);
      });
    }
  }

  Behave behave_;
  SSL_CTX* context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::vector<std::thread> sessions_;  // Of thread_ only, until it has ended.
  std::thread thread_;
};

/// Answers every request on a connection with `reply`.
inline Peer::Behave answering(std::string reply) {
  return [reply = std::move(reply)](PeerConnection& connection) {
    while (!connection.read_request().empty())
      if (!connection.write(reply)) return;
  };
}

/// A certificate and its key, as a test wants them; `config` of a client can trust its issuer.
class TestCertificate {
 public:
  struct Wish {
    std::string name = "127.0.0.1";  ///< In subjectAltName; an address or a name.
    bool expired = false;
    bool self_signed = false;
    int version = 0;  ///< The only TLS version offered; 0: all that are allowed.
  };

  explicit TestCertificate(Wish wish) : ca_key_(EVP_EC_gen("P-256")), key_(EVP_EC_gen("P-256")) {
    ca_ = sign("posthorn test CA", {}, false, nullptr, ca_key_, ca_key_);
    leaf_ = wish.self_signed ? sign(wish.name, wish.name, wish.expired, nullptr, key_, key_)
                             : sign(wish.name, wish.name, wish.expired, ca_, key_, ca_key_);
    context_ = SSL_CTX_new(TLS_server_method());
    if (wish.version != 0) {
      SSL_CTX_set_security_level(context_, 0);
      SSL_CTX_set_min_proto_version(context_, wish.version);
      SSL_CTX_set_max_proto_version(context_, wish.version);
    }
    PH_ASSERT(SSL_CTX_use_certificate(context_, leaf_) == 1);
    PH_ASSERT(SSL_CTX_use_PrivateKey(context_, key_) == 1);
    path_ = std::filesystem::temp_directory_path() / "posthorn-test-ca-XXXXXX";
    const int file = ::mkstemp(path_.data());
    PH_ASSERT(file >= 0);
    BIO* out = BIO_new_fd(file, BIO_CLOSE);
    PH_ASSERT(PEM_write_bio_X509(out, ca_) == 1);
    BIO_free(out);
  }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  ~TestCertificate() {
    ::unlink(path_.c_str());
    SSL_CTX_free(context_);
    X509_free(leaf_);
    X509_free(ca_);
    EVP_PKEY_free(key_);
    EVP_PKEY_free(ca_key_);
  }
  [[nodiscard]] SSL_CTX* server() const { return context_; }
  [[nodiscard]] TlsClientConfig trusting() const { return {false, path_}; }

 private:
  static X509* sign(const std::string& common_name, const std::string& alternative, bool expired,
                    X509* issuer, EVP_PKEY* key, EVP_PKEY* issuer_key) {
    X509* made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), alternative.empty() ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -7200);
    X509_gmtime_adj(X509_getm_notAfter(made), expired ? -3600 : 86400);
    X509_set_pubkey(made, key);
    X509_NAME* subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(made, issuer != nullptr ? X509_get_subject_name(issuer) : subject);
    if (alternative.empty()) {
      extend(made, NID_basic_constraints, "critical,CA:TRUE");
    } else {
      const bool address = alternative.find_first_not_of("0123456789.") == std::string::npos;
      extend(made, NID_subject_alt_name, (address ? "IP:" : "DNS:") + alternative);
    }
    PH_ASSERT(X509_sign(made, issuer_key, EVP_sha256()) > 0);
    return made;
  }
  static void extend(X509* certificate, int id, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
    PH_ASSERT(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  EVP_PKEY* ca_key_;
  EVP_PKEY* key_;
  X509* ca_;
  X509* leaf_;
  SSL_CTX* context_;
  std::string path_;
};

/// Scripted names; everything else is unknown.
class ScriptedResolver final : public Resolver {
 public:
  std::unordered_map<std::string, std::vector<std::vector<egress::Address>>> answers;
  int lookups = 0;

  task<Result<std::vector<egress::Address>>> resolve(std::string host, Deadline&) override {
    ++lookups;
    auto& script = answers[host];
    if (script.empty()) co_return fail(Errc::not_found, "no address for " + host);
    auto answer = script.front();
    if (script.size() > 1) script.erase(script.begin());
    co_return answer;
  }
};

inline egress::Overrides loopback_allowed() {
  egress::Overrides overrides;
  overrides.allow_loopback_http = true;
  return overrides;
}

/// A client with everything it needs, run by the calling thread while it waits.
struct Client {
  explicit Client(egress::Overrides overrides = loopback_allowed(), TlsClientConfig tls_config = {},
                  EgressConfig egress_config = {}, HttpClientConfig http_config = {})
      : policy(std::move(overrides)),
        tls(*TlsClient::create(std::move(tls_config))),
        egress(context, policy, resolver, *tls, std::move(egress_config)),
        http(egress, http_config) {}

  asio::io_context context{1};
  egress::Policy policy;
  ScriptedResolver resolver;
  std::unique_ptr<TlsClient> tls;
  Egress egress;
  HttpClient http;

  env::Exchange send(env::OutgoingRequest request) { return run(http.send(std::move(request))); }

  template <class T>
  T run(task<T> work) {
    std::optional<T> out;
    asio::co_spawn(context, std::move(work), [&out](std::exception_ptr bug, T value) {
      if (bug) std::rethrow_exception(bug);
      out = std::move(value);
    });
    while (!out) {
      context.restart();
      context.run_one();
    }
    return *std::move(out);
  }
};

inline env::OutgoingRequest post(std::string url, std::string body = "{\"a\":1}",
                                 Millis limit = Millis(5000)) {
  env::OutgoingRequest request;
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}, {"X-Webhook-Event", "ticket.created"}};
  request.body = share(std::move(body));
  request.limit = limit;
  return request;
}

}  // namespace posthorn::net::testing

#pragma once
// For tests of the HTTP server: a blocking client that sends bytes as they are given, with and
// without TLS, and certificates in files.

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/assert.h"

namespace posthorn::net::server_testing {

/// Nothing that a test waits for takes longer than this, or the test fails.
inline constexpr std::chrono::seconds patience{20};

struct Answer {
  int status = 0;
  std::string head, body;

  [[nodiscard]] bool has(std::string_view text) const {
    return head.find("\r\n" + std::string(text)) != std::string::npos;
  }
  /// The value of the first header of that name; empty without one.
  [[nodiscard]] std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

inline int connected_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

class Client {
 public:
  explicit Client(std::uint16_t port) : descriptor_(connected_to(port)) {
    PH_ASSERT(descriptor_ >= 0);
    const timeval limit{patience.count(), 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Client(Client&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), got_(std::move(other.got_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() { close(); }

  static bool can_connect(std::uint16_t port) {
    const int descriptor = connected_to(port);
    if (descriptor >= 0) ::close(descriptor);
    return descriptor >= 0;
  }

  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  void end_sending() { ::shutdown(descriptor_, SHUT_WR); }
  /// A server that has closed already may be sent to: the answer tells.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Status 0: the connection ended before the answer did.
  Answer read_answer(bool with_body = true) {
    Answer answer;
    std::size_t end = 0;
    while ((end = got_.find("\r\n\r\n")) == std::string::npos)
      if (!read()) return answer;
    answer.head = got_.substr(0, end + 2);
    got_.erase(0, end + 4);
    const auto length = answer.header("Content-Length");
    const auto bytes = with_body && !length.empty() ? std::stoul(length) : 0;
    while (got_.size() < bytes)
      if (!read()) return answer;
    answer.body = got_.substr(0, bytes);
    got_.erase(0, bytes);
    answer.status = std::stoi(answer.head.substr(9, 3));
    return answer;
  }
  std::string read_line() {
    std::size_t end = 0;
    while ((end = got_.find("\r\n")) == std::string::npos)
      if (!read()) return "the end";
    auto line = got_.substr(0, end);
    got_.erase(0, end + 2);
    return line;
  }
  std::string read_to_end() {
    while (read()) {
    }
    return std::exchange(got_, {});
  }
  /// The server has closed, with nothing left to read. Waits for it.
  bool is_at_end() { return got_.empty() && !read() && at_end_; }

  /// Waits until `holds`; false when it does not within `patience`.
  static bool wait_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (holds()) return true;
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

 private:
  bool read() {
    char buffer[16 * 1024];
    const auto moved = ::recv(descriptor_, buffer, sizeof buffer, 0);
    at_end_ = moved == 0 || (moved < 0 && errno == ECONNRESET);
    if (moved > 0) got_.append(buffer, static_cast<std::size_t>(moved));
    return moved > 0;
  }

  int descriptor_;
  std::string got_;
  bool at_end_ = false;
};

/// A certificate and its key in files of their own, for as long as it lives.
class CertificateFiles {
 public:
  explicit CertificateFiles(const std::string& common_name) {
    std::string name = std::filesystem::temp_directory_path() / "posthorn-test-XXXXXX";
    PH_ASSERT(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    replace(common_name);
  }
  CertificateFiles(const CertificateFiles&) = delete;
  CertificateFiles& operator=(const CertificateFiles&) = delete;
  ~CertificateFiles() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string certificate() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string key() const { return folder_ / "key.pem"; }

  /// Both files anew, with a later time of change.
  void replace(const std::string& common_name) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                   &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 86400);
    X509_set_pubkey(made.get(), pair.get());
    X509_NAME* subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(made.get(), subject);
    PH_ASSERT(X509_sign(made.get(), pair.get(), EVP_sha256()) > 0);
    write(certificate(), [&](BIO* out) { return PEM_write_bio_X509(out, made.get()); });
    write(key(), [&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    touch();
  }
  void damage() {
    std::ofstream(certificate()) << "half a certif";
    touch();
  }

 private:
  static void write(const std::string& file, const std::function<int(BIO*)>& put) {
    BIO* out = BIO_new_file(file.c_str(), "w");
    PH_ASSERT(out != nullptr && put(out) == 1);
    BIO_free(out);
  }
  /// File times may be coarser than a test is fast.
  void touch() {
    changed_ += std::chrono::seconds(2);
    for (const auto& file : {certificate(), key()})
      std::filesystem::last_write_time(file, changed_);
  }

  std::filesystem::path folder_;
  std::filesystem::file_time_type changed_ = std::filesystem::file_time_type::clock::now();
};

/// A TLS connection that believes every certificate, to look at it.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port)
      : descriptor_(connected_to(port)), context_(SSL_CTX_new(TLS_client_method())) {
    PH_ASSERT(descriptor_ >= 0);
    ssl_ = SSL_new(context_);
    static constexpr unsigned char offered[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(ssl_, offered, sizeof offered - 1);
    SSL_set_fd(ssl_, descriptor_);
    PH_ASSERT(SSL_connect(ssl_) == 1);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ::close(descriptor_);
  }

  [[nodiscard]] std::string common_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl_),
                                                           &X509_free);
    char text[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, text, sizeof text);
    return text;
  }
  [[nodiscard]] std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  void send(std::string_view bytes) {
    PH_ASSERT(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) ==
              static_cast<int>(bytes.size()));
  }
  /// Reads until what has come ends with `tail`; false when the connection ends before.
  bool read_until(std::string_view tail) {
    std::string got;
    char buffer[4096];
    while (!got.ends_with(tail)) {
      const int moved = SSL_read(ssl_, buffer, sizeof buffer);
      if (moved <= 0) return false;
      got.append(buffer, static_cast<std::size_t>(moved));
    }
    return true;
  }

 private:
  int descriptor_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

}  // namespace posthorn::net::server_testing

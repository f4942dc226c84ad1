#include "net/tls_server.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string_view>

namespace posthorn::net {

namespace {

namespace ssl = boost::asio::ssl;

int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  if (SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, ours, sizeof ours - 1,
                            offered, offered_size) == OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_OK;
  return SSL_TLSEXT_ERR_NOACK;
}

/// Instead of OpenSSL's own, which asks the terminal.
int no_password(char*, int, int, void*) { return -1; }

std::string newest_error() {
  char text[256] = "no reason given";
  if (const auto code = ERR_peek_last_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

}  // namespace

Result<std::unique_ptr<TlsServer>> TlsServer::load(std::string certificate_file,
                                                   std::string key_file) {
  std::unique_ptr<TlsServer> made(new TlsServer(std::move(certificate_file), std::move(key_file)));
  if (auto read = made->read(); !read) return fail(std::move(read).error());
  return made;
}

Result<> TlsServer::read() {
  std::error_code error;
  const auto certificate_time = std::filesystem::last_write_time(certificate_file_, error);
  if (error)
    return fail(Errc::invalid,
                fmt::format("tls.certificate: {}: {}", certificate_file_, error.message()));
  const auto key_time = std::filesystem::last_write_time(key_file_, error);
  if (error) return fail(Errc::invalid, fmt::format("tls.key: {}: {}", key_file_, error.message()));
  // Also when they are of no use: they are looked at again when they change again.
  certificate_time_ = certificate_time;
  key_time_ = key_time;
  auto fresh = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = fresh->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(
      native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_default_passwd_cb(native, &no_password);
  SSL_CTX_set_alpn_select_cb(native, &choose_http_1_1, nullptr);
  if (SSL_CTX_use_certificate_chain_file(native, certificate_file_.c_str()) != 1)
    return fail(Errc::invalid, fmt::format("tls.certificate: {} is not a PEM certificate chain: {}",
                                           certificate_file_, newest_error()));
  if (SSL_CTX_use_PrivateKey_file(native, key_file_.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(native) != 1)
    return fail(Errc::invalid,
                fmt::format("tls.key: {} is not the private key of that certificate: {}", key_file_,
                            newest_error()));
  context_ = std::move(fresh);
  return {};
}

Result<bool> TlsServer::reload_if_changed() {
  std::error_code error;
  const auto certificate_time = std::filesystem::last_write_time(certificate_file_, error);
  if (error) return false;  // In the middle of being replaced: the next look finds it.
  const auto key_time = std::filesystem::last_write_time(key_file_, error);
  if (error || (certificate_time == certificate_time_ && key_time == key_time_)) return false;
  if (auto read_again = read(); !read_again) return fail(std::move(read_again).error());
  return true;
}

}  // namespace posthorn::net

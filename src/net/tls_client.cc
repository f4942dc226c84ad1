#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "base/bytes.h"

namespace posthorn::net {

namespace {

constexpr int chain_length_max = 8;
constexpr long chain_bytes_max = 64 * 1024;

int session_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* place = static_cast<TlsSession*>(SSL_get_ex_data(ssl, session_index()));
  if (place == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
  place->keep(session, SSL_session_reused(ssl) == 1);
  return 1;
}

// A BIO of our own, because OpenSSL's writes without MSG_NOSIGNAL: a peer that goes away would end
// the process.
int bio_descriptor(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int bio_write(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  const auto sent =
      ::send(bio_descriptor(bio), data, static_cast<std::size_t>(length), MSG_NOSIGNAL);
  if (sent < 0 && is_temporary(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int length) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(bio_descriptor(bio), data, static_cast<std::size_t>(length), 0);
  if (got < 0 && is_temporary(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "guarded socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

}  // namespace

void TlsSession::keep(SSL_SESSION* session, bool resumed) {
  if (!resumed) verified_ = SteadyClock::now();
  SSL_SESSION_free(session_);
  session_ = session;
}

SSL_SESSION* TlsSession::fresh() {
  if (session_ != nullptr && SteadyClock::now() - verified_ > age_max) drop();
  return session_;
}

void TlsSession::drop() {
  SSL_SESSION_free(session_);
  session_ = nullptr;
}

Result<std::unique_ptr<TlsClient>> TlsClient::create(TlsClientConfig config) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return fail(Errc::io, "TLS: " + tls_failure(nullptr, 0));
  std::unique_ptr<TlsClient> client(new TlsClient(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(context, chain_length_max);
  SSL_CTX_set_max_cert_list(context, chain_bytes_max);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  constexpr unsigned char protocols[] = "\x08http/1.1";
  if (SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) != 0)
    return fail(Errc::io, "TLS: " + tls_failure(nullptr, 0));
  if (config.system_roots && SSL_CTX_set_default_verify_paths(context) != 1)
    return fail(Errc::io, "TLS: the system's roots: " + tls_failure(nullptr, 0));
  if (!config.extra_ca_file.empty() &&
      SSL_CTX_load_verify_file(context, config.extra_ca_file.c_str()) != 1)
    return fail(Errc::io,
                "TLS: " + config.extra_ca_file + " could not be read: " + tls_failure(nullptr, 0));
  return client;
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

Result<SslPointer> TlsClient::start(int descriptor, const std::string& host, bool host_is_address,
                                    TlsSession* session) {
  SslPointer ssl(SSL_new(context_));
  if (!ssl) return fail(Errc::io, tls_failure(nullptr, 0));
  BIO* bio = BIO_new(bio_method());
  if (bio == nullptr) return fail(Errc::io, tls_failure(nullptr, 0));
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_connect_state(ssl.get());
  bool named = false;
  if (host_is_address) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    named = SSL_set1_host(ssl.get(), host.c_str()) == 1 &&
            SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  }
  if (!named) return fail(Errc::io, tls_failure(nullptr, 0));
  if (session != nullptr) {
    SSL_set_ex_data(ssl.get(), session_index(), session);
    if (SSL_SESSION* kept = session->fresh()) SSL_set_session(ssl.get(), kept);
  }
  return ssl;
}

std::string tls_failure(const SSL* ssl, int system_error) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (ssl != nullptr) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
      return std::string("the certificate is not accepted: ") +
             X509_verify_cert_error_string(verdict);
  }
  if (code != 0) {
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? printable(reason) : "OpenSSL error " + std::to_string(code);
  }
  if (system_error != 0) return std::generic_category().message(system_error);
  return "the peer closed the connection";
}

}  // namespace posthorn::net

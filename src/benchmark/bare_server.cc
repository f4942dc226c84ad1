// The servers of a measurement: the floor that answers everything, with or without TLS.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "benchmark/peers.h"
#include "benchmark/wire.h"

namespace posthorn::benchmark {

TestCertificate make_test_certificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  for (const auto& [id, value] : {std::pair{NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
                                  std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_set_version(certificate, 2);
  X509_sign(certificate, key, EVP_sha256());
  const auto pem = [](auto&& write) {
    BIO* memory = BIO_new(BIO_s_mem());
    write(memory);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(memory, &text);
    std::string out(text, static_cast<std::size_t>(size));
    BIO_free(memory);
    return out;
  };
  TestCertificate made{pem([&](BIO* b) { PEM_write_bio_X509(b, certificate); }), pem([&](BIO* b) {
                         PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr);
                       })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

void serve_floor(const TestCertificate* certificate) {
  SSL_CTX* context = nullptr;
  if (certificate != nullptr) {
    context = SSL_CTX_new(TLS_server_method());
    BIO* memory = BIO_new_mem_buf(certificate->certificate_pem.data(),
                                  static_cast<int>(certificate->certificate_pem.size()));
    X509* chain = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
    BIO* key_memory =
        BIO_new_mem_buf(certificate->key_pem.data(), static_cast<int>(certificate->key_pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_memory, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, chain);
    SSL_CTX_use_PrivateKey(context, key);
  }
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  std::printf("ready %d\n", port);
  std::fflush(stdout);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Peer>> peers(1);  // slot 0 stands for the listener
  watch(poll, listener, 0);
  epoll_event events[256];
  for (;;) {
    const int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const auto slot = events[i].data.u64;
      if (slot == 0) {
        for (int fd;
             (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          set_no_delay(fd);
          auto peer = std::make_unique<Peer>();
          peer->fd = fd;
          if (context != nullptr) {
            peer->tls = SSL_new(context);
            SSL_set_fd(peer->tls, fd);
            SSL_set_accept_state(peer->tls);
          }
          peers.push_back(std::move(peer));
          watch(poll, fd, peers.size() - 1);
        }
        continue;
      }
      auto& peer = *peers[slot];
      const int got = peer.read_some();
      bool alive = got >= 0;
      std::size_t length = 0;
      while (alive && (length = message_length(peer.in, nullptr)) != 0) {
        peer.in.erase(0, length);
        alive = peer.write(no_content);
      }
      if (!alive) peer.close_it();
    }
  }
}

}  // namespace posthorn::benchmark

#include "bench/reference_server.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <simdjson.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>

namespace posthorn::reference {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using executor = asio::io_context::executor_type;
using socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
template <class T>
using awaitable = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> use_awaitable;

class Verifier {
 public:
  explicit Verifier(const std::string& key)
      : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(EVP_MAC_CTX_new(mac_)) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC_init(context_, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                 parameters);
  }
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  bool verify(std::string_view body, std::string_view hex) {
    unsigned char mac[32];
    std::size_t size = 0;
    EVP_MAC_init(context_, nullptr, 0, nullptr);
    EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(body.data()), body.size());
    EVP_MAC_final(context_, mac, &size, sizeof mac);
    constexpr char digits[] = "0123456789abcdef";
    char text[64];
    for (std::size_t i = 0; i < 32; ++i) {
      text[2 * i] = digits[mac[i] >> 4];
      text[2 * i + 1] = digits[mac[i] & 15];
    }
    return hex.size() == 64 && CRYPTO_memcmp(text, hex.data(), 64) == 0;
  }

 private:
  EVP_MAC* mac_;
  EVP_MAC_CTX* context_;
};

constexpr std::string_view accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

awaitable<void> session(socket peer, Verifier& verifier, simdjson::dom::parser& json) {
  beast::flat_buffer buffer;
  boost::system::error_code error;
  while (!error) {
    beast::http::request_parser<beast::http::string_body> parser;
    co_await beast::http::async_read(peer, buffer, parser,
                                     asio::redirect_error(use_awaitable, error));
    if (error) break;
    const auto& request = parser.get();
    const auto signature = request["X-Signature"];
    bool good = verifier.verify(request.body(), {signature.data(), signature.size()});
    if (good) {
      simdjson::dom::element parsed;
      good =
          json.parse(request.body().data(), request.body().size()).get(parsed) == simdjson::SUCCESS;
    }
    co_await asio::async_write(peer, asio::buffer(good ? accepted : refused),
                               asio::redirect_error(use_awaitable, error));
  }
}

awaitable<void> accept_all(asio::basic_socket_acceptor<asio::ip::tcp, executor>& acceptor,
                           Verifier& verifier, simdjson::dom::parser& json) {
  for (;;) {
    socket peer = co_await acceptor.async_accept(use_awaitable);
    peer.set_option(asio::ip::tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), session(std::move(peer), verifier, json),
                   asio::detached);
  }
}

}  // namespace

void serve(std::string key) {
  asio::io_context context(1);
  Verifier verifier(key);
  simdjson::dom::parser json;
  asio::basic_socket_acceptor<asio::ip::tcp, executor> acceptor(
      context, {asio::ip::make_address("127.0.0.1"), 0});
  std::printf("ready %d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept_all(acceptor, verifier, json), asio::detached);
  context.run();
  std::abort();  // The acceptor never ends.
}

}  // namespace posthorn::reference

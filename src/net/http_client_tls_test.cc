#include <doctest/doctest.h>

#include "net/http_client.h"
#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
using env::ExchangeResult;

namespace {
const std::string fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
}

TEST_CASE("https: a certificate of a trusted issuer for the right name is accepted") {
  const TestCertificate certificate({});
  Peer peer(answering(fine), certificate.server());
  Client client(loopback_allowed(), certificate.trusting());
  for (int i = 0; i < 3; ++i) {
    const auto exchange = client.send(post(peer.url("https")));
    CHECK(exchange.result == ExchangeResult::ok);
    CHECK(exchange.detail == "");
    CHECK(exchange.body == "ok");
    CHECK(exchange.tls.starts_with("TLSv1.3 TLS_"));
    CHECK((exchange.timings.tls_ms >= 0) == (i == 0));
  }
  CHECK(peer.accepted() == 1);
}

TEST_CASE("https: a megabyte goes through, and so does a body at the edge of a record") {
  const TestCertificate certificate({});
  std::atomic<std::size_t> got{0};
  Peer peer(
      [&got](PeerConnection& connection) {
        for (;;) {
          const std::string request = connection.read_request();
          if (request.empty()) return;
          got = request.size() - request.find("\r\n\r\n") - 4;
          connection.write(fine);
        }
      },
      certificate.server());
  Client client(loopback_allowed(), certificate.trusting());
  for (const std::size_t size : {0UL, 1UL, 16'000UL, 16'384UL, 16'385UL, 40'000UL, 1'048'576UL}) {
    CAPTURE(size);
    CHECK(client.send(post(peer.url("https"), std::string(size, 'x'))).status == 200);
    CHECK(got == size);
  }
}

TEST_CASE("https: what cannot be trusted is refused before a byte of the request") {
  TestCertificate::Wish wish;
  std::string reason;
  SUBCASE("expired") {
    wish.expired = true;
    reason = "expired";
  }
  SUBCASE("self-signed") {
    wish.self_signed = true;
    reason = "self-signed";
  }
  SUBCASE("for another address") {
    wish.name = "127.0.0.2";
    reason = "IP address mismatch";
  }
  SUBCASE("for a name instead of the address") {
    wish.name = "hooks.example.com";
    reason = "IP address mismatch";
  }
  SUBCASE("TLS 1.1 only") {
    wish.version = TLS1_1_VERSION;
    reason = "protocol version";
  }
  std::atomic<int> requests{0};
  const TestCertificate certificate(wish);
  Peer peer(
      [&requests](PeerConnection& connection) {
        if (!connection.read_request().empty()) ++requests;
      },
      certificate.server());
  Client client(loopback_allowed(), certificate.trusting());
  const auto exchange = client.send(post(peer.url("https")));
  CHECK(exchange.result == ExchangeResult::tls_failed);
  CAPTURE(exchange.detail);
  CHECK(exchange.detail.find(reason) != std::string::npos);
  CHECK(requests == 0);
}

TEST_CASE("https: an issuer that is not trusted is refused") {
  const TestCertificate certificate({}), other({});
  Peer peer(answering(fine), certificate.server());
  Client client(loopback_allowed(), other.trusting());
  CHECK(client.send(post(peer.url("https"))).result == ExchangeResult::tls_failed);
}

TEST_CASE("https: the name is checked when the host is a name") {
  const TestCertificate certificate({.name = "hooks.example.com"});
  Peer peer(answering(fine), certificate.server());
  egress::Overrides overrides;
  overrides.allow = {*egress::parse_cidr("127.0.0.0/8")};
  Client client(overrides, certificate.trusting());
  const egress::Address loopback = *egress::parse_address("127.0.0.1");
  client.resolver.answers["hooks.example.com"] = {{loopback}};
  client.resolver.answers["other.example.com"] = {{loopback}};
  const std::string tail = ".example.com:" + std::to_string(peer.port()) + "/x";
  const auto good = client.send(post("https://hooks" + tail));
  CHECK(good.result == ExchangeResult::ok);
  CHECK(good.timings.dns_ms >= 0);
  const auto bad = client.send(post("https://other" + tail));
  CHECK(bad.result == ExchangeResult::tls_failed);
  CHECK(bad.detail.find("hostname mismatch") != std::string::npos);
}

TEST_CASE("https: a new connection to a known origin resumes the session") {
  const int version = TLS1_3_VERSION;
  TestCertificate::Wish wish;
  SUBCASE("TLS 1.3") { wish.version = version; }
  SUBCASE("TLS 1.2") { wish.version = TLS1_2_VERSION; }
  const TestCertificate certificate(wish);
  std::atomic<int> resumed{0};
  Peer peer(
      [&resumed](PeerConnection& connection) {
        if (connection.resumed()) ++resumed;
        if (!connection.read_request().empty())
          connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      },
      certificate.server());
  Client client(loopback_allowed(), certificate.trusting());
  for (int i = 0; i < 4; ++i) CHECK(client.send(post(peer.url("https"))).status == 200);
  CHECK(peer.accepted() == 4);
  CHECK(resumed == 3);
}

TEST_CASE("https: plain bytes where TLS is spoken, and the other way round") {
  Client client;
  Peer plain([](PeerConnection& connection) {
    connection.write("HTTP/1.1 400 Bad\r\n\r\n");
    connection.wait_until_gone();
  });
  CHECK(client.send(post(plain.url("https"))).result == ExchangeResult::tls_failed);
  const TestCertificate certificate({});
  Peer secure(answering(fine), certificate.server());
  const auto exchange = client.send(post(secure.url("http")));
  CHECK((exchange.result == ExchangeResult::protocol_error ||
         exchange.result == ExchangeResult::connection_lost));
}

TEST_CASE("https: new handshakes beyond the rate wait for their turn") {
  const TestCertificate certificate({});
  Peer peer(
      [](PeerConnection& connection) {
        if (!connection.read_request().empty())
          connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      },
      certificate.server());
  EgressConfig config;
  config.handshakes_per_second = 1;
  Client client(loopback_allowed(), certificate.trusting(), config);
  CHECK(client.send(post(peer.url("https"))).status == 200);
  const auto late = client.send(post(peer.url("https"), "{}", Millis(200)));
  CHECK(late.result == ExchangeResult::timed_out);
  CHECK(late.detail.find("turn") != std::string::npos);
  const auto waited = client.send(post(peer.url("https")));
  CHECK(waited.status == 200);
}

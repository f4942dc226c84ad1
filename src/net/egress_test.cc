#include "net/egress.h"

#include <doctest/doctest.h>

#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
using env::ExchangeResult;

namespace {

const std::string fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

egress::Address address(std::string_view text) { return *egress::parse_address(text); }

egress::Overrides loopback_as_public() {
  egress::Overrides overrides;
  overrides.allow = {*egress::parse_cidr("127.0.0.0/8")};
  return overrides;
}

}  // namespace

TEST_CASE("egress: what the policy refuses is not even looked up") {
  Client client{egress::Overrides()};
  for (const char* url : {"http://example.com/", "https://127.0.0.1:8443/", "https://localhost/",
                          "ftp://example.com/", "https://user@example.com/",
                          "https://example.com:22/", "https://0x7f.1/", ""}) {
    CAPTURE(url);
    const auto exchange = client.send(post(url));
    CHECK(exchange.result == ExchangeResult::refused);
    CHECK_FALSE(exchange.detail.empty());
  }
  CHECK(client.resolver.lookups == 0);
}

TEST_CASE("egress: an answer with one denied address is refused whole") {
  const TestCertificate certificate({.name = "hooks.example.com"});
  Peer peer(answering(fine), certificate.server());
  Client client(loopback_as_public(), certificate.trusting());
  client.resolver.answers["hooks.example.com"] = {{address("127.0.0.1"), address("10.0.0.1")}};
  const auto exchange =
      client.send(post("https://hooks.example.com:" + std::to_string(peer.port()) + "/"));
  CHECK(exchange.result == ExchangeResult::refused);
  CHECK(peer.accepted() == 0);
}

TEST_CASE("egress: each new connection is one lookup, a kept one none") {
  const TestCertificate certificate({.name = "hooks.example.com"});
  Peer peer(answering(fine), certificate.server());
  Client client(loopback_as_public(), certificate.trusting());
  // The second answer is what a rebinding attacker would give: it must never be asked for.
  client.resolver.answers["hooks.example.com"] = {{address("127.0.0.1")}, {address("10.0.0.1")}};
  const std::string url = "https://hooks.example.com:" + std::to_string(peer.port()) + "/";
  for (int i = 0; i < 3; ++i) CHECK(client.send(post(url)).result == ExchangeResult::ok);
  CHECK(client.resolver.lookups == 1);
  client.http.close_idle();
  CHECK(client.send(post(url)).result == ExchangeResult::refused);
  CHECK(client.resolver.lookups == 2);
}

TEST_CASE("egress: an unknown name and an empty answer are failures of the lookup") {
  Client client;
  const auto unknown = client.send(post("https://hooks.example.com/"));
  CHECK(unknown.result == ExchangeResult::dns_failed);
  client.resolver.answers["hooks.example.com"] = {{}};
  const auto empty = client.send(post("https://hooks.example.com/"));
  CHECK(empty.result == ExchangeResult::dns_failed);
}

TEST_CASE("egress: the next address is tried when one does not answer") {
  const TestCertificate certificate({.name = "hooks.example.com"});
  Peer peer(answering(fine), certificate.server());
  Client client(loopback_as_public(), certificate.trusting());
  client.resolver.answers["hooks.example.com"] = {{address("127.0.0.9"), address("127.0.0.1")}};
  const auto exchange =
      client.send(post("https://hooks.example.com:" + std::to_string(peer.port()) + "/"));
  CHECK(exchange.result == ExchangeResult::ok);
  CHECK(exchange.remote_address == "127.0.0.1:" + std::to_string(peer.port()));
}

TEST_CASE("egress: this server's own listener is refused, whatever is allowed") {
  Peer peer(answering(fine));
  EgressConfig config;
  SUBCASE("at this address") { config.own_listeners = {{address("127.0.0.1"), peer.port()}}; }
  SUBCASE("at every address") { config.own_listeners = {{address("0.0.0.0"), peer.port()}}; }
  SUBCASE("at every address of IPv6") { config.own_listeners = {{address("::"), peer.port()}}; }
  Client client(loopback_allowed(), {}, config);
  const auto exchange = client.send(post(peer.url()));
  CHECK(exchange.result == ExchangeResult::refused);
  CHECK(peer.accepted() == 0);
}

TEST_CASE("egress: a configured proxy is asked for the vetted address") {
  const TestCertificate certificate({.name = "hooks.example.com"});
  Peer proxy([](PeerConnection& connection) {
    connection.write(connection.read_request().starts_with("CONNECT 192.0.2.7:443 HTTP/1.1\r\n")
                         ? "HTTP/1.1 403 Not today\r\n\r\n"
                         : "HTTP/1.1 500 Wrong\r\n\r\n");
    connection.wait_until_gone();
  });
  egress::Overrides overrides;
  overrides.allow = {*egress::parse_cidr("192.0.2.0/24")};
  EgressConfig config;
  config.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  Client client(overrides, {}, config);
  client.resolver.answers["hooks.example.com"] = {{address("192.0.2.7")}};
  const auto exchange = client.send(post("https://hooks.example.com/"));
  CHECK(exchange.result == ExchangeResult::connect_failed);
  CHECK(exchange.detail.find("403 Not today") != std::string::npos);
  client.resolver.answers["inside.example.com"] = {{address("10.0.0.1")}};
  CHECK(client.send(post("https://inside.example.com/")).result == ExchangeResult::refused);
  CHECK(proxy.accepted() == 1);
}

TEST_CASE("egress: proxies of the environment are not used") {
  Peer peer(answering(fine));
  Peer proxy(answering("HTTP/1.1 502 Proxied\r\nContent-Length: 0\r\n\r\n"));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  ::setenv("ALL_PROXY", proxy.url().c_str(), 1);
  Client client;
  CHECK(client.send(post(peer.url())).status == 200);
  CHECK(proxy.accepted() == 0);
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
}

TEST_CASE("egress: a blocking dial reaches what listens and says why it does not") {
  std::uint16_t port = 0;
  const std::atomic<bool> stop{false};
  {
    Peer peer(answering(fine));
    port = peer.port();
    const auto descriptor = dial_blocking({address("127.0.0.1")}, port, Millis(2000), stop);
    REQUIRE(descriptor);
    ::close(*descriptor);
  }
  const auto refused = dial_blocking({address("127.0.0.1")}, port, Millis(2000), stop);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("refused") != std::string::npos);
}

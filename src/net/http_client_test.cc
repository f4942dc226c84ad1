#include "net/http_client.h"

#include <doctest/doctest.h>

#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
using env::ExchangeResult;

TEST_CASE("http client: sends the head and the body and reads the reply") {
  std::string seen;
  Client client;
  {
    Peer peer([&seen](PeerConnection& connection) {
      seen = connection.read_request();
      connection.write("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
    });
    const auto exchange = client.send(post(peer.url()));
    CHECK(exchange.result == ExchangeResult::ok);
    CHECK(exchange.status == 201);
    CHECK(exchange.body == "hello");
    CHECK(exchange.headers.at(0) == env::Header{"X-A", "b"});
    CHECK(exchange.remote_address == "127.0.0.1:" + std::to_string(peer.port()));
    CHECK(exchange.tls.empty());
    CHECK(exchange.timings.dns_ms == -1);
    CHECK(exchange.timings.connect_ms >= 0);
    CHECK(exchange.timings.tls_ms == -1);
    CHECK(exchange.timings.first_byte_ms >= 0);
    const std::string expected =
        "POST /hook?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
        "\r\nContent-Type: application/json\r\nX-Webhook-Event: "
        "ticket.created\r\nAccept-Encoding: identity\r\nContent-Length: "
        "7\r\n\r\n{\"a\":1}";
    CHECK(seen == expected);
  }
}

TEST_CASE("http client: keeps a connection for the next request") {
  Peer peer(answering("HTTP/1.1 204 No Content\r\n\r\n"));
  Client client;
  for (int i = 0; i < 20; ++i) {
    const auto exchange = client.send(post(peer.url()));
    CHECK(exchange.status == 204);
    CHECK(exchange.timings.connect_ms == (i == 0 ? exchange.timings.connect_ms : -1));
  }
  CHECK(peer.accepted() == 1);
  CHECK(client.http.idle_count() == 1);
}

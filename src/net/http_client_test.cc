#include "net/http_client.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
using env::ExchangeResult;

TEST_CASE("http client: sends the head and the body and reads the reply") {
  std::string seen;
  Client client;
  env::Exchange exchange;
  std::uint16_t port = 0;
  {
    Peer peer([&seen](PeerConnection& connection) {
      seen = connection.read_request();
      connection.write("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
    });
    port = peer.port();
    exchange = client.send(post(peer.url()));
  }
  CHECK(exchange.result == ExchangeResult::ok);
  CHECK(exchange.status == 201);
  CHECK(exchange.body == "hello");
  CHECK_FALSE(exchange.body_truncated);
  CHECK(exchange.headers.at(0) == env::Header{"X-A", "b"});
  CHECK(exchange.remote_address == "127.0.0.1:" + std::to_string(port));
  CHECK(exchange.tls.empty());
  CHECK(exchange.timings.dns_ms == -1);
  CHECK(exchange.timings.connect_ms >= 0);
  CHECK(exchange.timings.tls_ms == -1);
  CHECK(exchange.timings.first_byte_ms >= 0);
  CHECK(seen == "POST /hook?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                    "\r\nContent-Type: application/json\r\nX-Webhook-Event: ticket.created\r\n"
                    "Accept-Encoding: identity\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_CASE("http client: keeps a connection for the next request") {
  Peer peer(answering("HTTP/1.1 204 No Content\r\n\r\n"));
  Client client;
  for (int i = 0; i < 20; ++i) {
    const auto exchange = client.send(post(peer.url()));
    CHECK(exchange.status == 204);
    CHECK((exchange.timings.connect_ms == -1) == (i > 0));
  }
  CHECK(peer.accepted() == 1);
  CHECK(client.http.idle_count() == 1);
}

TEST_CASE("http client: a body of a megabyte arrives whole") {
  const std::string body(1 << 20, 'x');
  std::size_t got = 0;
  {
    Peer peer([&got](PeerConnection& connection) {
      got = connection.read_request().size();
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    Client client;
    CHECK(client.send(post(peer.url(), body)).status == 200);
  }
  CHECK(got > body.size());
  CHECK(got < body.size() + 1000);
}

TEST_CASE("http client: a kept connection that the peer closed is replaced without a trace") {
  std::atomic<int> requests{0};
  Peer peer([&requests](PeerConnection& connection) {
    if (connection.read_request().empty()) return;
    ++requests;
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  Client client;
  for (int i = 0; i < 5; ++i) {
    const auto exchange = client.send(post(peer.url()));
    CHECK(exchange.result == ExchangeResult::ok);
    CHECK(exchange.status == 200);
  }
  CHECK(peer.accepted() == 5);
  CHECK(requests == 5);
}

TEST_CASE("http client: a request that dies on a kept connection is sent once more, not twice") {
  std::atomic<int> requests{0};
  // The first connection answers once; whatever comes later is read and then reset.
  Peer peer([&requests](PeerConnection& connection) {
    while (!connection.read_request().empty()) {
      if (++requests > 1) return connection.reset();
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  Client client;
  CHECK(client.send(post(peer.url())).status == 200);
  const auto lost = client.send(post(peer.url()));
  CHECK(lost.result == ExchangeResult::connection_lost);
  CHECK(lost.status == 0);
  CHECK_FALSE(lost.detail.empty());
  CHECK(requests == 3);
  CHECK(peer.accepted() == 2);
}

TEST_CASE(
    "http client: a reply that leaves a connection unfit is accepted and the connection not kept") {
  std::string reply;
  SUBCASE("204 with a body") { reply = "HTTP/1.1 204 No Content\r\n\r\nsurprise"; }
  SUBCASE("more than Content-Length says") {
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 Forged\r\n\r\n";
  }
  SUBCASE("Connection: close") {
    reply = "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 0\r\n\r\n";
  }
  SUBCASE("two codings of length") {
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  }
  SUBCASE("bad chunking") {
    reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc";
  }
  Peer peer(answering(reply));
  Client client;
  const auto exchange = client.send(post(peer.url()));
  CHECK(exchange.result == ExchangeResult::ok);
  CHECK(exchange.status / 100 == 2);
  CHECK(client.http.idle_count() == 0);
}

TEST_CASE("http client: HTTP/1.0 without a length is read to its end") {
  Peer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.0 200 OK\r\n\r\nsome text");
  });
  Client client;
  const auto exchange = client.send(post(peer.url()));
  CHECK(exchange.status == 200);
  CHECK(exchange.body == "some text");
  CHECK_FALSE(exchange.body_truncated);
}

TEST_CASE("http client: a redirect is an answer and is not followed") {
  Peer target(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Peer peer(answering("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + target.url() +
                      "\r\nContent-Length: 0\r\n\r\n"));
  Client client;
  CHECK(client.send(post(peer.url())).status == 307);
  CHECK(target.accepted() == 0);
}

TEST_CASE("http client: what would change the request's framing is refused unsent") {
  Peer peer(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Client client;
  auto request = post(peer.url());
  SUBCASE("a line break in a value") { request.headers.push_back({"X-A", "b\r\nX-C: d"}); }
  SUBCASE("NUL in a value") { request.headers.push_back({"X-A", std::string("b\0c", 3)}); }
  SUBCASE("a space in a name") { request.headers.push_back({"X A", "b"}); }
  SUBCASE("an empty name") { request.headers.push_back({"", "b"}); }
  SUBCASE("Transfer-Encoding") { request.headers.push_back({"transfer-Encoding", "chunked"}); }
  SUBCASE("Content-Length") { request.headers.push_back({"Content-Length", "1"}); }
  SUBCASE("Host") { request.headers.push_back({"HOST", "internal"}); }
  SUBCASE("a method with a space") { request.method = "POST /x"; }
  const auto exchange = client.send(std::move(request));
  CHECK(exchange.result == ExchangeResult::refused);
  CHECK_FALSE(exchange.detail.empty());
  CHECK(peer.accepted() == 0);
}

TEST_CASE("http client: idle connections are capped, the longest idle one goes first") {
  HttpClientConfig config;
  config.pool.plain_max = 2;
  Client client(loopback_allowed(), {}, {}, config);
  const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Peer first(answering(reply)), second(answering(reply)), third(answering(reply));
  for (Peer* peer : {&first, &second, &third}) CHECK(client.send(post(peer->url())).status == 200);
  CHECK(client.http.idle_count() == 2);
  CHECK(client.send(post(third.url())).timings.connect_ms == -1);
  CHECK(client.send(post(second.url())).timings.connect_ms == -1);
  CHECK(client.send(post(first.url())).timings.connect_ms >= 0);
}

TEST_CASE("http client: a URL that is forgotten is judged and sent again") {
  HttpClientConfig config;
  config.urls_max = 1;
  Client client(loopback_allowed(), {}, {}, config);
  Peer first(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Peer second(answering("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"));
  for (int i = 0; i < 3; ++i) {
    CHECK(client.send(post(first.url())).status == 200);
    CHECK(client.send(post(second.url())).status == 202);
  }
}

TEST_CASE("http client: many requests at once share the client") {
  Peer peer(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  Client client;
  int good = 0;
  constexpr int count = 50;
  int done = 0;
  for (int i = 0; i < count; ++i)
    asio::co_spawn(client.context, client.http.send(post(peer.url())),
                   [&](std::exception_ptr bug, env::Exchange exchange) {
                     ++done;
                     if (!bug && exchange.status == 200 && exchange.body == "ok") ++good;
                   });
  CHECK(client.http.in_flight() == 0);
  while (done < count) client.context.run_one();
  CHECK(good == count);
  CHECK(client.http.in_flight() == 0);
  CHECK(client.http.idle_count() == static_cast<std::size_t>(peer.accepted()));
}

TEST_CASE("http client: cancelling ends an attempt early and throws nothing") {
  Peer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.wait_until_gone();
  });
  Client client;
  asio::cancellation_signal signal;
  std::optional<env::Exchange> exchange;
  std::exception_ptr bug;
  asio::co_spawn(client.context, client.http.send(post(peer.url())),
                 asio::bind_cancellation_slot(signal.slot(),
                                              [&](std::exception_ptr error, env::Exchange value) {
                                                bug = error;
                                                exchange = std::move(value);
                                              }));
  SUBCASE("while it waits for the reply") {
    while (peer.accepted() == 0) client.context.poll();
    client.context.poll();
    signal.emit(asio::cancellation_type::all);
    while (!exchange) client.context.run_one();
    CHECK(exchange->result == ExchangeResult::connection_lost);
  }
  SUBCASE("before it has begun to connect") {
    client.context.run_one();
    signal.emit(asio::cancellation_type::all);
    while (!exchange) client.context.run_one();
    CHECK((exchange->result == ExchangeResult::not_sent ||
           exchange->result == ExchangeResult::connection_lost));
  }
  CHECK(bug == nullptr);
  CHECK(exchange->timings.total_ms < 4000);
}

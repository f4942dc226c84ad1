// Receivers that misbehave: each must cost no more than its deadline and end in the right verdict.

#include <doctest/doctest.h>

#include "net/http_client.h"
#include "net/http_client_test_peer.h"

using namespace posthorn;
using namespace posthorn::net;
using namespace posthorn::net::testing;
using env::ExchangeResult;

namespace {

constexpr Millis short_limit{400};

/// Late by more than half a second is a finding on a quiet machine; on a busy one only a hang is.
void check_duration(const env::Exchange& exchange, Millis limit) {
  WARN(exchange.timings.total_ms <= limit.count() + 500);
  CHECK(exchange.timings.total_ms < limit.count() + 8000);
}

env::Exchange send_to(Peer::Behave behave, Millis limit = Millis(5000)) {
  Peer peer(std::move(behave));
  Client client;
  auto exchange = client.send(post(peer.url(), "{}", limit));
  CHECK(client.http.idle_count() == 0);
  return exchange;
}

}  // namespace

TEST_CASE("hostile receiver: one that never answers is given up at the deadline") {
  const auto exchange = send_to(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.wait_until_gone();
      },
      short_limit);
  CHECK(exchange.result == ExchangeResult::timed_out);
  CHECK(exchange.timings.total_ms >= short_limit.count());
  check_duration(exchange, short_limit);
}

TEST_CASE("hostile receiver: one that never answers the SYN is given up at the deadline") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener, generic, length) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  REQUIRE(::getsockname(listener, generic, &length) == 0);
  // The queue of connections that nobody accepts is full after these: later SYNs are dropped.
  std::vector<int> filling;
  for (int i = 0; i < 8; ++i) {
    filling.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(filling.back(), generic, length);
  }
  Client client;
  const auto exchange = client.send(
      post("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/", "{}", short_limit));
  CHECK(exchange.result == ExchangeResult::timed_out);
  CHECK(exchange.detail.find("connecting") != std::string::npos);
  check_duration(exchange, short_limit);
  for (const int descriptor : filling) ::close(descriptor);
  ::close(listener);
}

TEST_CASE("hostile receiver: one that stalls in TLS is given up at the deadline") {
  Peer peer([](PeerConnection& connection) { connection.wait_until_gone(); });
  Client client;
  const auto exchange = client.send(post(peer.url("https"), "{}", short_limit));
  CHECK(exchange.result == ExchangeResult::timed_out);
  CHECK(exchange.detail.find("TLS") != std::string::npos);
  check_duration(exchange, short_limit);
}

TEST_CASE("hostile receiver: nothing listens") {
  std::string url;
  {
    const Peer peer([](PeerConnection&) {});
    url = peer.url();
  }
  Client client;
  const auto exchange = client.send(post(url));
  CHECK(exchange.result == ExchangeResult::connect_failed);
  CHECK(exchange.detail.find("refused") != std::string::npos);
  CHECK_FALSE(exchange.remote_address.empty());
}

TEST_CASE("hostile receiver: bytes that drip") {
  const std::string reply = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";
  SUBCASE("from the first byte: the deadline holds over all of them") {
    const auto exchange = send_to(
        [reply](PeerConnection& connection) {
          connection.read_request();
          connection.drip(reply, std::chrono::milliseconds(100));
        },
        short_limit);
    CHECK(exchange.result == ExchangeResult::timed_out);
    check_duration(exchange, short_limit);
  }
  SUBCASE("after the status line: the verdict stands") {
    const auto exchange = send_to(
        [reply](PeerConnection& connection) {
          connection.read_request();
          connection.write(reply.substr(0, 17));
          connection.drip(reply.substr(17), std::chrono::milliseconds(100));
        },
        short_limit);
    CHECK(exchange.result == ExchangeResult::ok);
    CHECK(exchange.status == 200);
    CHECK(exchange.body_truncated);
    check_duration(exchange, short_limit);
  }
  SUBCASE("in the body: what came is kept") {
    const auto exchange = send_to(
        [reply](PeerConnection& connection) {
          connection.read_request();
          connection.write(reply.substr(0, reply.size() - 3));
          connection.drip("llo", std::chrono::milliseconds(2000));
        },
        short_limit);
    CHECK(exchange.result == ExchangeResult::ok);
    CHECK(exchange.body.starts_with("he"));
    CHECK(exchange.body_truncated);
    check_duration(exchange, short_limit);
  }
}

TEST_CASE("hostile receiver: endless headers") {
  const auto exchange = send_to([](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n");
    while (connection.write("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")) {
    }
  });
  CHECK(exchange.result == ExchangeResult::protocol_error);
  CHECK(exchange.detail.find("32768") != std::string::npos);
}

TEST_CASE("hostile receiver: endless interim replies") {
  const auto exchange = send_to([](PeerConnection& connection) {
    connection.read_request();
    while (connection.write("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")) {
    }
  });
  CHECK(exchange.result == ExchangeResult::protocol_error);
  CHECK(exchange.status == 0);
}

TEST_CASE("hostile receiver: an endless body after 2xx is a success") {
  std::string framing;
  std::string piece = std::string(1000, 'b');
  SUBCASE("until close") { framing = ""; }
  SUBCASE("of a huge length") { framing = "Content-Length: 99999999999999\r\n"; }
  SUBCASE("chunked") {
    framing = "Transfer-Encoding: chunked\r\n";
    piece = "3e8\r\n" + piece + "\r\n";
  }
  SUBCASE("in chunks of one byte with long extensions") {
    framing = "Transfer-Encoding: chunked\r\n";
    piece = "1;" + std::string(200, 'e') + "\r\nb\r\n";
  }
  const auto exchange = send_to([framing, piece](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n" + framing + "\r\n");
    while (connection.write(piece)) {
    }
  });
  CHECK(exchange.result == ExchangeResult::ok);
  CHECK(exchange.status == 200);
  CHECK(exchange.body.size() <= 4096);
  CHECK(exchange.body.find_first_not_of('b') == std::string::npos);
  CHECK(exchange.body_truncated);
}

TEST_CASE("hostile receiver: compressed bytes are kept as they are") {
  const std::string packed("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x00\x01\x02", 13);
  const auto exchange = send_to([packed](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed);
  });
  CHECK(exchange.status == 200);
  CHECK(exchange.body == packed);
}

TEST_CASE("hostile receiver: a reset after any number of bytes gives the status line's verdict") {
  const std::string reply = "HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nbody";
  const std::size_t status_line = reply.find('\n') + 1;
  Client client;
  for (std::size_t count = 0; count < reply.size(); ++count) {
    CAPTURE(count);
    Peer peer([&reply, count](PeerConnection& connection) {
      connection.read_request();
      connection.write(reply.substr(0, count));
      connection.reset();
    });
    const auto exchange = client.send(post(peer.url()));
    if (count < status_line) {
      CHECK(exchange.result == ExchangeResult::connection_lost);
      CHECK(exchange.status == 0);
    } else {
      CHECK(exchange.result == ExchangeResult::ok);
      CHECK(exchange.status == 500);
      CHECK(exchange.body_truncated);
    }
  }
}

TEST_CASE("hostile receiver: something that is not HTTP") {
  std::string greeting;
  SUBCASE("ssh") { greeting = "SSH-2.0-OpenSSH_9.2\r\n"; }
  SUBCASE("HTTP/2") { greeting = "HTTP/2 200\r\n\r\n"; }
  SUBCASE("no number") { greeting = "HTTP/1.1 OK\r\n\r\n"; }
  SUBCASE("four digits") { greeting = "HTTP/1.1 2000 OK\r\n\r\n"; }
  SUBCASE("binary") { greeting = std::string("\x15\x03\x01\x00\x02\x02\x46", 7); }
  const auto exchange = send_to([greeting](PeerConnection& connection) {
    connection.read_request();
    connection.write(greeting);
    connection.wait_until_gone();
  });
  CHECK(exchange.result == ExchangeResult::protocol_error);
  CHECK(exchange.status == 0);
  CHECK_FALSE(exchange.detail.empty());
}

TEST_CASE("hostile receiver: a refusal before the whole request was read is heard") {
  Peer peer([](PeerConnection& connection) {
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    connection.wait_until_gone();
  });
  Client client;
  const auto exchange =
      client.send(post(peer.url(), std::string(std::size_t{16} << 20, 'x'), short_limit));
  CHECK(client.http.idle_count() == 0);
  CHECK(exchange.result == ExchangeResult::ok);
  CHECK(exchange.status == 413);
}

#include "net/http_server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "net/http_server_test_client.h"

namespace {

using namespace posthorn;
namespace peers = net::server_testing;
using peers::Client;

/// Echoes bodies; /slow waits for `release`; /stream writes until the peer or the server ends it.
class EchoService final : public http::Service {
 public:
  std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head,
                                                     std::string_view) override {
    if (head.path == "/refused") return refuse(404, "no such thing", head.request_id);
    return http::Admitted{20'000};
  }
  task<http::Response> serve(const http::Request& request) override {
    ++served;
    http::Response response;
    response.content_type = "text/plain";
    response.body = request.body;
    if (request.head.path == "/bug") throw std::runtime_error("a bug");
    if (request.head.path == "/split") response.headers.emplace_back("X-A", "b\r\nX-B: c");
    if (request.head.path == "/large") response.body = std::string(32 << 20, 'x');
    if (request.head.path == "/stream") response.stream = &EchoService::stream;
    if (request.head.path == "/slow")
      while (!release) {
        asio::basic_waitable_timer<std::chrono::steady_clock,
                                   asio::wait_traits<std::chrono::steady_clock>, executor>
            pause(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
        co_await pause.async_wait(use_task);
      }
    co_return response;
  }
  http::Response refuse(int status, std::string_view detail, std::string_view) override {
    http::Response response;
    response.status = status;
    response.content_type = "text/plain";
    response.body = detail;
    return response;
  }
  static task<> stream(http::BodyWriter& out) {
    for (int i = 0; i < 3; ++i) {
      std::string piece("piece" + std::to_string(i));
      if (!co_await out.write(std::move(piece))) co_return;
    }
  }

  std::atomic<int> served = 0;
  std::atomic<bool> release = false;
};

net::HttpServerConfig patient() {
  net::HttpServerConfig config;
  config.loopback_is_exempt = false;
  return config;
}

class Running {
 public:
  explicit Running(net::HttpServerConfig config = patient(),
                   std::unique_ptr<net::TlsServer> tls = nullptr)
      : server_(context_, service, std::move(config), log_, metrics) {
    auto bound = server_.listen("127.0.0.1", 0, std::move(tls));
    REQUIRE(bound);
    port = *bound;
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Running() {
    service.release = true;
    drain(Millis(5000));
    work_.reset();
    context_.stop();
    thread_.join();
  }
  void drain(Millis limit) {
    if (std::exchange(drained_, true)) return;
    asio::co_spawn(context_, server_.drain(limit), asio::use_future).get();
  }
  std::future<void> drain_later(Millis limit) {
    drained_ = true;
    return asio::co_spawn(context_, server_.drain(limit), asio::use_future);
  }

  EchoService service;
  env::MetricRegistry registry;
  net::ServerMetrics metrics{registry};
  std::uint16_t port = 0;

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<executor> work_ = asio::make_work_guard(context_);
  env::NullLog log_;
  net::HttpServer server_;
  std::thread thread_;
  bool drained_ = false;
};

std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
         "\r\n";
}

TEST_CASE("HttpServer answers one request after the other on a kept connection") {
  Running server;
  Client client(server.port);
  for (int i = 0; i < 3; ++i) {
    client.send(post("/echo", "hello", "X-Request-Id: my-id.7\r\n"));
    const auto answer = client.read_answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
    CHECK(answer.has("X-Request-Id: my-id.7"));
    CHECK(answer.has("X-Content-Type-Options: nosniff"));
    CHECK(answer.has("Cache-Control: no-store"));
    CHECK(answer.has("Date: "));
    CHECK_FALSE(answer.has("Connection: close"));
  }
  CHECK(server.metrics.connections.value() == 1);
  CHECK(server.metrics.requests_2xx.value() == 3);
}

TEST_CASE("HttpServer makes a request id where none is given or it is not sane") {
  Running server;
  Client client(server.port);
  client.send(get("/a", "X-Request-Id: a b\r\n"));
  const auto first = client.read_answer();
  client.send(get("/a"));
  const auto second = client.read_answer();
  CHECK(first.has("X-Request-Id: call_"));
  CHECK(second.has("X-Request-Id: call_"));
  CHECK(first.header("X-Request-Id") != second.header("X-Request-Id"));
}

TEST_CASE("HttpServer answers pipelined requests in order, and HEAD without a body") {
  Running server;
  Client client(server.port);
  client.send(post("/echo", "1") + post("/echo", "22") +
              "HEAD /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + post("/refused", "a body") +
              get("/x", "Connection: close\r\n"));
  CHECK(client.read_answer().body == "1");
  CHECK(client.read_answer().body == "22");
  const auto head = client.read_answer(false);
  CHECK(head.has("Content-Length: 0"));
  CHECK(client.read_answer().status == 404);
  const auto last = client.read_answer();
  CHECK(last.status == 200);
  CHECK(last.has("Connection: close"));
  CHECK(client.is_at_end());
}

TEST_CASE("HttpServer takes a body at its limit, in every framing, and refuses one byte more") {
  Running server;
  const auto chunked = [](std::size_t bytes) {
    return "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
           "chunked\r\n\r\n1\r\na\r\n" +
           fmt::format("{:x}\r\n", bytes - 1) + std::string(bytes - 1, 'a') + "\r\n0\r\n\r\n";
  };
  Client client(server.port);
  client.send(post("/echo", std::string(20'000, 'a')));
  CHECK(client.read_answer().body == std::string(20'000, 'a'));
  client.send(chunked(20'000));
  CHECK(client.read_answer().body == std::string(20'000, 'a'));
  client.send(post("/echo", std::string(20'001, 'a')));
  CHECK(client.read_answer().status == 413);
  Client other(server.port);
  other.send(chunked(20'001));
  CHECK(other.read_answer().status == 413);
  CHECK(other.is_at_end());
  CHECK(server.service.served == 2);
}

TEST_CASE("HttpServer goes on after an answer that the socket's buffer could not hold") {
  Running server;
  Client client(server.port);
  for (int i = 0; i < 2; ++i) {
    client.send(get("/large"));
    const auto answer = client.read_answer();
    CHECK(answer.status == 200);
    CHECK(answer.body.size() == 32u << 20);
  }
  client.send(post("/echo", "still here"));
  CHECK(client.read_answer().body == "still here");
}

TEST_CASE("HttpServer answers what came before the peer's end, and pipelined ones behind it") {
  Running server;
  Client client(server.port);
  client.send(post("/echo", "one") + get("/large") + post("/echo", "three"));
  client.end_sending();
  CHECK(client.read_answer().body == "one");
  CHECK(client.read_answer().body.size() == 32u << 20);
  CHECK(client.read_answer().body == "three");
  CHECK(client.is_at_end());
}

TEST_CASE("HttpServer frees its connections with a context that stops in the middle") {
  EchoService service;
  env::NullLog log;
  env::MetricRegistry registry;
  net::ServerMetrics metrics(registry);
  auto context = std::make_unique<asio::io_context>(1);
  auto server = std::make_unique<net::HttpServer>(*context, service, patient(), log, metrics);
  const auto port = server->listen("127.0.0.1", 0);
  REQUIRE(port);
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(*port).send(i % 2 == 0 ? get("/a") : "GET /");
  CHECK(Client::wait_until([&] {
    context->poll();
    return service.served == 4 && server->open_connections() == 8;
  }));
  SUBCASE("the server ends first") { server.reset(); }
  SUBCASE("the context is told to stop while they close") {
    server.reset();
    context->poll_one();
  }
  context.reset();
  for (auto& client : clients) client.read_to_end();
  CHECK(std::ranges::all_of(clients, [](Client& client) { return client.is_at_end(); }));
}

TEST_CASE("HttpServer asks for the body that waits for 100 Continue") {
  Running server;
  Client client(server.port);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "2\r\n\r\n");
  CHECK(client.read_line() == "HTTP/1.1 100 Continue");
  CHECK(client.read_line().empty());
  client.send("ab");
  CHECK(client.read_answer().body == "ab");
}

TEST_CASE("HttpServer refuses what is malformed and closes") {
  Running server;
  for (const std::string_view bad : {"GET / HTTP/1.1\nHost: a\n\n",
                                     "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02"}) {
    Client client(server.port);
    client.send(std::string(bad));
    CHECK(client.read_answer().status == 400);
    CHECK(client.is_at_end());
  }
  Client unknown(server.port);
  unknown.send("TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = unknown.read_answer();
  CHECK(answer.status == 405);
  CHECK(answer.has("Allow: "));
  Client foreign(server.port);
  foreign.send("GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n");
  CHECK(foreign.read_answer().status == 421);
  CHECK(server.service.served == 0);
}

TEST_CASE("HttpServer turns a handler's bug into 500 and goes on") {
  Running server;
  Client client(server.port);
  for (const std::string_view path : {"/bug", "/split"}) {
    client.send(get(path));
    const auto answer = client.read_answer();
    CHECK(answer.status == 500);
    CHECK_FALSE(answer.has("X-B: c"));
  }
  client.send(get("/fine"));
  CHECK(client.read_answer().status == 200);
}

TEST_CASE("HttpServer streams in chunks, and until the end for HTTP/1.0") {
  Running server;
  Client client(server.port);
  client.send(get("/stream"));
  CHECK(client.read_to_end().ends_with(
      "\r\n\r\n6\r\npiece0\r\n6\r\npiece1\r\n6\r\npiece2\r\n0\r\n\r\n"));
  Client old(server.port);
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  CHECK(old.read_to_end().ends_with("\r\n\r\npiece0piece1piece2"));
}

TEST_CASE("HttpServer does not wait for ever: first byte, head, body, next request, reader") {
  auto config = patient();
  SUBCASE("a peer that says nothing is closed without an answer") {
    config.first_byte_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    CHECK(client.read_to_end().empty());
  }
  SUBCASE("a head that does not end is answered 408") {
    config.head_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send("GET / HTTP/1.1\r\n");
    CHECK(client.read_answer().status == 408);
    CHECK(client.is_at_end());
    CHECK(server.metrics.timed_out.value() <= 1);
  }
  SUBCASE("the rest of a pipelined head has the same time") {
    config.head_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send(get("/a") + "GET / HT");
    CHECK(client.read_answer().status == 200);
    CHECK(client.read_answer().status == 408);
  }
  SUBCASE("a body that does not end is answered 408") {
    config.body_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(client.read_answer().status == 408);
    CHECK(client.is_at_end());
  }
  SUBCASE("an idle connection is closed") {
    config.idle_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send(get("/a"));
    CHECK(client.read_answer().status == 200);
    CHECK(client.is_at_end());
  }
  SUBCASE("a peer that does not read its answer is closed") {
    config.write_limit = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send(get("/large"));
    CHECK(client.wait_until(
        [&server] { return server.service.served == 1 && server.metrics.open.value() == 0; }));
    CHECK(client.read_to_end().size() < (32 << 20));
  }
  SUBCASE("a body below the floor is cut off long before its time") {
    config.body_floor_bytes_per_second = 1 << 30;
    config.body_floor_grace = Millis(50);
    Running server(config);
    Client client(server.port);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(client.read_answer().status == 408);
  }
}

TEST_CASE("HttpServer sheds the oldest idle connection of an address at its limit") {
  auto config = patient();
  config.connections_per_address_max = 3;
  Running server(config);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port);
    clients.back().send(get("/a"));
    CHECK(clients.back().read_answer().status == 200);
  }
  clients[0].send(get("/slow"));  // Busy: not to be shed, though it is the oldest.
  CHECK(clients[0].wait_until([&server] { return server.service.served == 4; }));
  Client fourth(server.port);
  CHECK((clients[1].is_at_end()));
  fourth.send(get("/a"));
  CHECK(fourth.read_answer().status == 200);
  clients[2].send(get("/a"));
  CHECK(clients[2].read_answer().status == 200);
  server.service.release = true;
  CHECK(clients[0].read_answer().status == 200);
  CHECK(server.metrics.shed.value() == 1);
}

TEST_CASE("HttpServer exempts trusted proxies and loopback from the limit of an address") {
  auto config = patient();
  config.connections_per_address_max = 1;
  SUBCASE("proxy") { config.trusted_proxies = {"127.0.0.0/8"}; }
  SUBCASE("loopback") { config.loopback_is_exempt = true; }
  Running server(config);
  Client first(server.port), second(server.port);
  second.send(get("/a"));
  CHECK(second.read_answer().status == 200);
  first.send(get("/a"));
  CHECK(first.read_answer().status == 200);
}

TEST_CASE("HttpServer drains: idle ones are closed, requests under way are answered and closed") {
  Running server;
  Client idle(server.port), busy(server.port);
  idle.send(get("/a"));
  CHECK(idle.read_answer().status == 200);
  busy.send(get("/slow"));
  CHECK(busy.wait_until([&server] { return server.service.served == 2; }));
  auto drained = server.drain_later(Millis(20'000));
  CHECK(idle.is_at_end());
  server.service.release = true;
  const auto answer = busy.read_answer();
  CHECK(answer.status == 200);
  CHECK(answer.has("Connection: close"));
  CHECK(busy.is_at_end());
  busy.close();
  drained.get();
  CHECK(server.metrics.open.value() == 0);
  CHECK_FALSE(Client::can_connect(server.port));
}

TEST_CASE("HttpServer drains no longer than it is given") {
  Running server;
  Client busy(server.port);
  busy.send(get("/slow"));
  CHECK(busy.wait_until([&server] { return server.service.served == 1; }));
  server.drain(Millis(50));
  CHECK(busy.read_to_end().empty());
  server.service.release = true;
  CHECK(busy.wait_until([&server] { return server.metrics.open.value() == 0; }));
}

TEST_CASE(
    "HttpServer serves TLS, takes a new certificate without a restart, and refuses plain text") {
  peers::CertificateFiles files("first");
  auto tls = net::TlsServer::load(files.certificate(), files.key());
  REQUIRE(tls);
  Running server(patient(), std::move(*tls));
  {
    peers::TlsClient client(server.port);
    CHECK(client.common_name() == "first");
    CHECK(client.protocol() == "http/1.1");
    client.send(post("/echo", std::string(15'000, 'a')));
    CHECK(client.read_until(std::string(15'000, 'a')));
  }
  Client plain(server.port);
  plain.send(get("/a"));
  CHECK(plain.read_to_end().find("HTTP/1.1 2") == std::string::npos);
  files.replace("second");
  bool renewed = false;
  CHECK(plain.wait_until([&] {
    peers::TlsClient client(server.port);
    renewed = client.common_name() == "second";
    return renewed;
  }));
}

TEST_CASE("TlsServer says which file it cannot use, and keeps the old one at a reload") {
  peers::CertificateFiles files("first"), other("other");
  CHECK(net::TlsServer::load("/nonexistent", files.key()).error().what.find("/nonexistent") !=
        std::string::npos);
  CHECK(net::TlsServer::load(files.certificate(), other.key()).error().code == Errc::invalid);
  auto tls = net::TlsServer::load(files.certificate(), files.key());
  REQUIRE(tls);
  const auto before = (*tls)->context();
  CHECK_FALSE((*tls)->reload_if_changed().value());
  files.damage();
  CHECK_FALSE((*tls)->reload_if_changed());
  INFO("said once for each change");
  CHECK_FALSE((*tls)->reload_if_changed().value());
  CHECK((*tls)->context() == before);
  files.replace("second");
  CHECK((*tls)->reload_if_changed().value());
  CHECK((*tls)->context() != before);
}

}  // namespace

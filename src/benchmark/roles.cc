// The programs under measurement that are not the product as a whole: each is a process of its own.

#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/bytes.h"
#include "bench/reference_server.h"
#include "benchmark/measure.h"
#include "benchmark/stripe_roles.h"
#include "crypto/crypto.h"
#include "env/log.h"
#include "env/metrics.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/resolver.h"
#include "net/system.h"
#include "text/json.h"

namespace posthorn::benchmark {

namespace {

/// The product's HTTP server in front of what the reference server does: verify, check the JSON,
/// answer 202.
class NoStoreService final : public http::Service {
 public:
  std::variant<http::Admitted, http::Response> admit(const http::RequestHead&,
                                                     std::string_view) override {
    return http::Admitted{1u << 20};
  }
  task<http::Response> serve(const http::Request& request) override {
    http::Response response;
    const auto given = request.head.header("X-Signature");
    const bool good = given &&
                      crypto::equal_in_constant_time(*given, to_hex(key_.sign({request.body}))) &&
                      text::check_json(request.body).has_value();
    response.status = good ? 202 : 400;
    co_return response;
  }
  http::Response refuse(int status, std::string_view, std::string_view) override {
    http::Response response;
    response.status = status;
    return response;
  }

 private:
  crypto::HmacKey key_{signing_key};
};

int no_store_server() {
  asio::io_context context(1);
  NoStoreService service;
  env::NullLog log;
  env::MetricRegistry registry;
  net::ServerMetrics metrics(registry);
  net::HttpServer server(context, service, net::HttpServerConfig{}, log, metrics);
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) throw std::runtime_error(port.error().what);
  std::printf("ready %d\n", *port);
  std::fflush(stdout);
  context.run();
  return 0;
}

double thread_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void print_done(double cpu_us, double requests, double seconds) {
  std::printf("done cpu_us=%.4f,rate=%.1f\n", requests > 0 ? cpu_us / requests : 0.0,
              requests / seconds);
  std::fflush(stdout);
}

struct ClientArguments {
  std::uint16_t port = 0;
  int connections = 0;
  double seconds = 0;
  std::size_t payload_bytes = 0;
  std::string certificate_file;  ///< Empty: plain http.
};

/// Six headers like a delivery's, so that both clients send the same bytes.
const std::vector<env::Header>& delivery_headers() {
  static const std::vector<env::Header> headers{
      {"Content-Type", "application/json"},
      {"X-Webhook-Event", "bench.event"},
      {"X-Webhook-Delivery", "0191d1a0-0000-8000-8000-000000000000"},
      {"X-Webhook-Signature",
       "sha256=0000000000000000000000000000000000000000000000000000000000000000"},
      {"webhook-id", "evt_0000000000001"},
      {"webhook-timestamp", "1795240000"}};
  return headers;
}

int floor_client(const ClientArguments& arguments) {
  std::string lines;
  for (const auto& header : delivery_headers())
    if (header.name != "Content-Type") lines += header.name + ": " + header.value + "\r\n";
  LoadOptions options;
  options.port = arguments.port;
  options.request = post(arguments.port, "/hook", lines, payload(arguments.payload_bytes));
  options.connections = arguments.connections;
  options.seconds = arguments.seconds;
  options.tls = !arguments.certificate_file.empty();
  const auto result = run_load(options);
  print_done(result.cpu_us * static_cast<double>(result.answered),
             static_cast<double>(result.answered), result.seconds);
  return 0;
}

struct ClientCounts {
  std::uint64_t sent = 0, failed = 0;
  bool stopping = false;
  std::string last_failure;
};

task<> send_again_and_again(net::HttpClient& client, std::string url, SharedBytes body,
                            ClientCounts& counts) {
  while (!counts.stopping) {
    env::OutgoingRequest request;
    request.url = url;
    request.headers = delivery_headers();
    request.body = body;
    const auto exchange = co_await client.send(std::move(request));
    if (exchange.result == env::ExchangeResult::ok && exchange.status == 204) {
      ++counts.sent;
    } else {
      ++counts.failed;
      counts.last_failure = exchange.detail;
      counts.stopping = true;
    }
  }
}

task<> measure_client(net::HttpClient& client, env::Clock& clock, ClientArguments arguments,
                      std::string url, ClientCounts& counts) {
  const auto body = share(payload(arguments.payload_bytes));
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < arguments.connections; ++i)
    asio::co_spawn(executor, send_again_and_again(client, url, body, counts), asio::detached);
  // Connecting and shaking hands is not what is measured.
  co_await clock.sleep_until(clock.steady() + 500ms);
  const auto sent = counts.sent;
  const auto cpu = thread_cpu_us();
  const auto begin = clock.steady();
  co_await clock.sleep_until(begin + Millis(static_cast<std::int64_t>(arguments.seconds * 1000)));
  const double seconds = static_cast<double>((clock.steady() - begin).count()) / 1000;
  print_done(thread_cpu_us() - cpu, static_cast<double>(counts.sent - sent), seconds);
  counts.stopping = true;
}

int product_client(const ClientArguments& arguments) {
  asio::io_context context(1);
  net::SystemClock clock;
  net::SystemResolver resolver;
  egress::Overrides overrides;
  overrides.allow_loopback_http = true;
  const egress::Policy policy(std::move(overrides));
  net::TlsClientConfig tls_config;
  tls_config.system_roots = false;
  tls_config.extra_ca_file = arguments.certificate_file;
  const auto tls = net::TlsClient::create(tls_config);
  if (!tls) throw std::runtime_error(tls.error().what);
  net::EgressConfig egress_config;
  egress_config.handshakes_per_second = 0;
  net::Egress egress(context, policy, resolver, **tls, egress_config);
  net::HttpClientConfig config;
  config.pool.plain_max = config.pool.tls_max = static_cast<std::size_t>(arguments.connections);
  net::HttpClient client(egress, config);
  ClientCounts counts;
  const auto url =
      fmt::format("{}://127.0.0.1:{}/hook", arguments.certificate_file.empty() ? "http" : "https",
                  arguments.port);
  asio::co_spawn(context, measure_client(client, clock, arguments, url, counts), asio::detached);
  context.run();
  if (counts.failed > 0) throw std::runtime_error("a request failed: " + counts.last_failure);
  return 0;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream all;
  all << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path);
  return all.str();
}

}  // namespace

int run_role(const std::vector<std::string>& arguments) {
  signal(SIGPIPE, SIG_IGN);  // A peer that ends in the middle is no reason to end.
  const auto& name = arguments.at(0);
  if (name == "floor") serve_floor(nullptr);
  if (name == "floor-tls") {
    const TestCertificate certificate{read_file(arguments.at(1)), read_file(arguments.at(2))};
    serve_floor(&certificate);
  }
  if (name == "reference") reference::serve(std::string(signing_key));
  if (name == "no-store") return no_store_server();
  if (name == "stripe-load") return stripe_load(arguments);
  if (name == "fill-request-keys") return fill_request_keys(arguments);
  if (name == "floor-client" || name == "client") {
    ClientArguments given;
    given.port = static_cast<std::uint16_t>(std::stoi(arguments.at(1)));
    given.connections = std::stoi(arguments.at(2));
    given.seconds = std::stod(arguments.at(3));
    given.payload_bytes = static_cast<std::size_t>(std::stoul(arguments.at(4)));
    if (arguments.size() > 5) given.certificate_file = arguments[5];
    return name == "client" ? product_client(given) : floor_client(given);
  }
  throw std::runtime_error("no such role: " + name);
}

}  // namespace posthorn::benchmark

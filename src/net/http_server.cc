#include "net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstring>
#include <list>

#include "base/bytes.h"
#include "http/reply.h"
#include "net/http_connection.h"
#include "net/system.h"

namespace posthorn::net {

namespace {

using tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, executor>;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, executor>;

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr auto deadline_sweep_gap = std::chrono::milliseconds(100);
constexpr auto certificate_look_gap = std::chrono::seconds(5);

/// IPv6 networks are counted by their /64, of which one customer has at least one whole.
std::string client_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const auto bytes = address.to_v6().to_bytes();
  return to_hex({reinterpret_cast<const char*>(bytes.data()), 8});
}

asio::ip::address without_mapping(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address;
}

}  // namespace

ServerMetrics::ServerMetrics(env::MetricRegistry& registry)
    : connections(registry, "posthorn_http_connections_total", "Connections accepted."),
      requests_2xx(registry, "posthorn_http_requests_total", "Requests answered.",
                   "code_class=\"2xx\""),
      requests_3xx(registry, "posthorn_http_requests_total", "Requests answered.",
                   "code_class=\"3xx\""),
      requests_4xx(registry, "posthorn_http_requests_total", "Requests answered.",
                   "code_class=\"4xx\""),
      requests_5xx(registry, "posthorn_http_requests_total", "Requests answered.",
                   "code_class=\"5xx\""),
      refused(registry, "posthorn_http_refused_total",
              "Requests refused before they were read whole."),
      timed_out(registry, "posthorn_http_timed_out_total",
                "Connections closed because the peer was too slow."),
      shed(registry, "posthorn_http_shed_total", "Connections closed to make room."),
      tls_failed(registry, "posthorn_http_tls_failed_total", "TLS handshakes that failed."),
      open(registry, "posthorn_http_connections", "Connections open now.") {}

struct HttpServer::State : ConnectionHost, std::enable_shared_from_this<HttpServer::State> {
  State(asio::io_context& io, http::Service& what, HttpServerConfig given, env::Log& where,
        ServerMetrics& counters)
      : ConnectionHost(io, what, std::move(given), where, counters), sweep_timer(io) {
    for (const auto& text : config.trusted_proxies) {
      if (const auto cidr = egress::parse_cidr(text))
        proxies.push_back(*cidr);
      else
        log.warning("http.trusted_proxy_ignored", {{"value", text}});
    }
  }

  struct Listener {
    Acceptor acceptor;
    std::string address;
    std::unique_ptr<TlsServer> tls;
  };
  std::list<std::shared_ptr<Listener>> listeners;
  std::vector<egress::Cidr> proxies;
  SystemClock clock;
  SteadyTimer sweep_timer;
  bool sweeping = false;
  std::chrono::steady_clock::time_point next_certificate_look{};
  std::function<void()> when_empty;

  [[nodiscard]] bool is_exempt(const asio::ip::address& address) const {
    if (config.loopback_is_exempt && address.is_loopback()) return true;
    const auto parsed = egress::parse_address(address.to_string());
    return parsed && std::ranges::any_of(proxies, [&parsed](const egress::Cidr& cidr) {
             return cidr.contains(*parsed);
           });
  }

  /// Makes room for one more connection of `client` by closing the connection that has been idle
  /// the longest. False: there is none.
  bool make_room(const std::string& client, bool exempt) {
    const auto shed_oldest = [this](auto&& belongs) {
      Connection* oldest = nullptr;
      for (auto* connection : connections)
        if (connection->idle && belongs(*connection) &&
            (oldest == nullptr || connection->idle_since < oldest->idle_since))
          oldest = connection;
      if (oldest == nullptr) return false;
      metrics.shed.add();
      oldest->close();
      return true;
    };
    if (connections.size() >= static_cast<std::size_t>(config.connections_max))
      return shed_oldest([](const Connection&) { return true; });
    if (exempt) return true;
    const auto same = [&client](const Connection& other) { return other.client() == client; };
    const auto open = std::ranges::count_if(
        connections, [&same](const Connection* other) { return same(*other); });
    return open < config.connections_per_address_max || shed_oldest(same);
  }

  void sweep() {
    refresh_clock();
    for (auto* connection : connections) connection->check_deadline(now);
    if (now >= next_certificate_look) {
      next_certificate_look = now + certificate_look_gap;
      for (auto& listener : listeners) {
        if (!listener->tls) continue;
        auto reloaded = listener->tls->reload_if_changed();
        if (!reloaded)
          log.error("tls.reload_failed", {{"what", reloaded.error().what}});
        else if (*reloaded)
          log.info("tls.reloaded");
      }
    }
    if (connections.empty() && when_empty) std::exchange(when_empty, {})();
  }

  task<> sweep_again_and_again() {
    const auto self = shared_from_this();
    while (!stopped) {
      sweep_timer.expires_after(deadline_sweep_gap);
      boost::system::error_code cut_short;
      co_await sweep_timer.async_wait(asio::redirect_error(use_task, cut_short));
      sweep();
    }
  }

  void refresh_clock() {
    now = std::chrono::steady_clock::now();
    const auto second = clock.now().unix_seconds();
    if (std::exchange(date_second, second) != second) date = http::http_date(second);
  }

  /// Takes a bound listener into service, on the context's thread.
  void start(std::shared_ptr<Listener> listener) {
    if (stopped || draining) return;
    listeners.push_back(listener);
    own_hosts.push_back(listener->acceptor.local_endpoint().address().is_v6()
                            ? "[" + listener->address + "]"
                            : listener->address);
    spawn(accept_all(std::move(listener)));
    if (!std::exchange(sweeping, true)) spawn(sweep_again_and_again());
  }
  void spawn(task<> work) {
    asio::co_spawn(context, std::move(work), [&where = log](const std::exception_ptr& bug) {
      log_bug(where, "http.server_failed", bug);
    });
  }

  task<> accept_all(std::shared_ptr<Listener> listener) {
    const auto self = shared_from_this();
    while (!stopped) {
      boost::system::error_code error;
      auto socket = co_await listener->acceptor.async_accept(asio::redirect_error(use_task, error));
      if (stopped || error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, mostly: wait for some to be given back instead of spinning.
        log.warning("http.accept_failed", {{"what", error.message()}});
        SteadyTimer pause(context);
        pause.expires_after(deadline_sweep_gap);
        co_await pause.async_wait(asio::redirect_error(use_task, error));
        continue;
      }
      const auto remote = socket.remote_endpoint(error);
      if (error) continue;  // Gone before it was looked at.
      const auto address = without_mapping(remote.address());
      Caller caller{address.to_string(), client_of(address)};
      if (!make_room(caller.client, is_exempt(address))) {
        metrics.shed.add();
        continue;  // The socket's end closes it.
      }
      socket.set_option(tcp::no_delay(true), error);
      metrics.connections.add();
      std::shared_ptr<asio::ssl::context> tls;
      if (listener->tls) tls = listener->tls->context();
      spawn_connection(shared_from_this(), std::move(socket), std::move(caller), std::move(tls));
    }
  }
};

HttpServer::HttpServer(asio::io_context& context, http::Service& service, HttpServerConfig config,
                       env::Log& log, ServerMetrics& metrics)
    : state_(std::make_shared<State>(context, service, std::move(config), log, metrics)) {
  state_->refresh_clock();
  const auto seed = SystemRandom().bytes(sizeof state_->next_request);
  std::memcpy(&state_->next_request, seed.data(), seed.size());
}

HttpServer::~HttpServer() {
  state_->stopped = state_->abandoned = true;
  state_->sweep_timer.cancel();
  for (auto& listener : state_->listeners) {
    boost::system::error_code ignored;  // Closing cannot be refused.
    listener->acceptor.close(ignored);
  }
  for (auto* connection : state_->connections) connection->close();
}

std::size_t HttpServer::open_connections() const { return state_->connections.size(); }

Result<std::uint16_t> HttpServer::listen(const std::string& address, std::uint16_t port,
                                         std::unique_ptr<TlsServer> tls) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error)
    return fail(Errc::invalid, fmt::format("\"{}\" is not an IP address to listen on", address));
  Acceptor acceptor(state_->context);
  acceptor.open(parsed.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error && state_->config.reuse_port) acceptor.set_option(ReusePort(true), error);
  if (!error) acceptor.bind({parsed, port}, error);
  if (!error) acceptor.listen(4096, error);
  if (error)
    return fail(Errc::io,
                fmt::format("cannot listen on {}:{}: {}", address, port, error.message()));
  const auto bound = acceptor.local_endpoint().port();
  auto listener = std::make_shared<State::Listener>(std::move(acceptor), address, std::move(tls));
  asio::post(state_->context,
             [state = state_, listener]() mutable { state->start(std::move(listener)); });
  return bound;
}

task<> HttpServer::drain(Millis limit) {
  auto& state = *state_;
  state.draining = true;
  for (auto& listener : state.listeners) {
    boost::system::error_code ignored;  // Closing cannot be refused.
    listener->acceptor.close(ignored);
  }
  for (auto* connection : state.connections)
    if (connection->idle) connection->close();
  if (state.connections.empty()) limit = Millis(0);
  SteadyTimer waiting(state.context);
  waiting.expires_after(limit);
  state.when_empty = [&waiting] { waiting.cancel(); };
  boost::system::error_code ended_early;
  co_await waiting.async_wait(asio::redirect_error(use_task, ended_early));
  state.when_empty = {};
  for (auto* connection : state.connections) connection->close();
  state.stopped = true;
  state.sweep_timer.cancel();
}

}  // namespace posthorn::net

#include "net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <ctime>
#include <list>

#include "base/assert.h"
#include "net/http_connection.h"

namespace posthorn::net {

namespace {

using tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, executor>;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, executor>;

constexpr auto sweep_gap = std::chrono::milliseconds(100);
constexpr auto certificate_look_gap = std::chrono::seconds(5);

std::string http_date(std::time_t at) {
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[40];
  const auto size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
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
    std::unique_ptr<TlsServer> tls;
  };
  std::list<Listener> listeners;
  std::vector<egress::Cidr> proxies;
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

  /// Makes room for one more connection of `address` by closing the connection that has been idle
  /// the longest. False: there is none.
  bool make_room(const std::string& address, bool exempt) {
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
    const auto same = [&address](const Connection& other) {
      return other.remote_address() == address;
    };
    if (exempt || std::ranges::count_if(connections, [&same](const Connection* other) {
                    return same(*other);
                  }) < config.connections_per_address_max)
      return true;
    return shed_oldest(same);
  }

  void sweep() {
    refresh_clock();
    for (auto* connection : connections) connection->check_deadline(now);
    if (now >= next_certificate_look) {
      next_certificate_look = now + certificate_look_gap;
      for (auto& listener : listeners) {
        if (!listener.tls) continue;
        auto reloaded = listener.tls->reload_if_changed();
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
      sweep_timer.expires_after(sweep_gap);
      boost::system::error_code cut_short;
      co_await sweep_timer.async_wait(asio::redirect_error(use_task, cut_short));
      sweep();
    }
  }

  void refresh_clock() {
    now = std::chrono::steady_clock::now();
    const auto second = std::time(nullptr);
    if (second != date_second) {
      date_second = second;
      date = http_date(second);
    }
  }

  task<> accept_all(Listener& listener) {
    const auto self = shared_from_this();
    while (!stopped) {
      boost::system::error_code error;
      auto socket = co_await listener.acceptor.async_accept(asio::redirect_error(use_task, error));
      if (stopped || error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, mostly: wait for some to be given back instead of spinning.
        log.warning("http.accept_failed", {{"what", error.message()}});
        SteadyTimer pause(context);
        pause.expires_after(sweep_gap);
        co_await pause.async_wait(asio::redirect_error(use_task, error));
        continue;
      }
      const auto remote = socket.remote_endpoint(error);
      if (error) continue;  // Gone before it was looked at.
      const auto address = remote.address().to_string();
      const bool exempt = is_exempt(remote.address());
      if (!make_room(address, exempt)) {
        metrics.shed.add();
        continue;  // The socket's end closes it.
      }
      socket.set_option(tcp::no_delay(true), error);
      metrics.connections.add();
      std::shared_ptr<asio::ssl::context> tls;
      if (listener.tls) tls = listener.tls->context();
      spawn_connection(shared_from_this(), std::move(socket), address, std::move(tls));
    }
  }
};

HttpServer::HttpServer(asio::io_context& context, http::Service& service, HttpServerConfig config,
                       env::Log& log, ServerMetrics& metrics)
    : state_(std::make_shared<State>(context, service, std::move(config), log, metrics)) {
  state_->refresh_clock();
}

HttpServer::~HttpServer() {
  state_->stopped = true;
  for (auto& listener : state_->listeners) {
    boost::system::error_code ignored;  // Closing cannot be refused.
    listener.acceptor.close(ignored);
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
  if (!error && state_->config.reuse_port)
    acceptor.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true),
                        error);
  if (!error) acceptor.bind({parsed, port}, error);
  if (!error) acceptor.listen(4096, error);
  if (error)
    return fail(Errc::io,
                fmt::format("cannot listen on {}:{}: {}", address, port, error.message()));
  const auto bound = acceptor.local_endpoint().port();
  state_->own_hosts.push_back(address);
  auto& listener = state_->listeners.emplace_back(std::move(acceptor), std::move(tls));
  asio::co_spawn(state_->context, state_->accept_all(listener), asio::detached);
  if (!std::exchange(state_->sweeping, true))
    asio::co_spawn(state_->context, state_->sweep_again_and_again(), asio::detached);
  return bound;
}

task<> HttpServer::drain(Millis limit) {
  auto& state = *state_;
  state.draining = true;
  for (auto& listener : state.listeners) {
    boost::system::error_code ignored;  // Closing cannot be refused.
    listener.acceptor.close(ignored);
  }
  for (auto* connection : state.connections)
    if (connection->idle) connection->close();
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

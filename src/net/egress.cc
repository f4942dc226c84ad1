#include "net/egress.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/bytes.h"

namespace posthorn::net {

namespace {

using env::ExchangeResult;
using std::chrono::milliseconds;

/// A burst of handshakes that need not wait: a quarter of a second's worth.
constexpr milliseconds handshake_burst{250};
constexpr milliseconds stop_check_gap{100};
constexpr std::size_t proxy_head_max = 8 * 1024;

struct NativeAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

NativeAddress to_native(const SocketAddress& where) {
  NativeAddress out;
  if (where.address.v6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(where.port);
    std::memcpy(&v6->sin6_addr, where.address.bytes.data(), 16);
    out.length = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(where.port);
    std::memcpy(&v4->sin_addr, where.address.bytes.data(), 4);
    out.length = sizeof *v4;
  }
  return out;
}

bool is_loopback(const egress::Address& address) {
  static const egress::Address v6 = *egress::parse_address("::1");
  return address.v6 ? address == v6 : address.bytes[0] == 127;
}

bool is_unspecified(const egress::Address& address) {
  return std::ranges::all_of(address.bytes, [](std::uint8_t byte) { return byte == 0; });
}

/// A connection to an address of one's own has that address at both ends.
bool ends_here(int descriptor, const SocketAddress& where) {
  NativeAddress local;
  local.length = sizeof local.storage;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&local.storage), &local.length) != 0)
    return true;
  const NativeAddress peer = to_native(where);
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&local.storage);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&local.storage);
  return where.address.v6
             ? std::memcmp(&v6->sin6_addr,
                           &reinterpret_cast<const sockaddr_in6*>(&peer.storage)->sin6_addr,
                           16) == 0
             : v4->sin_addr.s_addr ==
                   reinterpret_cast<const sockaddr_in*>(&peer.storage)->sin_addr.s_addr;
}

bool peer_is(int descriptor, const SocketAddress& where) {
  NativeAddress peer;
  peer.length = sizeof peer.storage;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer.storage), &peer.length) != 0)
    return false;
  const NativeAddress expected = to_native(where);
  return peer.length == expected.length &&
         std::memcmp(&peer.storage, &expected.storage, expected.length) == 0;
}

int open_socket(const SocketAddress& where) {
  const int descriptor = ::socket(where.address.v6 ? AF_INET6 : AF_INET,
                                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int on = 1;
  if (descriptor >= 0) ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

/// 0 when connected at once, EINPROGRESS, or why not.
int begin_connect(int descriptor, const SocketAddress& where) {
  const NativeAddress native = to_native(where);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&native.storage), native.length) == 0)
    return 0;
  return errno;
}

int socket_error(int descriptor) {
  int code = 0;
  socklen_t length = sizeof code;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) != 0) return errno;
  return code;
}

std::unexpected<ConnectFailure> failure(ExchangeResult result, std::string detail,
                                        std::string remote = {}) {
  return std::unexpected(ConnectFailure{result, std::move(detail), std::move(remote)});
}

std::unexpected<ConnectFailure> given_up(const Deadline& deadline, std::string_view doing,
                                         std::string remote = {}) {
  if (deadline.cancelled())
    return failure(ExchangeResult::not_sent, "cancelled before anything was sent",
                   std::move(remote));
  return failure(ExchangeResult::timed_out, fmt::format("the time was up while {}", doing),
                 std::move(remote));
}

std::optional<egress::Address> literal(const text::Url& url) {
  if (!url.host_is_ipv4 && !url.host_is_ipv6) return std::nullopt;
  return egress::parse_address(url.host);
}

}  // namespace

std::string SocketAddress::text() const {
  return address.v6 ? fmt::format("[{}]:{}", address.text(), port)
                    : fmt::format("{}:{}", address.text(), port);
}

Egress::Egress(asio::io_context& context, const egress::Policy& policy, Resolver& resolver,
               TlsClient& tls, EgressConfig config)
    : context_(context),
      policy_(policy),
      resolver_(resolver),
      tls_(tls),
      config_(std::move(config)),
      deadlines_(context) {}

task<Connected<Vetted>> Egress::vet(text::Url url, Deadline& deadline) {
  Vetted vetted{std::move(url), {}};
  if (const auto address = literal(vetted.url)) {
    vetted.addresses.push_back(*address);
  } else {
    auto answer = co_await resolver_.resolve(vetted.url.host, deadline);
    if (!answer) {
      if (answer.error().code == Errc::cancelled || answer.error().code == Errc::timed_out)
        co_return given_up(deadline, "looking up " + vetted.url.host);
      co_return failure(ExchangeResult::dns_failed, std::move(answer).error().what);
    }
    if (answer->empty())
      co_return failure(ExchangeResult::dns_failed, vetted.url.host + " has no address");
    vetted.addresses = *std::move(answer);
  }
  if (const auto allowed = policy_.check_answer(vetted.url, vetted.addresses); !allowed)
    co_return failure(ExchangeResult::refused, allowed.error().what);
  co_return vetted;
}

task<Connected<std::unique_ptr<Wire>>> Egress::connect(text::Url url,
                                                       std::shared_ptr<TlsSession> session,
                                                       Deadline& deadline,
                                                       env::ExchangeTimings& timings) {
  const bool by_name = !url.host_is_ipv4 && !url.host_is_ipv6;
  auto phase = SteadyClock::now();
  auto vetted = co_await vet(std::move(url), deadline);
  if (by_name) timings.dns_ms = elapsed_ms(phase);
  if (!vetted) co_return std::unexpected(std::move(vetted).error());

  phase = SteadyClock::now();
  const SocketAddress target{vetted->addresses.front(), vetted->url.port};
  Connected<std::unique_ptr<Wire>> wire;
  if (config_.proxy.empty())
    wire = co_await dial(std::move(vetted->addresses), target.port, deadline);
  else
    wire = co_await dial_proxy(target, deadline);
  timings.connect_ms = elapsed_ms(phase);
  if (!wire || vetted->url.scheme != "https") co_return wire;

  phase = SteadyClock::now();
  if (!co_await take_handshake_turn(deadline))
    co_return given_up(deadline, "waiting for a turn to start TLS", (*wire)->remote());
  const bool secured =
      co_await (*wire)->start_tls(tls_, vetted->url.host, !by_name, std::move(session), deadline);
  timings.tls_ms = elapsed_ms(phase);
  if (secured) co_return wire;
  if (deadline.over()) co_return given_up(deadline, "starting TLS", (*wire)->remote());
  co_return failure(ExchangeResult::tls_failed,
                    fmt::format("TLS with {} failed: {}", vetted->url.host, (*wire)->failure()),
                    (*wire)->remote());
}

task<bool> Egress::take_handshake_turn(Deadline& deadline) {
  if (config_.handshakes_per_second <= 0) co_return true;
  const auto now = SteadyClock::now();
  const auto turn = std::max(next_handshake_, now - handshake_burst);
  // A turn that would come too late is not taken: it is left to somebody who can use it.
  if (turn >= deadline.due()) {
    SteadyTimer until_due(context_, deadline.due());
    boost::system::error_code cancelled;
    co_await until_due.async_wait(asio::redirect_error(use_task, cancelled));
    co_return false;
  }
  next_handshake_ = turn + std::chrono::nanoseconds(1'000'000'000 / config_.handshakes_per_second);
  if (turn <= now) co_return true;
  SteadyTimer until_turn(context_, turn);
  boost::system::error_code cancelled;
  co_await until_turn.async_wait(asio::redirect_error(use_task, cancelled));
  co_return !deadline.over();
}

task<Connected<std::unique_ptr<Wire>>> Egress::dial(std::vector<egress::Address> addresses,
                                                    std::uint16_t port, Deadline& deadline) {
  Connected<std::unique_ptr<Wire>> last =
      failure(ExchangeResult::connect_failed, "there is no address to connect to");
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // Each address has its share of the time that is left, so that a dead one leaves some to the
    // next.
    const auto now = SteadyClock::now();
    const auto share = (deadline.due() - now) / static_cast<int>(addresses.size() - i);
    Deadline own(deadlines_, now + share, deadline.cancellation());
    const SocketAddress where{addresses[i], port};
    last = co_await dial_one(where, own);
    if (last || deadline.cancelled() || last.error().result == ExchangeResult::refused) break;
  }
  co_return last;
}

task<Connected<std::unique_ptr<Wire>>> Egress::dial_one(SocketAddress where, Deadline& deadline) {
  bool is_own = false, may_be_own = false;
  for (const auto& own : config_.own_listeners) {
    if (own.port != where.port) continue;
    const bool everywhere = is_unspecified(own.address);
    is_own = is_own || own == where || (everywhere && is_loopback(where.address));
    may_be_own = may_be_own || everywhere;
  }
  if (is_own) co_return failure(ExchangeResult::refused, where.text() + " is this server itself");
  if (deadline.over()) co_return given_up(deadline, "connecting", where.text());
  const int descriptor = open_socket(where);
  if (descriptor < 0)
    co_return failure(ExchangeResult::connect_failed,
                      "no socket: " + std::generic_category().message(errno));
  int code = begin_connect(descriptor, where);
  Socket socket(context_);
  boost::system::error_code error;
  socket.assign(where.address.v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), descriptor, error);
  if (error) {
    ::close(descriptor);
    co_return failure(ExchangeResult::connect_failed, "no socket: " + error.message());
  }
  socket.non_blocking(true, error);
  if (code == EINPROGRESS) {
    deadline.watch(&socket);
    co_await socket.async_wait(Socket::wait_write, asio::redirect_error(use_task, error));
    deadline.watch(nullptr);
    if (deadline.over())
      co_return given_up(deadline, "connecting to " + where.text(), where.text());
    code = socket_error(descriptor);
  }
  if (code != 0)
    co_return failure(ExchangeResult::connect_failed,
                      fmt::format("connecting to {} failed: {}", where.text(),
                                  std::generic_category().message(code)),
                      where.text());
  if (!peer_is(descriptor, where))
    co_return failure(ExchangeResult::refused,
                      "the connection to " + where.text() + " ended at another address",
                      where.text());
  if (may_be_own && ends_here(descriptor, where))
    co_return failure(ExchangeResult::refused, where.text() + " is this server itself",
                      where.text());
  co_return std::make_unique<Wire>(std::move(socket), where.text());
}

task<Connected<std::unique_ptr<Wire>>> Egress::dial_proxy(SocketAddress target,
                                                          Deadline& deadline) {
  const auto proxy = text::parse_url(config_.proxy);
  if (!proxy || proxy->scheme != "http")
    co_return failure(ExchangeResult::refused,
                      "the configured proxy is not of the form http://host:port");
  // The operator named the proxy, so where it is is not judged; what it is told to reach was.
  std::vector<egress::Address> addresses;
  if (const auto address = literal(*proxy)) {
    addresses.push_back(*address);
  } else {
    auto answer = co_await resolver_.resolve(proxy->host, deadline);
    if (!answer)
      co_return failure(ExchangeResult::dns_failed, "proxy: " + std::move(answer).error().what);
    addresses = *std::move(answer);
  }
  auto wire = co_await dial(std::move(addresses), proxy->port, deadline);
  if (!wire) co_return wire;
  const std::string head = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", target.text());
  std::string reply;
  bool open = co_await (*wire)->write_all(head, std::string_view(), deadline);
  while (open && reply.find("\r\n\r\n") == std::string::npos && reply.size() < proxy_head_max) {
    // One byte at a time: what follows the head is the tunnel's.
    char byte = 0;
    const std::span<char> into(&byte, 1);
    const WireStep step = co_await (*wire)->read_some(into, deadline);
    open = step.status == WireStep::Status::done;
    if (open) reply += byte;
  }
  if (deadline.over()) co_return given_up(deadline, "waiting for the proxy", (*wire)->remote());
  const bool accepted =
      open && (reply.starts_with("HTTP/1.1 2") || reply.starts_with("HTTP/1.0 2"));
  if (!accepted)
    co_return failure(
        ExchangeResult::connect_failed,
        fmt::format("the proxy refused: {}", printable(reply.substr(0, reply.find('\r')))),
        (*wire)->remote());
  co_return wire;
}

Result<int> dial_blocking(const std::vector<egress::Address>& addresses, std::uint16_t port,
                          Millis limit, const std::atomic<bool>& stop) {
  const auto due = SteadyClock::now() + limit;
  Error last(Errc::io, "there is no address to connect to");
  for (const auto& address : addresses) {
    const SocketAddress where{address, port};
    const int descriptor = open_socket(where);
    if (descriptor < 0)
      return fail(Errc::io, "no socket: " + std::generic_category().message(errno));
    int code = begin_connect(descriptor, where);
    while (code == EINPROGRESS) {
      pollfd wait{descriptor, POLLOUT, 0};
      const int ready = ::poll(&wait, 1, static_cast<int>(stop_check_gap.count()));
      if (ready == 1)
        code = socket_error(descriptor);
      else if (stop)
        code = ECANCELED;
      else if (SteadyClock::now() >= due)
        code = ETIMEDOUT;
    }
    if (code == 0 && peer_is(descriptor, where)) return descriptor;
    ::close(descriptor);
    const Errc kind = code == ETIMEDOUT   ? Errc::timed_out
                      : code == ECANCELED ? Errc::cancelled
                                          : Errc::io;
    last = Error(kind, fmt::format("connecting to {} failed: {}", where.text(),
                                   code == 0 ? "it ended at another address"
                                             : std::generic_category().message(code)));
    if (kind == Errc::cancelled) break;
  }
  return fail(std::move(last));
}

}  // namespace posthorn::net

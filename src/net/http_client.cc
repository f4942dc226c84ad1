#include "net/http_client.h"

#include <fmt/format.h>

#include <array>

#include "base/assert.h"
#include "base/bytes.h"
#include "net/http_client_reply.h"
#include "text/headers.h"

namespace posthorn::net {

namespace {

using env::Exchange;
using env::ExchangeResult;

constexpr std::chrono::seconds pool_sweep_gap{1};
// Just under the size from which malloc is slower.
constexpr std::size_t head_bytes = 960;
constexpr std::size_t scratch_bytes = 16 * 1024;
// What waits in the memory of each request; nearly every reply fits.
// Small enough that Asio keeps the coroutine's frame for the next request (up to 1020 bytes).
constexpr std::size_t first_read_bytes = 512;

bool is_ours(std::string_view name) {
  static constexpr std::array<std::string_view, 11> names{
      "host",       "content-length", "transfer-encoding",   "connection", "te",
      "keep-alive", "upgrade",        "proxy-authorization", "trailer",    "proxy-connection",
      "expect"};
  for (const auto mine : names)
    if (name.size() == mine.size() && equal_ignoring_case_ascii(name, mine)) return true;
  return false;
}

/// Every byte is looked at without a branch: a search for three characters costs several times
/// more.
bool breaks_line(std::string_view value) {
  bool found = false;
  for (const char c : value) found |= (c == '\r') | (c == '\n') | (c == '\0');
  return found;
}

/// Appends the headers; what is wrong with one of them, or nothing.
std::string append_headers(std::string& head, const env::OutgoingRequest& request) {
  bool says_encoding = false;
  for (const auto& [name, value] : request.headers) {
    if (!text::is_token(name)) return "the header name \"" + printable(name) + "\" is not a token";
    if (is_ours(name)) return "the header " + name + " is set by the sender itself";
    if (breaks_line(value)) return "the value of the header " + name + " holds a line break or NUL";
    says_encoding = says_encoding || equal_ignoring_case_ascii(name, "accept-encoding");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!says_encoding) head.append("Accept-Encoding: identity\r\n");
  return {};
}

}  // namespace

/// How one try on one connection ended.
struct HttpClient::Talk {
  bool settled = false;   ///< The exchange has its result.
  bool reusable = false;  ///< The connection may carry another request.
  bool silent = false;    ///< It broke before any byte of a reply.
};

HttpClient::HttpClient(Egress& egress, HttpClientConfig config)
    : egress_(egress),
      config_(config),
      pool_(config.pool),
      sweep_timer_(egress.context()),
      scratch_(scratch_bytes) {}

HttpClient::~HttpClient() { PH_ASSERT(in_flight_ == 0); }

Result<HttpClient::TargetPointer> HttpClient::target(const std::string& url) {
  if (const auto known = by_text_.find(url); known != by_text_.end()) {
    targets_.splice(targets_.begin(), targets_, known->second);
    return *known->second;
  }
  PH_TRY(auto parsed, egress_.policy().check_url(url));
  auto made = std::make_shared<Target>();
  made->text = url;
  made->host_header =
      fmt::format(" {} HTTP/1.1\r\nHost: {}\r\n", parsed.target, parsed.authority());
  made->origin = pool_.origin(parsed);
  made->url = std::move(parsed);
  targets_.push_front(made);
  by_text_.emplace(made->text, targets_.begin());
  if (targets_.size() > config_.urls_max) {
    by_text_.erase(targets_.back()->text);
    const std::shared_ptr<Origin> origin = targets_.back()->origin;
    targets_.pop_back();
    pool_.forget_if_unused(origin);
  }
  return TargetPointer(std::move(made));
}

task<Exchange> HttpClient::send(env::OutgoingRequest request) {
  // A cancellation is reported as a result, so waiting must not throw meanwhile.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  const auto start = SteadyClock::now();
  ++in_flight_;
  Exchange exchange;
  {
    Deadline deadline(egress_.deadlines(), start + request.limit, cancellation);
    auto known = target(request.url);
    std::string head;
    std::string fault;
    if (!known) {
      fault = known.error().what;
    } else if (!text::is_token(request.method)) {
      fault = "the method \"" + printable(request.method) + "\" is not a token";
    } else {
      head.reserve(head_bytes);
      head.append(request.method).append((*known)->host_header);
      fault = append_headers(head, request);
      const bool bodiless =
          request.body->empty() && (request.method == "GET" || request.method == "HEAD");
      if (!bodiless)
        head.append("Content-Length: ").append(std::to_string(request.body->size())).append("\r\n");
      head.append("\r\n");
    }
    if (fault.empty()) {
      TargetPointer target = *std::move(known);
      co_await attempt(std::move(target), request, std::move(head), deadline, exchange);
    } else {
      exchange.result = ExchangeResult::refused;
      exchange.detail = std::move(fault);
    }
  }
  exchange.timings.total_ms = elapsed_ms(start);
  --in_flight_;
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return exchange;
}

task<> HttpClient::attempt(TargetPointer target, const env::OutgoingRequest& request,
                           std::string head, Deadline& deadline, Exchange& exchange) {
  auto wire = pool_.take(*target->origin, SteadyClock::now());
  for (bool reused = wire != nullptr;; reused = false) {
    if (!wire) {
      text::Url url = target->url;
      auto made = co_await egress_.connect(std::move(url), target->origin->session(), deadline,
                                           exchange.timings);
      if (!made) {
        exchange.result = made.error().result;
        exchange.detail = std::move(made.error().detail);
        exchange.remote_address = std::move(made.error().remote_address);
        co_return;
      }
      wire = *std::move(made);
    }
    exchange.remote_address = wire->remote();
    exchange.tls = wire->tls();
    const Talk ended = co_await talk(*wire, head, request, deadline, exchange);
    if (ended.reusable) {
      pool_.give_back(target->origin, std::move(wire), SteadyClock::now());
      tick();
    }
    if (ended.settled) co_return;
    if (!(reused && ended.silent) || deadline.over()) {
      if (deadline.cancelled()) {
        exchange.result = ExchangeResult::connection_lost;
        exchange.detail = "cancelled while the request was under way";
      } else if (deadline.expired()) {
        exchange.result = ExchangeResult::timed_out;
        exchange.detail =
            ended.silent ? "no reply came in time" : "the reply's head did not end in time";
      } else {
        exchange.result = ExchangeResult::connection_lost;
        exchange.detail =
            fmt::format("the connection to {} ended before a status line: {}", wire->remote(),
                        wire->failure().empty() ? "closed by the peer" : wire->failure());
      }
      co_return;
    }
    wire.reset();
  }
}

task<HttpClient::Talk> HttpClient::talk(Wire& wire, std::string_view head,
                                        const env::OutgoingRequest& request, Deadline& deadline,
                                        Exchange& exchange) {
  const auto start = SteadyClock::now();
  ReplyReader reader(exchange, request.method == "HEAD",
                     std::min(request.body_bytes_kept, env::body_bytes_kept_max));
  std::string_view body = *request.body;
  std::array<char, first_read_bytes> own;
  // Most requests are taken by the socket at once; only others pay for a coroutine.
  const WireStep sent = wire.try_write(head, body);
  const std::size_t sent_bytes = sent.status == WireStep::Status::done ? sent.bytes : 0;
  bool whole = sent_bytes == head.size() + body.size();
  const bool dead =
      sent.status == WireStep::Status::closed || sent.status == WireStep::Status::failed;
  if (!whole && !dead) {
    const std::size_t of_head = std::min(sent_bytes, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(sent_bytes - of_head);
    whole = co_await wire.write_all(head, body, deadline);
  }
  WireStep step;
  bool more = true;
  // A peer that refuses early answers before it has read everything: what came is looked at even
  // when the request could not be sent whole.
  while (more) {
    std::span<char> into = scratch_;
    if (whole && (wire.is_tls() || !reader.begun())) {
      // Without TLS the socket is given a place for the bytes while it waits, which saves a call.
      if (!wire.is_tls()) into = own;
      step = co_await wire.read_some(into, deadline);
    } else {
      step = wire.try_read(into);
      if (step.status == WireStep::Status::want_read && whole) {
        if (co_await wire.ready(step.status, deadline)) continue;
      }
    }
    if (step.status != WireStep::Status::done) break;
    if (!reader.begun()) exchange.timings.first_byte_ms = elapsed_ms(start);
    more = reader.take(std::string_view(into.data(), step.bytes));
  }
  if (more) reader.end(step.status == WireStep::Status::closed);
  Talk ended;
  ended.settled = reader.has_verdict();
  ended.reusable = whole && reader.is_reusable() && !deadline.over();
  ended.silent = !reader.begun();
  co_return ended;
}

void HttpClient::tick() {
  if (sweeping_) return;
  sweeping_ = true;
  sweep_timer_.expires_after(pool_sweep_gap);
  sweep_timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](boost::system::error_code e) {
    if (e || alive.expired()) return;
    pool_.sweep(SteadyClock::now());
    sweeping_ = false;
    if (pool_.idle_count() > 0) tick();
  });
}

}  // namespace posthorn::net

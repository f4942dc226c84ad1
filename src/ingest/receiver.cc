#include "ingest/receiver.h"

#include <algorithm>

#include "base/bytes.h"
#include "http/reply.h"
#include "text/json.h"

namespace posthorn::ingest {
namespace {

/// What a request weighs beside its body: buffers, its row on the way to the disk.
constexpr std::int64_t request_weight = 8 << 10;

std::string_view slug_of(std::string_view path) {
  path.remove_prefix(std::string_view("/in/").size());
  return path.substr(0, path.find('/'));
}

http::Response problem(int status, std::string_view code, std::string_view detail,
                       std::optional<RequestId> kept = {}) {
  json::object body{{"type", "about:blank"},
                    {"title", http::reason_of(status)},
                    {"status", status},
                    {"code", code},
                    {"detail", detail}};
  if (kept) body["received_request_id"] = kept->text();
  http::Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  text::append_json(response.body, body);
  return response;
}

http::Response try_later(std::string_view code, std::string_view detail, int seconds = 1) {
  auto response = problem(503, code, detail);
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

http::Response too_many(const env::RateVerdict& verdict, std::string_view detail) {
  auto response = problem(429, "rate_limited", detail);
  response.headers.emplace_back(
      "Retry-After", std::to_string(std::max<std::int64_t>(1, verdict.retry.count() / 1000)));
  return response;
}

/// The same for every unknown slug, so that guessing tells nothing.
http::Response unknown_source() { return problem(404, "not_found", "there is no such source"); }

http::Response response_of(providers::Reply reply) {
  http::Response response;
  response.status = reply.status;
  response.content_type = std::move(reply.content_type);
  response.body = std::move(reply.body);
  response.headers = std::move(reply.headers);
  return response;
}

providers::Reply reply_of(const LiveSource& live, const providers::Incoming& incoming) {
  const auto make = live.source.provider->reply;
  return make != nullptr ? make(live.settings, incoming) : providers::Reply{};
}

bool is_loopback(std::string_view address) {
  const auto parsed = egress::parse_address(address);
  if (!parsed) return false;
  static const auto v4 = *egress::parse_cidr("127.0.0.0/8");
  static const auto v6 = *egress::parse_cidr("::1/128");
  return v4.contains(*parsed) || v6.contains(*parsed);
}

Arrival arrival_of(const LiveSource& live, const http::Request& request,
                   std::string_view installation_url, Instant now) {
  Arrival arrival;
  arrival.method = request.head.method;
  arrival.url = live.source.public_url.empty() ? installation_url : live.source.public_url;
  arrival.url += request.head.target;
  arrival.headers.reserve(request.head.headers.size());
  for (const auto& header : request.head.headers)
    arrival.headers.emplace_back(header.name, header.value);
  arrival.body = request.body;
  arrival.remote_address = request.remote_address;
  arrival.at = now;
  return arrival;
}

}  // namespace

/// Counts a request from its admission to its answer.
struct Receiver::Held {
  Held(env::FairGate& gate, LiveSourcePtr source, std::int64_t weight)
      : live(std::move(source)), pass(gate, live->activity->receiving, weight) {}
  LiveSourcePtr live;
  env::FairGate::Pass pass;
};

Receiver::Receiver(Ports ports, ReceiverConfig config)
    : ports_(ports), config_(std::move(config)), gate_(config_.in_flight_bytes_max) {}

std::variant<http::Admitted, http::Response> Receiver::admit(const http::RequestHead& head,
                                                             std::string_view remote_address) {
  const auto live = ports_.sources.by_slug(slug_of(head.path));
  if (!live) {
    ports_.metrics.unknown.add();
    return unknown_source();
  }
  if (const auto coding = head.header("Content-Encoding");
      coding && !equal_ignoring_case_ascii(*coding, "identity"))
    return problem(415, "unsupported_coding", "a body is taken as it is, without Content-Encoding");
  const Tick now = ports_.clock.steady();
  if (const int limit = live->source.rate_per_minute; limit > 0)
    if (const auto verdict = live->activity->rate.take(limit, now); !verdict.allowed)
      return too_many(verdict, "this source takes fewer requests a minute");
  // Forms that anybody may send say how often one sender may.
  if (const auto limit = live->settings.integer("rate_per_minute"); limit > 0)
    if (const auto verdict =
            live->activity->clients.take(remote_address, static_cast<int>(limit), now);
        !verdict.allowed)
      return too_many(verdict, "you sent this form too often; try again later");
  const auto body_bytes_max = live->source.provider->body_bytes_max;
  // A body of unknown length may become as large as it is let.
  const auto length = head.content_length.value_or(head.chunked ? body_bytes_max : 0);
  if (gate_.ask(live->activity->receiving) != env::FairGate::Answer::go) {
    ports_.metrics.overloaded.add();
    return try_later("overloaded", "too much is being received; try again");
  }
  const auto weight =
      static_cast<std::int64_t>(std::min<std::uint64_t>(length, body_bytes_max)) + request_weight;
  return http::Admitted{body_bytes_max, std::make_shared<Held>(gate_, live, weight)};
}

bool Receiver::is_secure(const http::Request& request) const {
  if (request.tls || config_.dev) return true;
  const auto peer = egress::parse_address(request.remote_address);
  const bool from_proxy =
      peer && std::ranges::any_of(config_.trusted_proxies,
                                  [&](const auto& one) { return one.contains(*peer); });
  if (const auto forwarded = request.head.header("X-Forwarded-Proto"); from_proxy && forwarded)
    return equal_ignoring_case_ascii(*forwarded, "https");
  return is_loopback(request.remote_address);
}

task<http::Response> Receiver::refused(LiveSourcePtr live, const Arrival& arrival,
                                       const providers::Verification& verification) {
  const int status = verification.refusal ? verification.refusal->status : 401;
  const auto kept =
      co_await ports_.intake.keep_refused(live, arrival, verdict_text(verification), status);
  if (!kept)
    ports_.log.warning("ingest.refusal_not_kept",
                       {{"source", live->source.id.text()}, {"what", kept.error().what}});
  if (verification.refusal && !verification.refusal->body.empty())
    co_return response_of(*verification.refusal);
  auto response = problem(status, "not_verified", verification.reason,
                          kept ? *kept : std::optional<RequestId>{});
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  co_return response;
}

task<Result<LiveSourcePtr>> Receiver::with_certificate(LiveSourcePtr live, const Arrival& arrival) {
  const auto& provider = *live->source.provider;
  if (provider.certificate_url == nullptr) co_return live;
  const auto url = provider.certificate_url(live->settings, arrival.incoming());
  if (!url) co_return live;
  PH_CO_TRY(auto pem, co_await ports_.certificates.fetch(*url));
  auto supplied = std::make_shared<LiveSource>(*live);
  supplied->settings = supplied->settings.with_map("certs", {{*url, std::move(pem)}});
  co_return LiveSourcePtr(std::move(supplied));
}

task<http::Response> Receiver::serve(const http::Request& request) {
  const Tick began = ports_.clock.steady();
  if (ports_.sources.has_changes()) {
    if (const auto refreshed = co_await ports_.sources.refresh_changed(); !refreshed)
      ports_.log.warning("ingest.refresh_failed", {{"what", refreshed.error().what}});
  }
  auto live = ports_.sources.by_slug(slug_of(request.head.path));
  if (!live) co_return unknown_source();
  const auto arrival = arrival_of(*live, request, config_.public_url, ports_.clock.now());
  const auto incoming = arrival.incoming();
  const auto& provider = *live->source.provider;

  if (!is_secure(request)) {
    providers::Steps steps;
    steps.check(false, "https",
                "it came over plain http: use the https address, or name your proxy in "
                "trusted_proxies");
    auto verification = std::move(steps).refused(providers::Reply{.status = 403});
    co_return co_await refused(live, arrival, verification);
  }
  // Preflights carry no signature and have no effect.
  if (request.head.method == "OPTIONS") {
    if (provider.challenge != nullptr)
      if (auto answer = provider.challenge(live->settings, incoming))
        co_return response_of(*std::move(answer));
    auto response = problem(405, "method_not_allowed", "this source answers no OPTIONS");
    response.headers.emplace_back("Allow", "POST");
    co_return response;
  }
  auto supplied = co_await with_certificate(live, arrival);
  if (!supplied) {
    ports_.log.warning("ingest.certificate_failed",
                       {{"source", live->source.id.text()}, {"what", supplied.error().what}});
    co_return try_later("certificate_unavailable",
                        "the certificate that signed this cannot be fetched now", 5);
  }
  const auto verification = provider.verify((*supplied)->settings, incoming, arrival.at);
  if (!verification.verified) co_return co_await refused(live, arrival, verification);

  if (provider.challenge != nullptr) {
    if (auto answer = provider.challenge(live->settings, incoming)) {
      const auto kept = co_await ports_.intake.keep_answered(live, arrival, answer->status);
      if (!kept) co_return try_later("unavailable", "it cannot be kept now; try again");
      co_return response_of(*std::move(answer));
    }
  }
  auto reply = reply_of(*live, incoming);
  const auto receipt =
      co_await ports_.intake.keep(live, arrival, verification.tokens, reply.status);
  if (!receipt) co_return try_later("unavailable", "it cannot be kept now; try again");
  if (receipt->token_reused)
    co_return problem(provider.token_reused_status, "token_reused",
                      "the one-time token came with another body before", receipt->id);
  ports_.metrics.acknowledged.observe(static_cast<double>((ports_.clock.steady() - began).count()) /
                                      1000.0);
  co_return response_of(std::move(reply));
}

http::Response Receiver::refuse(int status, std::string_view detail, std::string_view) {
  return problem(status, "malformed_request", detail);
}

}  // namespace posthorn::ingest

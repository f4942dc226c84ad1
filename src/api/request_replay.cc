#include "api/request_replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/effects.h"

namespace posthorn::api {

namespace {

using model::ReceivedRequest;
using model::RequestState;

/// Without an id of the provider's a request is known by its bytes, for so long.
constexpr Millis digest_window{24h};

enum class Twin : std::uint8_t { none, there, unknown };

/// A refused request claimed no key, and its provider tried again. Where nothing but the bytes
/// tells that both are the same, the accepted one is looked for.
task<Result<Twin>> accepted_twin(store::Store& store, const ReceivedRequest& request) {
  constexpr int pages_max = 10;
  store::RequestFilter filter;
  filter.workspace = request.workspace;
  filter.source = request.source;
  filter.states = {RequestState::received, RequestState::processed, RequestState::parked};
  filter.since = request.received_at - digest_window;
  filter.until = request.received_at + digest_window;
  store::Page page{.after = 0, .limit = 500, .oldest_first = false};
  for (int round = 0; round < pages_max; ++round) {
    PH_CO_TRY(const auto found, co_await store.list_requests(filter, page));
    for (const auto& row : found.rows)
      if (row.id != request.id && row.body_sha256 == request.body_sha256) co_return Twin::there;
    if (!found.next) co_return Twin::none;
    page.after = *found.next;
  }
  co_return Twin::unknown;
}

/// Why a refused request cannot go on; nullopt when it can.
task<std::optional<Problem>> still_refused(ReplayPorts ports, ingest::LiveSourcePtr live,
                                           const ReceivedRequest& request, bool force) {
  const auto settings = co_await settings_for(ports.certificates, live, request);
  if (!settings) co_return conflict("certificate_unavailable", settings.error().what);
  const ingest::Stored stored(request);
  const auto verification =
      live->source.provider->verify(*settings, stored.incoming(), request.received_at);
  if (!verification.verified)
    co_return conflict("still_refused",
                       "with today's settings it does not verify: " + verification.reason);
  // It claimed no token, so the real call may have used it since, with another body.
  if (!force && !verification.tokens.empty())
    co_return conflict("one_time_token",
                       "its one-time token may have come with another body; look at what it says, "
                       "then use force");
  const auto parsed = live->source.provider->parse(live->settings, stored.incoming());
  if (force || !parsed.key_is_digest) co_return std::nullopt;
  const auto twin = co_await accepted_twin(ports.store, request);
  if (!twin) co_return problem_of(twin.error());
  if (*twin == Twin::there)
    co_return conflict("duplicate", "the same bytes were accepted within a day of it");
  if (*twin == Twin::unknown)
    co_return conflict("duplicate",
                       "too much came within a day of it to tell whether it was accepted then; "
                       "with force it is worked on all the same");
  co_return std::nullopt;
}

}  // namespace

bool has_whole_body(const ReceivedRequest& request) {
  return request.body && static_cast<std::int64_t>(request.body->size()) == request.body_bytes;
}

task<Result<providers::Settings>> settings_for(ingest::CertificateCache* certificates,
                                               ingest::LiveSourcePtr live,
                                               const ReceivedRequest& request) {
  const auto certificate_url = live->source.provider->certificate_url;
  if (certificate_url == nullptr) co_return live->settings;
  const ingest::Stored stored(request);
  const auto url = certificate_url(live->settings, stored.incoming());
  if (!url) co_return live->settings;
  if (certificates == nullptr)
    co_return fail(Errc::unavailable, "the certificate that signed it cannot be fetched here");
  auto pem = co_await certificates->fetch(*url);
  if (!pem)
    co_return fail(pem.error().code,
                   "the certificate that signed it cannot be had: " + pem.error().what);
  co_return live->settings.with_map("certs", {{*url, *std::move(pem)}});
}

task<std::expected<store::RequestChange, Problem>> replay_change(ReplayPorts ports,
                                                                 const ReceivedRequest& request,
                                                                 bool force) {
  const auto refuse = [](std::string_view code, std::string_view detail) {
    return std::unexpected(conflict(code, detail));
  };
  const auto live = ports.sources.by_id(request.source);
  if (!live) co_return refuse("source_deleted", "its source was deleted");
  const auto now = ports.timeline.now();
  if (request.state == RequestState::received && request.due_at <= now)
    co_return refuse("already_waiting", live->source.paused ? "it waits for its source to go on"
                                                            : "it waits for the worker already");
  if (request.state == RequestState::answered)
    co_return refuse("handshake", "it was a handshake: there is nothing to work on");
  if (request.state == RequestState::duplicate && !force)
    co_return refuse("duplicate",
                     fmt::format("it says what {} said: replay that one, or this one with force",
                                 request.duplicate_of.text()));
  if (!has_whole_body(request))
    co_return refuse("body_not_kept",
                     "its body is not kept whole, so it cannot be worked on again");
  if (request.state == RequestState::refused)
    if (auto refusal = co_await still_refused(ports, live, request, force))
      co_return std::unexpected(*std::move(refusal));
  store::RequestChange change;
  change.request = request.id;
  change.only_if = request.state;
  change.state = RequestState::received;
  change.due_at = now;
  if (force) change.forced = request.forced + 1;
  co_return change;
}

ReceivedRequest changed(ReceivedRequest request, const store::RequestChange& change) {
  request.state = change.state;
  request.due_at = change.due_at;
  request.attempts = change.attempts;
  request.error = change.error;
  request.processed_at = change.processed_at;
  if (change.forced) request.forced = *change.forced;
  return request;
}

bool is_wanted(const RequestQuery& query, const ingest::SourceIndex& sources,
               const ReceivedRequest& row) {
  if (query.provider.empty()) return true;
  const auto live = sources.by_id(row.source);
  return live && live->source.provider->name == query.provider;
}

RequestQuery request_query(const model::ReplayJob& job) {
  RequestQuery query;
  query.filter.workspace = job.workspace;
  query.filter.source = job.requests->source;
  query.filter.states = job.requests->states;
  query.filter.since = job.requests->since;
  query.filter.until =
      job.requests->until ? std::min(*job.requests->until, job.created_at) : job.created_at;
  query.provider = job.requests->provider;
  return query;
}

}  // namespace posthorn::api

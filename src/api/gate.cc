#include "api/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "text/headers.h"

namespace posthorn::api {

namespace {

constexpr std::string_view workspace_header = "X-Posthorn-Workspace";

Problem header_problem(int status, std::string_view code, std::string_view header,
                       std::string_view fault_code, const std::string& detail) {
  return {status,
          std::string(code),
          fmt::format("{} {}", header, detail),
          {{std::string(header), std::string(fault_code), detail}},
          {}};
}

std::optional<Problem> refusal_of(Entrance entrance,
                                  std::optional<std::string_view> workspace_wanted) {
  const auto refused = [](std::string_view code, std::string_view detail) {
    return Problem{401,
                   std::string(code),
                   std::string(detail),
                   {},
                   {{"WWW-Authenticate", "Bearer realm=\"posthorn\""}}};
  };
  switch (entrance) {
    case Entrance::granted:
      return std::nullopt;
    case Entrance::no_key:
      return refused("no_key", "send an API key: Authorization: Bearer phk_…");
    case Entrance::unknown_key:
      return refused("unknown_key", "this is not an API key of this server");
    case Entrance::expired:
      return refused("expired_key", "this API key has expired");
    case Entrance::revoked:
      return refused("revoked_key", "this API key was revoked");
    case Entrance::no_workspace:
      if (!workspace_wanted)
        return Problem{404, "not_found", "the workspace of this API key is gone", {}, {}};
      return header_problem(404, "not_found", workspace_header, "not_found",
                            fmt::format("takes the id or name of a workspace, not {}",
                                        model::shown(*workspace_wanted)));
    case Entrance::other_workspace:
      return header_problem(403, "other_workspace", workspace_header, "not_allowed",
                            fmt::format("takes the workspace of this API key alone (another one "
                                        "needs the scope admin), not {}",
                                        model::shown(*workspace_wanted)));
  }
  return refused("unknown_key", "this is not an API key of this server");
}

std::optional<Problem> scope_refusal(const Route& route, const Caller& caller) {
  if (allows(caller.scopes, route.scope)) return std::nullopt;
  return Problem{403,
                 "missing_scope",
                 fmt::format("this API key lacks the scope {}", to_string(route.scope)),
                 {},
                 {}};
}

bool has_body(const http::RequestHead& head) {
  return head.chunked || head.content_length.value_or(0) > 0;
}

std::optional<Problem> content_refusal(const Route& route, const http::RequestHead& head) {
  if (route.body == Body::any) return std::nullopt;
  const auto coding = head.header("Content-Encoding");
  const bool plain = !coding || equal_ignoring_case_ascii(*coding, "identity");
  const bool gzip = coding && equal_ignoring_case_ascii(*coding, "gzip");
  if (!plain && !(gzip && route.gzip_accepted))
    return Problem{415,
                   "unsupported_content_encoding",
                   route.gzip_accepted ? "this address takes Content-Encoding gzip or none"
                                       : "this address takes no Content-Encoding",
                   {},
                   {{"Accept-Encoding", route.gzip_accepted ? "gzip" : "identity"}}};
  if (route.body == Body::none || !has_body(head)) return std::nullopt;
  const auto type = head.header("Content-Type");
  const auto parsed = type ? text::parse_media_type(*type) : std::nullopt;
  const auto charset = parsed ? parsed->parameter("charset") : std::nullopt;
  if (head.header_count("Content-Type") == 1 && parsed && parsed->essence == "application/json" &&
      (!charset || equal_ignoring_case_ascii(*charset, "utf-8")))
    return std::nullopt;
  const bool is_repeated = head.header_count("Content-Type") > 1;
  auto refused = header_problem(415, "unsupported_media_type", "Content-Type",
                                is_repeated ? "duplicate" : "not_allowed",
                                is_repeated ? "is given more than once"
                                            : fmt::format("must be application/json, not {}",
                                                          type ? model::shown(*type) : "nothing"));
  refused.headers.emplace_back("Accept", "application/json");
  return refused;
}

/// Requests a minute that the workspace may make; 0: as many as it likes.
int per_minute(const Context& context, const Caller& caller) {
  if (!caller.entry) return 0;
  const auto& own = caller.entry->workspace.rate_per_second;
  if (!own) return context.config.rate_per_minute;
  return std::max(1, static_cast<int>(std::lround(*own * 60)));
}

std::int64_t whole_seconds(Millis span) { return (span.count() + 999) / 1000; }

}  // namespace

std::expected<Entry, Problem> enter(Context& context, const Router& router,
                                    const http::RequestHead& head, Instant now) {
  Entry entry;
  entry.routed = router.find(head.method, head.path);
  if (entry.routed.route == nullptr) {
    if (entry.routed.allow.empty())
      return std::unexpected(
          Problem{404, "no_such_address", "there is nothing at this address", {}, {}});
    return std::unexpected(Problem{405,
                                   "method_not_allowed",
                                   fmt::format("this address takes {}", entry.routed.allow),
                                   {},
                                   {{"Allow", entry.routed.allow}}});
  }
  const Route& route = *entry.routed.route;
  if (route.scope != Scope::open) {
    const auto wanted = head.header(workspace_header);
    const auto entrance =
        context.directory.enter(head.header("Authorization"), wanted, now, entry.caller);
    if (auto refused = refusal_of(entrance, wanted)) return std::unexpected(*std::move(refused));
    if (head.header_count(workspace_header) > 1)
      return std::unexpected(header_problem(400, "invalid_header", workspace_header, "duplicate",
                                            "is given more than once"));
    if (auto refused = scope_refusal(route, entry.caller))
      return std::unexpected(*std::move(refused));
  }
  if (auto refused = content_refusal(route, head)) return std::unexpected(*std::move(refused));
  if (head.content_length.value_or(0) > context.config.body_bytes_max)
    return std::unexpected(
        Problem{413,
                "body_too_large",
                fmt::format("the body may have {} bytes (body_bytes_max), not {}",
                            context.config.body_bytes_max, *head.content_length),
                {},
                {}});
  return entry;
}

std::optional<Problem> take_rate(Context& context, const Caller& caller) {
  const int limit = per_minute(context, caller);
  if (limit == 0) return std::nullopt;
  const auto verdict = caller.entry->load->rate.take(limit, context.ports.clock.steady());
  if (verdict.allowed) return std::nullopt;
  return Problem{
      429,
      "rate_limited",
      fmt::format("this workspace may make {} requests a minute", limit),
      {},
      {{"Retry-After", std::to_string(std::max<std::int64_t>(1, whole_seconds(verdict.retry)))}}};
}

std::optional<Problem> ask_publish_gate(Context& context, const Entry& entry) {
  if (!entry.caller.entry || entry.routed.route->scope != Scope::events_write) return std::nullopt;
  const auto answer = context.publish_gate.ask(entry.caller.entry->load->publishing);
  if (answer == env::FairGate::Answer::go) return std::nullopt;
  context.metrics.overloaded.add();
  const bool full = answer == env::FairGate::Answer::full;
  return Problem{full ? 503 : 429,
                 full ? "overloaded" : "share_used",
                 full ? "too many publishes are in flight; try again"
                      : "this workspace holds its share of the publishes in flight; try again",
                 {},
                 {{"Retry-After", "1"}}};
}

void add_rate_headers(Context& context, const Caller& caller, http::Response& response) {
  const int limit = per_minute(context, caller);
  if (limit == 0) return;
  const auto verdict = caller.entry->load->rate.look(limit, context.ports.clock.steady());
  const auto reset = std::to_string(whole_seconds(verdict.reset));
  const auto remaining = std::to_string(verdict.remaining);
  auto& headers = response.headers;
  headers.emplace_back("RateLimit-Policy", fmt::format("\"default\";q={};w=60", limit));
  headers.emplace_back("RateLimit", fmt::format("\"default\";r={};t={}", remaining, reset));
  headers.emplace_back("RateLimit-Limit", std::to_string(limit));
  headers.emplace_back("RateLimit-Remaining", remaining);
  headers.emplace_back("RateLimit-Reset", reset);
  headers.emplace_back("X-RateLimit-Limit", std::to_string(limit));
  headers.emplace_back("X-RateLimit-Remaining", remaining);
  headers.emplace_back("X-RateLimit-Reset", reset);
}

}  // namespace posthorn::api

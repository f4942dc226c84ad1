#include "api/service.h"

#include <fmt/format.h>

#include "api/context.h"
#include "api/gate.h"
#include "api/idempotency.h"
#include "api/last_used.h"
#include "api/openapi.h"
#include "api/stream_hub.h"
#include "api/try.h"
#include "base/bytes.h"
#include "model/json.h"
#include "text/headers.h"
#include "text/json.h"

namespace posthorn::api {

struct Service::State {
  State(Ports ports, Config config) : context(ports, std::move(config)), router(routes()) {}

  Context context;
  Router router;
  InFlightKeys in_flight;
  std::shared_ptr<void> listening;  ///< Last: ends before what the listener touches.
};

namespace {

task<Result<>> load_endpoints(Context& context) {
  // The engine may have been started with them already; then it keeps them current.
  if (!context.ports.routing.current()->endpoints().empty()) co_return Result<>{};
  std::vector<std::shared_ptr<const model::Endpoint>> endpoints;
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  for (;;) {
    store::ObjectFilter everything;
    PH_CO_TRY(const auto found, co_await context.ports.store.list_objects(
                                    model::ObjectKind::endpoint, everything, page));
    for (const auto& object : found.rows) {
      PH_CO_TRY(auto endpoint, model::endpoint_from(object, context.ports.vault));
      endpoints.push_back(std::make_shared<const model::Endpoint>(std::move(endpoint)));
    }
    if (!found.next) break;
    page.after = *found.next;
  }
  context.ports.routing.replace(std::move(endpoints));
  co_return Result<>{};
}

/// Fills Call::body by what the route takes.
std::optional<Problem> read_body(Call& call) {
  if (call.route.body != Body::object && call.route.body != Body::optional_object)
    return std::nullopt;
  if (call.request.body.empty() && call.route.body == Body::optional_object) return std::nullopt;
  auto parsed = text::parse_json(call.request.body);
  if (!parsed)
    return Problem{400, "invalid_json", "the body is not JSON: " + parsed.error().what, {}, {}};
  if (!parsed->is_object())
    return Problem{422,
                   "validation_failed",
                   fmt::format("the body takes an object, not {}", model::shown(*parsed)),
                   {{"", "type", fmt::format("takes an object, not {}", model::shown(*parsed))}},
                   {}};
  call.body = std::move(parsed->as_object());
  return std::nullopt;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  const auto listed = text::split_list(if_none_match);
  if (!listed) return false;
  for (auto one : *listed) {
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag || one == "*") return true;
  }
  return false;
}

/// 304 for a GET whose caller has this version already.
void shorten_if_known(const http::RequestHead& head, http::Response& response) {
  if (head.method != "GET" && head.method != "HEAD") return;
  const auto known = head.header("If-None-Match");
  if (!known || response.status != 200) return;
  for (const auto& [name, value] : response.headers)
    if (name == "ETag" && names_etag(*known, value)) {
      response.status = 304;
      response.body.clear();
      return;
    }
}

task<Answer> run(Context& context, InFlightKeys& in_flight, Call& call) {
  auto claim = claim_of(context, call);
  if (!claim) co_return Answer(claim.error());
  call.idempotency = *std::move(claim);
  if (!call.idempotency) co_return co_await call.route.handler(context, call);
  const auto hold = in_flight.hold(call.idempotency->name);
  if (!hold) {
    auto busy = conflict("idempotency_key_in_flight",
                         "the first request with this Idempotency-Key is still being worked on");
    busy.headers.emplace_back("Retry-After", "1");
    co_return Answer(std::move(busy));
  }
  if (auto kept = co_await kept_answer(context, call)) co_return *std::move(kept);
  auto answer = co_await call.route.handler(context, call);
  if (answer.is_problem()) co_return answer;
  auto response = std::move(answer).take_response();
  const auto keeping = co_await keep_reply(context, call, response);
  if (!keeping) co_return Answer(problem_of(keeping.error()));
  co_return Answer(std::move(response));
}

}  // namespace

Service::Service(Ports ports, Config config)
    : state_(std::make_unique<State>(ports, std::move(config))) {}

Service::~Service() { end_streams(); }

task<Result<>> Service::start() {
  auto& context = state_->context;
  state_->listening =
      context.ports.store.listen([&context](std::shared_ptr<const store::CommitNotice> notice) {
        context.directory.note(*notice);
        context.request_changes.note(*notice);
        context.streams->notify();
      });
  PH_CO_TRY_VOID(co_await context.directory.load());
  PH_CO_TRY_VOID(co_await context.ports.bins.load());
  co_return co_await load_endpoints(context);
}

void Service::set_public_url(std::string url) {
  auto& context = state_->context;
  context.config.public_url = std::move(url);
  context.openapi = openapi_document(context.config.version, context.config.public_url);
}

void Service::end_streams() { state_->context.streams->end(); }

std::variant<http::Admitted, http::Response> Service::admit(const http::RequestHead& head,
                                                            std::string_view) {
  auto& context = state_->context;
  const auto refused = [this, &head](const Problem& problem) {
    state_->context.metrics.refused.add();
    return to_response(problem, head.request_id);
  };
  const auto entry = enter(context, state_->router, head, context.ports.clock.now());
  if (!entry) return refused(entry.error());
  if (const auto busy = ask_publish_gate(context, *entry)) return refused(*busy);
  if (const auto limited = take_rate(context, entry->caller)) {
    auto response = refused(*limited);
    add_rate_headers(context, entry->caller, response);
    return response;
  }
  return http::Admitted{context.config.body_bytes_max};
}

task<http::Response> Service::serve(const http::Request& request) {
  auto& context = state_->context;
  if (context.directory.has_changes()) {
    if (const auto refreshed = co_await context.directory.refresh_changed(); !refreshed)
      context.ports.log.warning("api.refresh_failed", {{"error", refreshed.error().what}});
  }
  const auto now = context.ports.clock.now();
  auto entry = enter(context, state_->router, request.head, now);
  if (!entry) {
    context.metrics.refused.add();
    co_return to_response(entry.error(), request.request_id);
  }
  model::Faults faults;
  Call call{.request = request,
            .route = *entry->routed.route,
            .caller = std::move(entry->caller),
            .path = std::move(entry->routed.parameters),
            .query = {},
            .body = {},
            .now = now,
            .idempotency = {}};
  if (call.route.body != Body::any)
    call.query = Query::parse(request.head.query, call.route.query, now, faults);
  std::optional<Answer> answer;
  if (!faults.empty())
    answer = Answer(faults);
  else if (auto broken = read_body(call))
    answer = Answer(*std::move(broken));
  else
    answer = co_await run(context, state_->in_flight, call);

  context.metrics.requests.add();
  http::Response response;
  if (answer->is_problem()) {
    response = to_response(answer->problem(), request.request_id);
  } else {
    response = (*std::move(answer)).take_response();
    shorten_if_known(request.head, response);
  }
  if (response.status >= 500)
    context.metrics.failed.add();
  else if (response.status >= 400)
    context.metrics.refused.add();
  add_rate_headers(context, call.caller, response);
  if (call.caller.key) co_await note_use(context, call.caller.key, now);
  co_return response;
}

http::Response Service::refuse(int status, std::string_view detail, std::string_view request_id) {
  Problem problem{status, "malformed_request", std::string(detail), {}, {}};
  if (status == 408) problem.code = "too_slow";
  if (status == 413) problem.code = "body_too_large";
  if (status == 421) problem.code = "misdirected";
  if (status == 405) {
    problem.code = "method_not_allowed";
    problem.headers.emplace_back("Allow", "GET, HEAD, POST, PATCH, DELETE");
  }
  if (status == 503) problem.headers.emplace_back("Retry-After", "1");
  state_->context.metrics.refused.add();
  return to_response(problem, request_id);
}

}  // namespace posthorn::api

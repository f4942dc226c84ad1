#include "api/handlers.h"
#include "model/event_json.h"

namespace posthorn::api {

namespace {

/// Whether the attempt is of the caller's workspace: by the routing table, or by its delivery where
/// the endpoint was deleted.
task<Result<bool>> is_own(Context& context, const Call& call, const model::Attempt& attempt) {
  if (const auto endpoint = context.ports.routing.current()->endpoint(attempt.endpoint))
    co_return endpoint->workspace == call.workspace();
  PH_CO_TRY(const auto delivery, co_await context.ports.store.delivery(attempt.delivery));
  co_return delivery && delivery->workspace == call.workspace();
}

}  // namespace

task<Answer> list_attempts(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  const auto endpoint = call.query.id<EndpointId>("endpoint_id");
  PH_CO_TRY(const auto found, co_await gather<model::Attempt>(
                                  [&context, &endpoint](store::Page part) {
                                    return context.ports.store.list_attempts(endpoint, part);
                                  },
                                  *page));
  ListText list;
  for (const auto& attempt : found.rows) {
    PH_CO_TRY(const bool own, co_await is_own(context, call, attempt));
    if (own) list.add(model::to_api(attempt));
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> get_attempt(Context& context, Call& call) {
  const auto id = call.id<AttemptId>();
  if (!id) co_return not_found("attempt");
  const store::Page page{.after = id->value - 1, .limit = 1, .oldest_first = true};
  PH_CO_TRY(const auto found, co_await context.ports.store.list_attempts(std::nullopt, page));
  if (found.rows.empty() || found.rows.front().id != *id) co_return not_found("attempt");
  PH_CO_TRY(const bool own, co_await is_own(context, call, found.rows.front()));
  if (!own) co_return not_found("attempt");
  co_return json_response(200, model::to_api(found.rows.front()));
}

}  // namespace posthorn::api

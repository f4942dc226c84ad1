#include <fmt/format.h>

#include "api/handlers.h"
#include "api/received_shapes.h"
#include "api/request_replay.h"
#include "model/names.h"

namespace posthorn::api {

namespace {

using model::RequestState;

std::optional<RequestState> state_named(std::string_view name) {
  return model::value_of(model::request_states, name);
}

}  // namespace

task<Answer> list_requests(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  RequestQuery query;
  query.provider = call.query.text("provider").value_or("");
  auto& filter = query.filter;
  filter.workspace = call.workspace();
  filter.source = call.query.id<SourceId>("source_id");
  filter.duplicate_of = call.query.id<RequestId>("duplicate_of");
  for (const auto& name : call.query.list("state"))
    if (const auto state = state_named(name)) filter.states.push_back(*state);
  filter.since = call.query.moment("since");
  filter.until = call.query.moment("until");
  PH_CO_TRY(const auto found, co_await gather<model::ReceivedRequest>(
                                  [&context, &filter](store::Page part) {
                                    return context.ports.store.list_requests(filter, part);
                                  },
                                  *page,
                                  [&context, &query](const model::ReceivedRequest& row) {
                                    return is_wanted(query, context.ports.sources, row);
                                  }));
  ListText list;
  for (const auto& request : found.rows) list.add(request_shape(context, request));
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> get_request(Context& context, Call& call) {
  const auto request = co_await own_request(context, call);
  if (!request) co_return request.error();
  co_return json_response(200, request_detail(context, *request));
}

task<Answer> get_request_body(Context& context, Call& call) {
  const auto request = co_await own_request(context, call);
  if (!request) co_return request.error();
  if (!request->body)
    co_return Problem{404, "body_not_kept", "its body was erased, or is past its time", {}, {}};
  http::Response response;
  response.content_type = "application/octet-stream";
  // What a stranger sent must not run as a page of this server.
  response.headers.emplace_back("Content-Security-Policy", "sandbox");
  response.headers.emplace_back(
      "Content-Disposition", fmt::format("attachment; filename=\"{}.body\"", request->id.text()));
  response.body = *request->body;
  co_return response;
}

task<Answer> erase_request_body(Context& context, Call& call) {
  const auto request = co_await own_request(context, call);
  if (!request) co_return request.error();
  const auto erased = co_await context.ports.store.erase_body(request->id);
  if (!erased) co_return problem_of(erased.error());
  store::Batch batch;
  batch.audit.push_back(context.audit(call, request->id.text(), {}, {}));
  const auto reply = empty_response();
  const auto applied = co_await context.commit(call, std::move(batch), &reply);
  if (!applied) co_return problem_of(applied.error());
  co_return reply;
}

}  // namespace posthorn::api

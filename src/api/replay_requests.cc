#include <fmt/format.h>

#include <algorithm>

#include "api/handlers.h"
#include "api/received_shapes.h"
#include "api/request_replay.h"
#include "model/members.h"

namespace posthorn::api {

namespace {

constexpr std::size_t replays_max = 500;  ///< In one call.

ReplayPorts replay_ports(const Context& context) {
  return {context.ports.store, context.ports.sources, context.ports.certificates,
          context.ports.timeline};
}

struct ReplayOrder {
  std::vector<RequestId> ids;
  bool force = false;
};

ReplayOrder read_replay_order(const Call& call, model::Faults& faults) {
  ReplayOrder order;
  model::Members members(call.body, faults);
  order.force = members.boolean("force").value_or(false);
  members.require("ids");
  const auto texts = members.texts(
      "ids", {.min = 1, .max = replays_max}, [](std::string_view text) -> std::string {
        return RequestId::parse(text) ? "" : "takes a received request's id (req_…)";
      });
  members.refuse_unknown();
  for (const auto& text : texts.value_or(std::vector<std::string>{}))
    if (const auto id = RequestId::parse(text)) order.ids.push_back(*id);
  auto sorted = order.ids;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end())
    faults.add("/ids", "duplicate", "names a request twice");
  return order;
}

/// What becomes of one of many.
struct Outcome {
  json::object shown;
  std::optional<store::RequestChange> change;
};

json::object refused_replay(RequestId id, const Problem& problem) {
  return {{"id", id.text()},
          {"status", problem.status},
          {"code", problem.code},
          {"detail", problem.detail},
          {"request", nullptr}};
}

/// Of up to a handful of requests, whose bodies are in memory for no longer than this.
task<Result<std::vector<Outcome>>> outcomes_of(Context& context, const Call& call,
                                               std::vector<RequestId> ids, bool force) {
  PH_CO_TRY(const auto found, co_await context.ports.store.requests(ids));
  std::vector<Outcome> outcomes;
  for (const auto id : ids) {
    const auto place = std::ranges::find_if(found, [id](const auto& one) { return one->id == id; });
    if (place == found.end() || (*place)->workspace != call.workspace()) {
      outcomes.push_back({refused_replay(id, not_found("request")), {}});
      continue;
    }
    const auto change = co_await replay_change(replay_ports(context), **place, force);
    if (!change && change.error().status >= 500)
      co_return fail(Errc::unavailable, change.error().detail);
    if (!change) {
      outcomes.push_back({refused_replay(id, change.error()), {}});
      continue;
    }
    outcomes.push_back({{{"id", id.text()},
                         {"status", 202},
                         {"code", nullptr},
                         {"detail", nullptr},
                         {"request", request_shape(context, changed(**place, *change))}},
                        *change});
  }
  co_return outcomes;
}

}  // namespace

task<Answer> replay_request(Context& context, Call& call) {
  const auto request = co_await own_request(context, call);
  if (!request) co_return request.error();
  model::Faults faults;
  model::Members members(call.body, faults);
  const bool force = members.boolean("force").value_or(false);
  members.refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  const auto change = co_await replay_change(replay_ports(context), *request, force);
  if (!change) co_return change.error();
  store::Batch batch;
  batch.request_changes.push_back(*change);
  batch.audit.push_back(context.audit(call, request->id.text(), {}, {}));
  const auto reply = json_response(202, request_shape(context, changed(*request, *change)));
  const auto applied = co_await context.commit(call, std::move(batch), &reply);
  if (!applied) co_return problem_of(applied.error());
  co_return reply;
}

task<Answer> replay_requests(Context& context, Call& call) {
  constexpr std::size_t group = 8;
  constexpr int tries_max = 5;
  model::Faults faults;
  const auto order = read_replay_order(call, faults);
  if (!faults.empty()) co_return Answer(faults);
  for (int tries = 1;; ++tries) {
    ListText list;
    store::Batch batch;
    for (std::size_t begin = 0; begin < order.ids.size(); begin += group) {
      const auto from = order.ids.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto count = std::min(group, order.ids.size() - begin);
      std::vector<RequestId> some(from, from + static_cast<std::ptrdiff_t>(count));
      PH_CO_TRY(const auto outcomes,
                co_await outcomes_of(context, call, std::move(some), order.force));
      for (const auto& outcome : outcomes) {
        list.add(outcome.shown);
        if (!outcome.change) continue;
        batch.request_changes.push_back(*outcome.change);
        batch.audit.push_back(context.audit(call, outcome.change->request.text(), {}, {}));
      }
    }
    auto reply = std::move(list).finish(std::nullopt);
    reply.status = 202;
    if (batch.request_changes.empty()) co_return reply;
    const auto applied = co_await context.commit(call, std::move(batch), &reply);
    if (applied) co_return reply;
    // The worker or another caller changed one of them meanwhile: all are looked at anew.
    if (applied.error().code != Errc::conflict || tries == tries_max)
      co_return problem_of(applied.error());
  }
}

}  // namespace posthorn::api

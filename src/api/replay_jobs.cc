#include <fmt/format.h>

#include "api/delivery_shapes.h"
#include "api/documents.h"
#include "api/handlers.h"
#include "api/parameters.h"
#include "api/replay_runner.h"
#include "api/request_replay.h"
#include "model/members.h"
#include "model/names.h"
#include "model/replay_job.h"
#include "text/json.h"

namespace posthorn::api {

namespace {

constexpr Millis jobs_kept = 24h * 30;

Result<json::object> job_shape(const Context&, const Call&, const model::Object& object) {
  PH_TRY(const auto job, model::replay_job_from(object));
  return model::to_api(job);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  return out;
}

/// A filter in a body takes what the query of a list takes (texts, numbers, or lists of them), so
/// it is read as one. `place`: its member of the body.
Query read_filter(const json::object& filter, std::span<const QueryParameter> known,
                  std::string_view place, Instant now, model::Faults& faults) {
  std::string raw;
  model::Faults found;
  const auto add = [&raw](std::string_view name, const json::value& value) {
    std::string text;
    if (value.is_string()) text = value.get_string();
    if (value.is_int64()) text = std::to_string(value.get_int64());
    raw +=
        fmt::format("{}{}={}", raw.empty() ? "" : "&", percent_encode(name), percent_encode(text));
  };
  for (const auto& [name, value] : filter) {
    if (value.is_null()) continue;
    if (const auto* list = value.if_array())
      for (const auto& one : *list) add(name, one);
    else
      add(name, value);
  }
  auto query = Query::parse(raw, known, now, found);
  for (const auto& fault : found.all())
    faults.add(fmt::format("/{}/{}", place, text::pointer_token(fault.pointer.substr(1))),
               fault.code, fault.detail);
  return query;
}

void set_filter(model::ReplayJob& job, const Query& query, model::Faults& faults) {
  job.filter.endpoint = query.id<EndpointId>("endpoint_id");
  job.filter.event = query.id<EventId>("event_id");
  job.filter.event_types = query.list("type");
  job.filter.status_codes = query.numbers("code");
  job.filter.since = query.moment("since");
  job.filter.until = query.moment("until");
  if (const auto names = query.list("status"); !names.empty()) job.filter.states.clear();
  for (const auto& name : query.list("status")) {
    const auto state = model::value_of(model::delivery_states, name);
    if (name == held_status || state == model::DeliveryState::pending)
      faults.add("/filter/status", "not_allowed",
                 "takes no pending or held ones: those are still to be sent");
    else if (state)
      job.filter.states.push_back(*state);
  }
}

model::RequestReplayFilter read_requests(json::object given, Instant now, model::Faults& faults) {
  model::RequestReplayFilter filter;
  if (const auto* force = given.if_contains("force")) {
    if (force->is_bool())
      filter.force = force->get_bool();
    else
      faults.add("/requests/force", "type",
                 fmt::format("takes true or false, not {}", model::shown(*force)));
    given.erase("force");
  }
  if (given.empty())
    faults.add("/requests", "required",
               "takes at least one member that says which, so that not everything is replayed by "
               "mistake");
  const auto query = read_filter(given, replay_request_parameters, "requests", now, faults);
  filter.source = query.id<SourceId>("source_id");
  filter.provider = query.text("provider").value_or("");
  filter.since = query.moment("since");
  filter.until = query.moment("until");
  if (const auto names = query.list("state"); !names.empty()) filter.states.clear();
  for (const auto& name : query.list("state")) {
    const auto state = model::value_of(model::request_states, name);
    if (state == model::RequestState::received || state == model::RequestState::answered)
      faults.add("/requests/state", "not_allowed",
                 "takes no received ones, which are still to be worked on, and no answered "
                 "handshakes");
    else if (state == model::RequestState::duplicate && !filter.force)
      faults.add("/requests/state", "not_allowed",
                 "takes duplicates with force alone: what they say has happened");
    else if (state)
      filter.states.push_back(*state);
  }
  return filter;
}

model::ReplayJob read_job(const Call& call, model::Faults& faults) {
  model::ReplayJob job;
  job.workspace = call.workspace();
  job.actor = call.caller.actor();
  model::Members members(call.body, faults);
  if (const json::object* requests = members.object("requests")) {
    job.requests = read_requests(*requests, call.now, faults);
    if (members.find("filter") != nullptr)
      members.add("filter", "not_allowed", "takes either filter (deliveries) or requests");
  } else if (members.find("requests") == nullptr) {
    members.require("filter");
  }
  if (const json::object* filter = members.object("filter")) {
    if (filter->empty())
      members.add("filter", "required",
                  "takes at least one member, so that not everything is replayed by mistake");
    set_filter(job, read_filter(*filter, replay_filter_parameters, "filter", call.now, faults),
               faults);
  }
  job.dry_run = members.boolean("dry_run").value_or(false);
  job.rate_per_second = members.number("rate", 0.1, 10'000).value_or(job.rate_per_second);
  members.refuse_unknown();
  return job;
}

/// How many rows match; -1 when there are more than can be counted while somebody waits. `query` is
/// as in gather().
template <class Row>
task<Result<std::int64_t>> count_matching(
    std::function<task<Result<store::Found<Row>>>(store::Page)> query,
    std::function<bool(const Row&)> keep) {
  constexpr int pages_max = 40;
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  std::int64_t count = 0;
  for (int round = 0; round < pages_max; ++round) {
    PH_CO_TRY(const auto found, co_await query(page));
    count += std::ranges::count_if(found.rows, keep);
    if (!found.next) co_return count;
    page.after = *found.next;
  }
  co_return -1;
}

task<Result<std::int64_t>> count_matching(Context& context, model::ReplayJob job) {
  auto& store = context.ports.store;
  if (!job.requests) {
    const auto filter = store_filter(job);
    co_return co_await count_matching<model::Delivery>(
        [&store, &filter](store::Page page) { return store.list_deliveries(filter, page); },
        [](const model::Delivery&) { return true; });
  }
  const auto wanted = request_query(job);
  co_return co_await count_matching<model::ReceivedRequest>(
      [&store, &wanted](store::Page page) { return store.list_requests(wanted.filter, page); },
      [&context, &wanted](const model::ReceivedRequest& row) {
        return is_wanted(wanted, context.ports.sources, row);
      });
}

/// Moves a job that is in one of `from` to `to`. The runner writes it too, so a lost race is run
/// again.
task<Answer> move_job(Context& context, Call& call, std::vector<model::ReplayState> from,
                      model::ReplayState to) {
  constexpr int tries_max = 20;
  const auto id = call.id<ReplayJobId>();
  if (!id) co_return not_found("replay job");
  model::Faults faults;
  model::Members(call.body, faults).refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  for (int tries = 1;; ++tries) {
    const auto stored =
        co_await context.own_object(call, model::ObjectKind::replay_job, id->value, "replay job");
    if (!stored) co_return stored.error();
    PH_CO_TRY(auto job, model::replay_job_from(*stored));
    if (job.state == to) co_return json_response(200, model::to_api(job));
    if (std::ranges::find(from, job.state) == from.end())
      co_return conflict("wrong_state", fmt::format("the job is {}", model::to_string(job.state)));
    job.state = to;
    job.updated_at = call.now;
    job.version = stored->version + 1;
    if (to == model::ReplayState::cancelled) job.finished_at = call.now;
    auto object = model::to_object(job);
    object.expires_at = stored->expires_at;
    auto answer =
        co_await save(context, call, std::move(object), *stored, id->text(), model::to_api(job));
    if (!answer.is_problem() || answer.problem().status != 409 || tries == tries_max)
      co_return answer;
  }
}

}  // namespace

task<Answer> list_replay_jobs(Context& context, Call& call) {
  return list_documents(context, call, model::ObjectKind::replay_job, {}, &job_shape);
}

task<Answer> create_replay_job(Context& context, Call& call) {
  model::Faults faults;
  auto job = read_job(call, faults);
  if (!faults.empty()) co_return Answer(faults);
  if (job.requests && !allows(call.caller.scopes, Scope::requests_write))
    co_return Problem{
        403, "missing_scope", "to replay requests needs the scope requests:write too", {}, {}};
  job.created_at = job.updated_at = call.now;
  PH_CO_TRY(job.counts.total, co_await count_matching(context, job));
  if (job.dry_run && job.counts.total >= 0) {
    job.counts.seen = job.counts.total;
    job.state = model::ReplayState::completed;
    job.finished_at = call.now;
  }
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  job.id = ReplayJobId{id};
  job.version = 1;
  auto object = model::to_object(job);
  object.expires_at = call.now + jobs_kept;
  co_return co_await save(context, call, std::move(object), std::nullopt, job.id.text(),
                          model::to_api(job));
}

task<Answer> get_replay_job(Context& context, Call& call) {
  const auto id = call.id<ReplayJobId>();
  if (!id) co_return not_found("replay job");
  const auto stored =
      co_await context.own_object(call, model::ObjectKind::replay_job, id->value, "replay job");
  if (!stored) co_return stored.error();
  PH_CO_TRY(const auto job, model::replay_job_from(*stored));
  co_return json_response(200, model::to_api(job), stored->version);
}

task<Answer> pause_replay_job(Context& context, Call& call) {
  return move_job(context, call, {model::ReplayState::running}, model::ReplayState::paused);
}

task<Answer> resume_replay_job(Context& context, Call& call) {
  return move_job(context, call, {model::ReplayState::paused}, model::ReplayState::running);
}

task<Answer> cancel_replay_job(Context& context, Call& call) {
  return move_job(context, call, {model::ReplayState::running, model::ReplayState::paused},
                  model::ReplayState::cancelled);
}

}  // namespace posthorn::api

#include "model/replay_job.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <charconv>

#include "model/document.h"

namespace posthorn::model {
namespace {

constexpr std::size_t statuses_max = delivery_states.size();
constexpr std::size_t status_codes_max = 100;
constexpr std::size_t request_states_max = request_states.size();

template <class IdType>
std::optional<IdType> read_id(Members& members, std::string_view name) {
  if (members.is_null(name)) return std::nullopt;
  const auto text = members.text(name, {.min = 1, .max = 64});
  if (!text) return std::nullopt;
  const auto id = IdType::parse(*text);
  if (!id)
    members.add(name, "format",
                fmt::format("takes an id like \"{}\", not {}", IdType{1}.text(), shown(*text)));
  return id;
}

std::vector<int> read_codes(Members& members) {
  std::vector<int> out;
  const json::array* list = members.array("status_codes");
  if (list == nullptr) return out;
  if (list->size() > status_codes_max)
    members.add("status_codes", "too_many", fmt::format("takes at most {}", status_codes_max));
  for (const json::value& entry : *list) {
    const std::int64_t* code = entry.if_int64();
    if (code != nullptr && *code >= 100 && *code <= 599)
      out.push_back(static_cast<int>(*code));
    else
      members.add("status_codes", "out_of_range",
                  fmt::format("takes HTTP statuses from 100 to 599, not {}", shown(entry)));
  }
  return out;
}

std::vector<DeliveryState> read_states(Members& members, std::vector<DeliveryState> otherwise) {
  const auto names = members.texts(
      "statuses", {.min = 1, .max = statuses_max}, [](std::string_view name) -> std::string {
        return value_of(delivery_states, name) ? ""
                                               : "takes a delivery's status such as \"exhausted\"";
      });
  if (!names) return otherwise;
  std::vector<DeliveryState> out;
  for (const std::string& name : *names)
    out.push_back(value_of(delivery_states, name).value_or(DeliveryState::exhausted));
  return out;
}

/// The members that input, document and answer have in common.
void read_filter(Members& members, ReplayFilter& filter) {
  filter.endpoint = read_id<EndpointId>(members, "endpoint_id");
  filter.event = read_id<EventId>(members, "event_id");
  filter.states = read_states(members, std::move(filter.states));
  if (auto types = members.texts("event_types", {.min = 0, .max = 100}, [](std::string_view text) {
        return is_event_type_pattern(text) ? "" : "takes an event type or pattern";
      }))
    filter.event_types = *std::move(types);
  filter.status_codes = read_codes(members);
  if (!members.is_null("since")) filter.since = members.time("since");
  if (!members.is_null("until")) filter.until = members.time("until");
}

void show_filter(json::object& out, const ReplayFilter& filter) {
  json::array states, codes;
  for (const DeliveryState state : filter.states) states.emplace_back(text_of(to_string(state)));
  for (const int code : filter.status_codes) codes.emplace_back(code);
  out["endpoint_id"] = filter.endpoint ? id_or_null(*filter.endpoint) : json::value(nullptr);
  out["event_id"] = filter.event ? id_or_null(*filter.event) : json::value(nullptr);
  out["statuses"] = std::move(states);
  out["event_types"] = shown_list(filter.event_types);
  out["status_codes"] = std::move(codes);
  out["since"] = shown_time(filter.since);
  out["until"] = shown_time(filter.until);
}

/// The document and the answer have the same.
json::value shown_requests(const ReplayJob& job) {
  if (!job.requests) return nullptr;
  const RequestReplayFilter& filter = *job.requests;
  json::array states;
  for (const RequestState state : filter.states)
    states.emplace_back(text_of(name_of(request_states, state)));
  return json::object{
      {"source_id", filter.source ? id_or_null(*filter.source) : json::value(nullptr)},
      {"provider", text_or_null(filter.provider)},
      {"state", std::move(states)},
      {"since", shown_time(filter.since)},
      {"until", shown_time(filter.until)},
      {"force", filter.force}};
}

RequestReplayFilter stored_requests(const json::object& stored, Faults& faults) {
  RequestReplayFilter filter;
  Members members(stored, faults);
  filter.source = read_id<SourceId>(members, "source_id");
  if (!members.is_null("provider"))
    filter.provider = members.text("provider", {.min = 1, .max = 64}).value_or("");
  filter.states.clear();
  const auto names = members.texts(
      "state", {.min = 0, .max = request_states_max}, [](std::string_view name) -> std::string {
        return value_of(request_states, name) ? "" : "takes the state of a request";
      });
  for (const std::string& name : names.value_or(std::vector<std::string>{}))
    if (const auto state = value_of(request_states, name)) filter.states.push_back(*state);
  if (!members.is_null("since")) filter.since = members.time("since");
  if (!members.is_null("until")) filter.until = members.time("until");
  filter.force = members.boolean("force").value_or(false);
  return filter;
}

}  // namespace

Object to_object(const ReplayJob& job) {
  json::object document;
  show_filter(document, job.filter);
  document["requests"] = shown_requests(job);
  document["dry_run"] = job.dry_run;
  document["rate"] = job.rate_per_second;
  document["state"] = text_of(to_string(job.state));
  document["seen"] = job.counts.seen;
  document["replayed"] = job.counts.replayed;
  document["skipped"] = job.counts.skipped;
  document["total"] = job.counts.total;
  document["cursor"] = std::to_string(job.cursor);
  document["actor"] = job.actor;
  document["error"] = job.error;
  document["finished_at"] = stored(job.finished_at);
  Object object = object_with(ObjectKind::replay_job, job);
  object.workspace = job.workspace;
  object.document = json::serialize(document);
  return object;
}

Result<ReplayJob> replay_job_from(const Object& object) {
  PH_TRY(const json::object members, parse_document(object, ObjectKind::replay_job));
  Faults faults;
  Members document(members, faults);
  ReplayJob job = read_from<ReplayJob>(object);
  job.workspace = object.workspace;
  read_filter(document, job.filter);
  if (!document.is_null("requests"))
    if (const json::object* requests = document.object("requests"))
      job.requests = stored_requests(*requests, faults);
  job.dry_run = document.boolean("dry_run").value_or(false);
  job.rate_per_second = document.number("rate", 0, 1e9).value_or(job.rate_per_second);
  document.require("state");
  job.state = document.one_of("state", replay_states).value_or(ReplayState::failed);
  job.counts.seen = document.integer("seen", 0, INT64_MAX).value_or(0);
  job.counts.replayed = document.integer("replayed", 0, INT64_MAX).value_or(0);
  job.counts.skipped = document.integer("skipped", 0, INT64_MAX).value_or(0);
  job.counts.total = document.integer("total", -1, INT64_MAX).value_or(-1);
  const std::string cursor = document.text("cursor", {.min = 1, .max = 20}).value_or("0");
  const auto end = cursor.data() + cursor.size();
  if (const auto read = std::from_chars(cursor.data(), end, job.cursor);
      read.ec != std::errc{} || read.ptr != end)
    document.add("cursor", "format", "is no position");
  job.actor = document.text("actor", {.min = 0, .max = 1024}).value_or("");
  job.error = document.text("error", {.min = 0, .max = 64 * 1024}).value_or("");
  job.finished_at = stored_time(document, "finished_at");
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return job;
}

json::object to_api(const ReplayJob& job) {
  json::value shown = nullptr;
  if (!job.requests) show_filter(shown.emplace_object(), job.filter);
  json::object out;
  out["id"] = job.id.text();
  out["object"] = "replay_job";
  out["workspace_id"] = job.workspace.text();
  out["status"] = text_of(to_string(job.state));
  out["filter"] = std::move(shown);
  out["requests"] = shown_requests(job);
  out["dry_run"] = job.dry_run;
  out["rate"] = job.rate_per_second;
  out["total"] = job.counts.total < 0 ? json::value(nullptr) : json::value(job.counts.total);
  out["seen"] = job.counts.seen;
  out["replayed"] = job.counts.replayed;
  out["skipped"] = job.counts.skipped;
  out["actor"] = text_or_null(job.actor);
  out["error"] = text_or_null(job.error);
  out["finished_at"] = shown_time(job.finished_at);
  add_times(out, job);
  return out;
}

ReplayJob read_replay_job(const json::object& input, Faults& faults, ReplayJob base) {
  Members members(input, faults);
  read_filter(members, base.filter);
  for (const DeliveryState state : base.filter.states)
    if (state == DeliveryState::pending)
      members.add("statuses", "not_allowed", "takes no \"pending\": those are still being sent");
  if (!members.find("endpoint_id") && !members.find("event_id") && !members.find("event_types") &&
      !members.find("since"))
    faults.add("", "required",
               "one of endpoint_id, event_id, event_types and since is required, so that not "
               "everything is replayed by mistake");
  if (base.filter.since && base.filter.until && *base.filter.until <= *base.filter.since)
    members.add("until", "out_of_range", "takes a time after since");
  base.dry_run = members.boolean("dry_run").value_or(base.dry_run);
  base.rate_per_second = members.number("rate", 0.1, 10'000).value_or(base.rate_per_second);
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

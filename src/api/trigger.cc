// A sample call of a source's provider, signed with the source's own settings and received like any
// other.

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "api/handlers.h"
#include "api/received_shapes.h"
#include "base/bytes.h"
#include "ingest/source_index.h"
#include "model/document.h"
#include "model/members.h"

namespace posthorn::api {

namespace {

/// Marks what was sent from here, in the request log too. No provider signs it.
constexpr std::string_view mark_name = "X-Posthorn-Trigger";

struct TriggerOrder {
  std::string event, body;
};

TriggerOrder read_trigger_order(const Call& call, model::Faults& faults) {
  TriggerOrder order;
  model::Members members(call.body, faults);
  order.event = members.text("event", {.min = 1, .max = 128}).value_or("");
  const auto text_of = [&members](std::string_view name) -> const json::string* {
    const auto* value = members.find(name);
    if (value != nullptr && !value->is_string()) members.add(name, "type", "takes text");
    return value == nullptr ? nullptr : value->if_string();
  };
  if (const auto* plain = text_of("body")) order.body = *plain;
  if (const auto* packed = text_of("body_base64")) {
    if (!order.body.empty()) members.add("body_base64", "not_allowed", "takes body or body_base64");
    if (auto bytes = from_base64(*packed))
      order.body = *std::move(bytes);
    else
      members.add("body_base64", "format", "is not base64");
  }
  members.refuse_unknown();
  return order;
}

/// The sample as a call to this server, with the bytes that the request looks into.
struct SampleCall {
  std::string target;
  http::Request request;

  /// `sample`, `mark` and `request_id` outlive it; so it is neither copied nor moved.
  SampleCall(const providers::Sample& sample, std::size_t target_begin, std::string_view mark,
             std::string_view request_id)
      : target(sample.url.substr(target_begin)) {
    const std::string_view all = target;
    const auto question = all.find('?');
    request.head.method = sample.method;
    request.head.target = all;
    request.head.path = all.substr(0, question);
    if (question != all.npos) request.head.query = all.substr(question + 1);
    request.head.content_length = sample.body.size();
    for (const auto& [name, value] : sample.headers)
      request.head.headers.push_back({.name = name, .value = value});
    request.head.headers.push_back({.name = mark_name, .value = mark});
    request.body = sample.body;
    request.remote_address = "127.0.0.1";
    request.request_id = request.head.request_id = request_id;
  }
  SampleCall(const SampleCall&) = delete;
  SampleCall& operator=(const SampleCall&) = delete;
};

task<http::Response> received(http::Service& receiver, const http::Request& request) {
  auto admitted = receiver.admit(request.head, request.remote_address);
  if (auto* refusal = std::get_if<http::Response>(&admitted)) co_return std::move(*refusal);
  const auto& limits = std::get<http::Admitted>(admitted);
  if (request.body.size() > limits.body_bytes_max)
    co_return receiver.refuse(
        413, fmt::format("its provider's bodies have at most {} bytes", limits.body_bytes_max),
        request.request_id);
  co_return co_await receiver.serve(request);
}

/// The row that was kept of it: among the newest of its source, unless very much came meanwhile.
task<Result<json::value>> kept_row(Context& context, const ingest::Source& source,
                                   std::string_view mark) {
  store::RequestFilter filter;
  filter.workspace = source.workspace;
  filter.source = source.id;
  const store::Page newest{.after = 0, .limit = 200, .oldest_first = false};
  PH_CO_TRY(const auto found,
            co_await context.ports.store.list_requests(std::move(filter), newest));
  for (const auto& row : found.rows)
    for (const auto& [name, value] : row.headers)
      if (name == mark_name && value == mark) co_return request_shape(context, row);
  co_return json::value(nullptr);
}

json::object answer_shape(const http::Response& response) {
  const bool is_text = is_utf8(response.body);
  return {{"status", response.status},
          {"content_type",
           response.body.empty() ? json::value(nullptr) : json::value(response.content_type)},
          {"body", is_text ? json::value(response.body) : json::value(nullptr)},
          {"body_base64", is_text ? json::value(nullptr) : json::value(to_base64(response.body))}};
}

}  // namespace

task<Answer> trigger_source(Context& context, Call& call) {
  const auto id = call.id<SourceId>();
  const auto live = id ? context.ports.sources.by_id(*id) : nullptr;
  if (!live || live->source.workspace != call.workspace()) co_return not_found("source");
  model::Faults faults;
  const auto order = read_trigger_order(call, faults);
  if (!faults.empty()) co_return Answer(faults);
  if (context.ports.receiver == nullptr)
    co_return conflict("not_receiving", "this server receives nothing");

  const auto& source = live->source;
  const auto url = ingest::ingest_url(source, context.config.public_url);
  const auto mark = to_hex(context.ports.random.bytes(8));
  const auto sample = providers::make_sample(
      *source.provider, live->settings,
      {.url = url, .event = order.event, .unique = mark, .now = call.now, .body = order.body});
  if (!sample) {
    faults.add(order.event.empty() ? "" : "/event", "no_sample", sample.error().what);
    co_return Answer(faults);
  }
  // A base URL may have a path of its own; the slug is the last part.
  const SampleCall sent(*sample, url.rfind("/in/"), mark, call.request.request_id);
  const auto response = co_await received(*context.ports.receiver, sent.request);
  PH_CO_TRY(auto row, co_await kept_row(context, source, mark));
  const auto event = !order.event.empty()               ? json::value(order.event)
                     : source.provider->samples.empty() ? json::value(nullptr)
                                                        : json::value(source.provider->samples[0]);
  const auto reply =
      json_response(200, json::object{{"object", "trigger"},
                                      {"source_id", source.id.text()},
                                      {"provider", source.provider->name},
                                      {"event", event},
                                      {"accepted", response.status < 400},
                                      {"sent", json::object{{"method", sample->method},
                                                            {"url", sample->url},
                                                            {"body_bytes", sample->body.size()}}},
                                      {"answered", answer_shape(response)},
                                      {"request", std::move(row)}});
  store::Batch batch;
  batch.audit.push_back(context.audit(call, source.id.text(), {}, {}));
  const auto applied = co_await context.commit(call, std::move(batch), &reply);
  if (!applied) co_return problem_of(applied.error());
  co_return reply;
}

}  // namespace posthorn::api

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "api/endpoint_parts.h"
#include "api/handlers.h"
#include "base/bytes.h"
#include "model/event_type.h"
#include "model/members.h"
#include "model/names.h"

namespace posthorn::api {

namespace {

/// Which of the held deliveries go on: `"all"`, `"none"`, or those of events since a moment.
struct Recovery {
  bool none = false;
  std::optional<Instant> since;
};

Recovery read_recovery(const json::object& body, model::Faults& faults) {
  Recovery recovery;
  model::Members members(body, faults);
  const json::value* given = members.find("recover");
  members.refuse_unknown();
  if (given == nullptr || *given == json::value("all")) return recovery;
  if (*given == json::value("none")) {
    recovery.none = true;
  } else if (const json::object* object = given->if_object()) {
    model::Members since(*object, faults, "/recover");
    since.require("since");
    recovery.since = since.time("since");
    since.refuse_unknown();
  } else {
    members.add("recover", "type",
                fmt::format("takes \"all\", \"none\" or {{\"since\": <time>}}, not {}",
                            model::shown(*given)));
  }
  return recovery;
}

/// No held delivery has an id this high.
constexpr DeliveryId behind_all{static_cast<std::uint64_t>(INT64_MAX)};

/// The first delivery of the endpoint that was made since then.
task<Result<DeliveryId>> first_since(Context& context, EndpointId endpoint, Instant since) {
  store::DeliveryFilter filter;
  filter.endpoint = endpoint;
  filter.since = since;
  store::Page page{.after = 0, .limit = 1, .oldest_first = true};
  for (;;) {
    PH_CO_TRY(const auto found, co_await context.ports.store.list_deliveries(filter, page));
    if (!found.rows.empty()) co_return found.rows.front().id;
    if (!found.next) co_return behind_all;
    page.after = *found.next;
  }
}

/// The event of a test: the body's data, else the type's example, else a small object.
std::shared_ptr<const model::Event> test_event(const Context& context, const Call& call,
                                               const model::Endpoint& endpoint,
                                               model::Faults& faults) {
  model::Members members(call.body, faults);
  auto event = std::make_shared<model::Event>();
  event->type = members.text("type", {.min = 1, .max = 128}).value_or("endpoint.test");
  if (!model::is_event_type(event->type))
    members.add("type", "format",
                fmt::format("takes dotted [a-z0-9_] such as ticket.created, not {}",
                            model::shown(event->type)));
  const json::value* data = members.find("data");
  members.refuse_unknown();
  const auto known = context.directory.event_type(call.workspace(), event->type);
  if (data != nullptr) {
    event->data = share(json::serialize(*data));
  } else if (known && known->type.current() != nullptr && !known->type.current()->example.empty()) {
    event->data = share(known->type.current()->example);
  } else {
    event->data = share(R"({"test":true})");
  }
  if (known) event->type_version = known->current_version;
  // No stored event has an id this high, so a test is never taken for one.
  event->id = EventId{static_cast<std::uint64_t>(INT64_MAX)};
  event->workspace = call.workspace();
  event->application = endpoint.application;
  event->actor = call.caller.actor();
  event->created_at = call.now;
  event->due_at = call.now;
  return event;
}

json::object test_shape(const env::Exchange& exchange) {
  json::object headers;
  for (const auto& header : exchange.headers)
    headers[printable(header.name)] = printable(header.value);
  return {
      {"object", "test"},
      {"success", exchange.result == env::ExchangeResult::ok && exchange.status / 100 == 2},
      {"result", env::to_string(exchange.result)},
      {"status_code", exchange.status == 0 ? json::value(nullptr) : json::value(exchange.status)},
      {"detail", exchange.detail},
      {"remote_address", exchange.remote_address},
      {"duration_ms", exchange.timings.total_ms},
      {"response_headers", std::move(headers)},
      {"response_body", is_utf8(exchange.body) ? exchange.body : printable(exchange.body)},
      {"response_truncated", exchange.body_truncated}};
}

}  // namespace

task<Answer> enable_endpoint(Context& context, Call& call) {
  auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  model::Faults faults;
  const auto recovery = read_recovery(call.body, faults);
  if (!faults.empty()) co_return Answer(faults);
  if (stored->endpoint.enabled)
    co_return json_response(200, model::to_api(stored->endpoint, call.now), stored->object.version);
  EndpointChange change;
  change.held = store::HeldChange{store::HeldChange::Action::close, stored->endpoint.id, {}};
  if (recovery.none) change.held->recover_from = behind_all;
  if (recovery.since) {
    PH_CO_TRY(change.held->recover_from,
              co_await first_since(context, stored->endpoint.id, *recovery.since));
  }
  auto endpoint = stored->endpoint;
  endpoint.enabled = true;
  endpoint.disabled_reason = model::DisabledReason::none;
  endpoint.disabled_at.reset();
  co_return co_await save_endpoint(context, call, *std::move(stored), std::move(endpoint),
                                   std::move(change));
}

task<Answer> disable_endpoint(Context& context, Call& call) {
  auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  model::Faults faults;
  model::Members(call.body, faults).refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  if (!stored->endpoint.enabled)
    co_return json_response(200, model::to_api(stored->endpoint, call.now), stored->object.version);
  EndpointChange change;
  change.held = store::HeldChange{store::HeldChange::Action::open, stored->endpoint.id, {}};
  auto endpoint = stored->endpoint;
  endpoint.enabled = false;
  endpoint.disabled_reason = model::DisabledReason::manual;
  endpoint.disabled_at = call.now;
  co_return co_await save_endpoint(context, call, *std::move(stored), std::move(endpoint),
                                   std::move(change));
}

task<Answer> test_endpoint(Context& context, Call& call) {
  const auto endpoint = routed_endpoint(context, call);
  if (!endpoint) co_return not_found("endpoint");
  model::Faults faults;
  auto event = test_event(context, call, *endpoint, faults);
  if (!faults.empty()) co_return Answer(faults);
  const auto exchange = co_await context.ports.delivery.send_test(endpoint, std::move(event));
  const auto reply = json_response(200, test_shape(exchange));
  store::Batch batch;
  batch.audit.push_back(context.audit(call, endpoint->id.text(), {}, {}));
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), &reply));
  static_cast<void>(applied);
  co_return reply;
}

task<Answer> rotate_secret(Context& context, Call& call) {
  auto stored = co_await stored_endpoint(context, call);
  if (!stored) co_return stored.error();
  model::Faults faults;
  const auto rotation = model::read_rotation(call.body, faults, rules_for(context, call));
  if (!faults.empty()) co_return Answer(faults);
  auto endpoint = stored->endpoint;
  if (const auto rotated = model::rotate_secret(endpoint, rotation, call.now); !rotated)
    co_return conflict("too_many_secrets", rotated.error().what);
  EndpointChange change;
  change.more["secret"] = rotation.secret.reveal();
  co_return co_await save_endpoint(context, call, *std::move(stored), std::move(endpoint),
                                   std::move(change));
}

task<Answer> get_secret(Context& context, Call& call) {
  const auto endpoint = routed_endpoint(context, call);
  if (!endpoint) co_return not_found("endpoint");
  const auto live = model::live_secrets(*endpoint, call.now);
  json::array previous;
  for (const auto* secret : live.others) previous.emplace_back(secret->text.reveal());
  co_return json_response(
      200, json::object{
               {"object", "endpoint_secret"},
               {"endpoint_id", endpoint->id.text()},
               {"secret", live.current == nullptr ? json::value(nullptr)
                                                  : json::value(live.current->text.reveal())},
               {"others", std::move(previous)},
               {"public_key", endpoint->key_pair
                                  ? json::value("whpk_" + to_base64(endpoint->key_pair->public_key))
                                  : json::value(nullptr)}});
}

}  // namespace posthorn::api

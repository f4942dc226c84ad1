#include <fmt/format.h>

#include <array>
#include <iterator>

#include "api/handlers.h"
#include "api/read_event.h"
#include "base/bytes.h"
#include "http/inflate.h"
#include "model/event_type.h"

namespace posthorn::api {

namespace {

/// The body as JSON text: inflated into `inflated` where it came compressed.
std::expected<std::string_view, Problem> body_text(const Context& context, const Call& call,
                                                   std::string& inflated) {
  const auto coding = call.request.head.header("Content-Encoding");
  if (!coding || !equal_ignoring_case_ascii(*coding, "gzip")) return call.request.body;
  http::InflateLimits limits;
  limits.bytes_max = context.config.body_bytes_max;
  auto text = http::inflate_gzip(call.request.body, limits);
  if (!text) {
    const bool large = text.error().code == Errc::limit;
    return std::unexpected(Problem{
        large ? 413 : 400, large ? "body_too_large" : "invalid_gzip", text.error().what, {}, {}});
  }
  inflated = *std::move(text);
  return inflated;
}

/// Without the white space of JSON around it.
std::string_view without_space(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

Problem invalid_json(const Error& error) {
  return {400, "invalid_json", "the body is not JSON: " + error.what, {}, {}};
}

/// A type that was not seen before is put into the catalogue with the event.
void list_new_type(const Context& context, store::Batch& batch, const model::Event& event) {
  if (context.directory.event_type(event.workspace, event.type)) return;
  for (const auto& write : batch.objects)
    if (write.object.name == event.type) return;
  model::EventType type;
  type.workspace = event.workspace;
  type.name = event.type;
  type.created_at = type.updated_at = event.created_at;
  batch.objects.push_back({store::ObjectWrite::Action::create, model::to_object(type), 0,
                           /*keep_existing=*/true});
}

/// What the reply says of an event after the batch, which holds its payload, has gone.
struct Sketch {
  std::string type;
  std::string client_id;
  Instant created_at;
};

void append_receipt(std::string& out, const Sketch& sketch, const store::EventReceipt& receipt) {
  fmt::format_to(std::back_inserter(out),
                 R"("object":"event","id":"{}","type":"{}","created_at":"{}","deliveries":{},)",
                 receipt.id.text(), sketch.type, to_rfc3339(sketch.created_at), receipt.fan_out);
  if (receipt.sequence)
    fmt::format_to(std::back_inserter(out), R"("sequence":{},)", *receipt.sequence);
  else
    out += R"("sequence":null,)";
  out += R"("client_id":)";
  if (sketch.client_id.empty())
    out += "null";
  else
    text::append_json_string(out, sketch.client_id);
  out += receipt.duplicate ? R"(,"duplicate":true)" : R"(,"duplicate":false)";
}

constexpr std::string_view id_conflict_detail =
    "an event with this id and other content was published before";

task<Answer> publish_one(Context& context, Call& call, store::NewEvent made) {
  const env::FairGate::Pass pass(context.publish_gate, call.caller.entry->load->publishing);
  const Sketch sketch{made.event.type, made.event.client_id, made.event.created_at};
  store::Batch batch;
  list_new_type(context, batch, made.event);
  batch.publish_actor = call.caller.actor();
  batch.events.push_back(std::move(made));
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  const auto& receipt = applied.events.front();
  if (receipt.conflict) co_return conflict("id_conflict", id_conflict_detail);
  (receipt.duplicate ? context.metrics.duplicates : context.metrics.published).add();
  std::string body = "{";
  append_receipt(body, sketch, receipt);
  body += '}';
  co_return raw_json_response(202, std::move(body));
}

/// One element of an array: an event to publish, or what is wrong with it.
struct Item {
  std::optional<std::size_t> place;  ///< In the batch.
  Sketch sketch;
  std::vector<model::Fault> faults;
};

void append_refusal(std::string& out, std::string_view code, std::string_view detail,
                    const std::vector<model::Fault>& faults, int status) {
  fmt::format_to(std::back_inserter(out), R"({{"status":{},"code":"{}","detail":)", status, code);
  text::append_json_string(out, detail);
  out += R"(,"errors":[)";
  for (std::size_t i = 0; i < faults.size(); ++i) {
    out += i == 0 ? R"({"pointer":)" : R"(,{"pointer":)";
    text::append_json_string(out, faults[i].pointer);
    fmt::format_to(std::back_inserter(out), R"(,"code":"{}","detail":)", faults[i].code);
    text::append_json_string(out, faults[i].detail);
    out += '}';
  }
  out += "]}";
}

std::string items_text(Context& context, const std::vector<Item>& items,
                       const store::Applied& applied) {
  std::string out = R"({"data":[)";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    const auto& item = items[i];
    if (!item.place) {
      append_refusal(out, "validation_failed", "this event was not published", item.faults, 422);
    } else if (const auto& receipt = applied.events[*item.place]; receipt.conflict) {
      append_refusal(out, "id_conflict", id_conflict_detail, {}, 409);
    } else {
      (receipt.duplicate ? context.metrics.duplicates : context.metrics.published).add();
      out += R"({"status":202,)";
      append_receipt(out, item.sketch, receipt);
      out += '}';
    }
  }
  out += "]}";
  return out;
}

Item read_item(Context& context, const Call& call, const PublishHeaders& headers,
               std::string_view raw, std::size_t number, store::Batch& batch) {
  Item item;
  model::Faults faults;
  const auto pointer = fmt::format("/{}", number);
  if (!raw.starts_with('{')) {
    faults.add(pointer, "type", fmt::format("takes an object, not {}", text::kind_of(raw)));
  } else if (const auto members = text::split_object(raw)) {
    auto made = read_event(context, call, headers, *members, faults, pointer);
    if (faults.empty()) {
      item.sketch = {made.event.type, made.event.client_id, made.event.created_at};
      item.place = batch.events.size();
      list_new_type(context, batch, made.event);
      batch.events.push_back(std::move(made));
    }
  } else {
    faults.add(pointer, "format", members.error().what);
  }
  item.faults = faults.all();
  return item;
}

task<Answer> publish_many(Context& context, Call& call, PublishHeaders headers,
                          std::vector<std::string_view> raw_items) {
  model::Faults all_faults;
  if (raw_items.empty() || raw_items.size() > events_max) {
    all_faults.add("", "out_of_range",
                   fmt::format("takes 1 to {} events, not {}", events_max, raw_items.size()));
    co_return Answer(all_faults);
  }
  const env::FairGate::Pass pass(context.publish_gate, call.caller.entry->load->publishing);
  store::Batch batch;
  batch.publish_actor = call.caller.actor();
  std::vector<Item> items;
  for (std::size_t i = 0; i < raw_items.size(); ++i) {
    items.push_back(read_item(context, call, headers, raw_items[i], i, batch));
    for (const auto& fault : items.back().faults)
      all_faults.add(fault.pointer, fault.code, fault.detail);
  }
  if (batch.events.empty()) co_return Answer(all_faults);
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  co_return raw_json_response(202, items_text(context, items, applied));
}

}  // namespace

task<Answer> publish_events(Context& context, Call& call) {
  const auto headers = read_publish_headers(call.request.head);
  if (!headers) co_return headers.error();
  std::string inflated;
  const auto body = body_text(context, call, inflated);
  if (!body) co_return body.error();
  if (without_space(*body).starts_with('[')) {
    auto items = text::split_array(*body);
    if (!items) co_return invalid_json(items.error());
    co_return co_await publish_many(context, call, *headers, *std::move(items));
  }
  const auto members = text::split_object(*body);
  if (!members) {
    if (const auto checked = text::check_json(*body); !checked)
      co_return invalid_json(checked.error());
    model::Faults faults;
    faults.add("", "type",
               fmt::format("takes an event or a list of events, not {}",
                           text::kind_of(without_space(*body))));
    co_return Answer(faults);
  }
  model::Faults faults;
  auto made = read_event(context, call, *headers, *members, faults, "");
  if (!faults.empty()) co_return Answer(faults);
  co_return co_await publish_one(context, call, std::move(made));
}

task<Answer> publish_bare(Context& context, Call& call) {
  const auto headers = read_publish_headers(call.request.head);
  if (!headers) co_return headers.error();
  if (const auto checked = text::check_json(call.request.body); !checked)
    co_return invalid_json(checked.error());
  model::Faults faults;
  store::NewEvent made;
  made.event = blank_event(context, call, *headers, faults);
  set_type(context, made.event, call.path.front(), faults, "path/type");
  set_data(made.event, without_space(call.request.body), faults, "");
  check_schema(context, made.event, faults, "");
  if (!faults.empty()) co_return Answer(faults);
  co_return co_await publish_one(context, call, std::move(made));
}

}  // namespace posthorn::api

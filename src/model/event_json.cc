#include "model/event_json.h"

#include <fmt/format.h>

#include <iterator>

#include "base/bytes.h"
#include "model/document.h"
#include "model/names.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  text::append_json_string(out, text);
}

void append_text_or_null(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty())
    fmt::format_to(std::back_inserter(out), ",\"{}\":null", name);
  else
    append_text(out, name, text);
}

json::value shown_ms(int ms) { return ms < 0 ? json::value(nullptr) : json::value(ms); }

json::value shown_result(env::ExchangeResult result) {
  return result == env::ExchangeResult::ok ? json::value(nullptr)
                                           : json::value(text_of(env::to_string(result)));
}

json::value shown_status(int status) {
  return status == 0 ? json::value(nullptr) : json::value(status);
}

json::object shown_response(const Attempt& attempt) {
  json::array headers;
  for (const env::Header& header : attempt.response_headers)
    headers.push_back(json::object{{"name", utf8_or_printable(header.name)},
                                   {"value", utf8_or_printable(header.value)}});
  const bool is_text = is_utf8(attempt.response_body);
  json::object out;
  out["headers"] = std::move(headers);
  out["body"] = is_text ? attempt.response_body : to_base64(attempt.response_body);
  out["body_encoding"] = is_text ? "text" : "base64";
  out["truncated"] = attempt.response_truncated;
  return out;
}

}  // namespace

void append_event_json(std::string& out, const Event& event, bool with_data) {
  const auto at = [&out] { return std::back_inserter(out); };
  fmt::format_to(at(), R"({{"id":"{}","object":"event","workspace_id":"{}","application_id":)",
                 event.id.text(), event.workspace.text());
  if (event.application)
    fmt::format_to(at(), "\"{}\"", event.application.text());
  else
    out += "null";
  append_text(out, "type", event.type);
  fmt::format_to(at(), ",\"type_version\":{}", event.type_version);
  append_text_or_null(out, "key", event.key);
  if (event.sequence)
    fmt::format_to(at(), ",\"sequence\":{}", *event.sequence);
  else
    out += ",\"sequence\":null";
  out += ",\"channels\":[";
  for (std::size_t i = 0; i < event.channels.size(); ++i) {
    if (i > 0) out += ',';
    text::append_json_string(out, event.channels[i]);
  }
  out += ']';
  append_text_or_null(out, "actor", event.actor);
  append_text_or_null(out, "client_id", event.client_id);
  append_text_or_null(out, "traceparent", event.traceparent);
  fmt::format_to(at(), R"(,"hop":{},"created_at":"{}","deliver_at":"{}","delivery_count":{})",
                 event.hop, to_rfc3339(event.created_at), to_rfc3339(event.due_at), event.fan_out);
  if (with_data) {
    out += ",\"data\":";
    out += event.data ? std::string_view(*event.data) : std::string_view("null");
  }
  out += '}';
}

json::object to_api(const Delivery& delivery) {
  const bool was_tried = delivery.attempts > 0;
  json::object out;
  out["id"] = delivery.id.text();
  out["object"] = "delivery";
  out["uuid"] = to_uuid(delivery.id);
  out["workspace_id"] = delivery.workspace.text();
  out["event_id"] = delivery.event.text();
  out["endpoint_id"] = delivery.endpoint.text();
  out["status"] = text_of(to_string(delivery.state));
  out["trigger"] = text_of(to_string(delivery.trigger));
  out["attempt_count"] = delivery.attempts;
  out["next_attempt_at"] = delivery.state == DeliveryState::pending
                               ? json::value(to_rfc3339(delivery.due_at))
                               : json::value(nullptr);
  out["last_attempt_id"] = id_or_null(delivery.last_attempt);
  out["last_status_code"] = shown_status(delivery.last_status);
  out["last_error_class"] = was_tried ? shown_result(delivery.last_result) : json::value(nullptr);
  out["replay_of"] = id_or_null(delivery.replay_of);
  out["created_at"] = to_rfc3339(delivery.created_at);
  return out;
}

json::object to_api(const Attempt& attempt) {
  json::object timings;
  timings["dns_ms"] = shown_ms(attempt.timings.dns_ms);
  timings["connect_ms"] = shown_ms(attempt.timings.connect_ms);
  timings["tls_ms"] = shown_ms(attempt.timings.tls_ms);
  timings["first_byte_ms"] = shown_ms(attempt.timings.first_byte_ms);
  timings["total_ms"] = attempt.timings.total_ms;

  json::object out;
  out["id"] = attempt.id.text();
  out["object"] = "attempt";
  out["delivery_id"] = attempt.delivery.text();
  out["endpoint_id"] = attempt.endpoint.text();
  out["number"] = attempt.number;
  out["trigger"] = text_of(to_string(attempt.trigger));
  out["started_at"] = to_rfc3339(attempt.started_at);
  out["success"] = attempt.success;
  out["status_code"] = shown_status(attempt.status);
  out["error_class"] = shown_result(attempt.result);
  out["error_detail"] = text_or_null(utf8_or_printable(attempt.detail));
  out["timings"] = std::move(timings);
  out["remote_address"] = text_or_null(attempt.remote_address);
  out["tls"] = text_or_null(attempt.tls);
  out["response"] =
      attempt.status == 0 ? json::value(nullptr) : json::value(shown_response(attempt));
  out["retry_at"] = shown_time(attempt.retry_at);
  out["decision"] = attempt.decision;
  return out;
}

}  // namespace posthorn::model

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "inspect/bin.h"
#include "model/members.h"
#include "text/json.h"

namespace posthorn::inspect {

namespace {

/// Headers and paths come from strangers: kept as base64 of their bytes, shown printable.
json::value packed(std::string_view bytes) { return json::value(to_base64(bytes)); }

std::string unpacked(model::Members& members, std::string_view name) {
  const json::value* value = members.find(name);
  if (value != nullptr && value->is_string())
    if (auto bytes = from_base64(value->get_string())) return *std::move(bytes);
  members.add(name, "format", "is not base64");
  return {};
}

std::string shown(std::string_view text) { return printable(text); }

}  // namespace

model::Object to_object(const Capture& capture) {
  json::array headers;
  for (const auto& header : capture.headers)
    headers.push_back(json::array{packed(header.name), packed(header.value)});
  const json::object document{
      {"at_ms", capture.at.unix_ms},
      {"method", capture.method},
      {"path", packed(capture.path)},
      {"query", packed(capture.query)},
      {"headers", std::move(headers)},
      {"body", packed(capture.body)},
      {"body_bytes", capture.body_bytes},
      {"remote_address", capture.remote_address},
      {"x_webhook_signature", static_cast<int>(capture.verdict.x_webhook_signature)},
      {"webhook_signature", static_cast<int>(capture.verdict.webhook_signature)},
      {"verdict_detail", capture.verdict.detail},
      {"answered", capture.answered}};
  model::Object object;
  object.kind = model::ObjectKind::bin_capture;
  object.id = capture.id.value;
  object.workspace = capture.workspace;
  object.parent = capture.bin.value;
  object.expires_at = capture.at + captures_kept;
  object.document = json::serialize(document);
  return object;
}

Result<Capture> capture_from(const model::Object& object) {
  PH_TRY(auto parsed, text::parse_json(object.document));
  const json::object* document = parsed.if_object();
  if (object.kind != model::ObjectKind::bin_capture || document == nullptr)
    return fail(Errc::corrupt, fmt::format("capture {}: not a capture's document", object.id));
  model::Faults faults;
  model::Members members(*document, faults);
  Capture capture;
  capture.id = CaptureId{object.id};
  capture.bin = BinId{object.parent};
  capture.workspace = object.workspace;
  capture.at = Instant{members.integer("at_ms", 0, INT64_MAX / 2).value_or(0)};
  capture.method = members.text("method", {.min = 1, .max = 32}).value_or("");
  capture.path = unpacked(members, "path");
  capture.query = unpacked(members, "query");
  capture.body = unpacked(members, "body");
  if (const json::array* headers = members.array("headers"))
    for (const auto& entry : *headers) {
      const json::array* pair = entry.if_array();
      if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
          !(*pair)[1].is_string())
        return fail(Errc::corrupt, fmt::format("capture {}: a header is not a pair", object.id));
      capture.headers.push_back({from_base64((*pair)[0].get_string()).value_or(""),
                                 from_base64((*pair)[1].get_string()).value_or("")});
    }
  capture.body_bytes =
      static_cast<std::size_t>(members.integer("body_bytes", 0, INT64_MAX / 2).value_or(0));
  capture.remote_address = members.text("remote_address", {}).value_or("");
  const auto signature = [&members](std::string_view name) {
    return static_cast<Signature>(members.integer(name, 0, 3).value_or(0));
  };
  capture.verdict.x_webhook_signature = signature("x_webhook_signature");
  capture.verdict.webhook_signature = signature("webhook_signature");
  capture.verdict.detail = members.text("verdict_detail", {.min = 0, .max = 1024}).value_or("");
  capture.answered = static_cast<int>(members.integer("answered", 200, 599).value_or(200));
  if (!faults.empty())
    return fail(Errc::corrupt, fmt::format("capture {}: {}", object.id, faults.summary()));
  return capture;
}

json::object to_api(const Capture& capture) {
  json::array headers;
  for (const auto& header : capture.headers)
    headers.push_back(json::array{shown(header.name), shown(header.value)});
  json::object shape{
      {"id", capture.id.text()},
      {"object", "capture"},
      {"bin_id", capture.bin.text()},
      {"at", to_rfc3339(capture.at)},
      {"method", capture.method},
      {"path", shown(capture.path)},
      {"query", shown(capture.query)},
      {"headers", std::move(headers)},
      {"body_bytes", capture.body_bytes},
      {"body_truncated", capture.body.size() < capture.body_bytes},
      {"remote_address",
       capture.remote_address.empty() ? json::value(nullptr) : json::value(capture.remote_address)},
      {"answered", capture.answered},
      {"signatures",
       {{"x_webhook_signature", to_string(capture.verdict.x_webhook_signature)},
        {"webhook_signature", to_string(capture.verdict.webhook_signature)},
        {"detail", capture.verdict.detail}}}};
  const bool is_text = is_utf8(capture.body) && capture.body.find('\0') == std::string::npos;
  shape["body"] = is_text ? json::value(capture.body) : json::value(nullptr);
  shape["body_base64"] = is_text ? json::value(nullptr) : json::value(to_base64(capture.body));
  return shape;
}

}  // namespace posthorn::inspect

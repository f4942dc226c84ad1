// What Vonage's calls say, as events.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/payload.h"
#include "providers/vonage.h"

namespace posthorn::providers::vonage_api {
namespace {

struct StatusWord {
  std::string_view word, status;
};
constexpr std::array status_words{
    StatusWord{"accepted", "sent"},       StatusWord{"buffered", "sent"},
    StatusWord{"submitted", "sent"},      StatusWord{"delivered", "delivered"},
    StatusWord{"expired", "undelivered"}, StatusWord{"undeliverable", "undelivered"},
    StatusWord{"failed", "failed"},       StatusWord{"rejected", "failed"},
    StatusWord{"read", "read"},
};

/// Empty when the word is unknown, and for the word "unknown" itself.
std::string_view status_of(std::string_view word) {
  const auto found = std::ranges::find(status_words, word, &StatusWord::word);
  return found == status_words.end() ? "" : found->status;
}

/// message-timestamp is "2026-11-21 06:59:50" in UTC; timestamp are unix seconds.
json::value time_of(FormPayload& form) {
  if (auto given = form.optional("message-timestamp")) {
    if (given->size() > 10 && (*given)[10] == ' ') (*given)[10] = 'T';
    auto time = seconds_of(*given + "Z");
    if (time.is_null())
      form.fault("message-timestamp", "format", "takes a time such as 2026-11-21 06:59:50");
    return time;
  }
  const auto seconds = form.whole("timestamp", 253'402'300'799);
  return seconds ? json::value(*seconds) : json::value(nullptr);
}

NormalisedEvent sms_status(FormPayload& form) {
  const std::string id = form.required("messageId");
  const std::string word = form.required("status");
  // A receipt is about a message that we sent: msisdn received it.
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + word,
                           .message_id = id,
                           .status = status_of(to_lower_ascii(word)),
                           .from = form.optional("to"),
                           .to = form.optional("msisdn"),
                           .timestamp = time_of(form)});
  event.fields["provider_status"] = word;
  if (auto code = form.optional("err-code"); code && code != "0")
    event.fields["error_code"] = *code;
  set(event.fields, "reference", form.optional("client-ref"));
  return event;
}

NormalisedEvent sms_inbound(FormPayload& form) {
  const std::string id = form.required("messageId");
  auto event = make_event({.type = "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = form.required("msisdn"),
                           .to = form.optional("to"),
                           .text = form.optional("text"),
                           .timestamp = time_of(form)});
  if (form.optional("concat") == "true") {
    json::object concat{{"ref", form.required("concat-ref")}};
    concat["total"] = form.whole("concat-total", 255).value_or(0);
    concat["part"] = form.whole("concat-part", 255).value_or(0);
    for (const auto name : {"concat-total", "concat-part"})
      if (!form.has(name)) form.fault(name, "required", "is missing");
    event.fields["concat"] = std::move(concat);
  }
  if (form.has("data")) {  // A binary message: hexadecimal.
    set(event.fields, "data", form.optional("data"));
    set(event.fields, "udh", form.optional("udh"));
  }
  return event;
}

json::value time_of(const PayloadObject& message) {
  const auto given = message.optional_text("timestamp");
  auto time = given ? seconds_of(*given) : json::value(nullptr);
  if (given && time.is_null()) message.fault("timestamp", "format", "takes a time of RFC 3339");
  return time;
}

/// An address is text; older versions of the API give {"type", "number" or "id"}.
std::optional<std::string> address_of(const PayloadObject& message, std::string_view name) {
  const auto* given = message.given().if_contains(name);
  if (given == nullptr || !given->is_object()) return message.optional_id(name);
  const auto address = message.optional_object(name);
  if (auto number = address->optional_id("number")) return number;
  return address->optional_id("id");
}

/// The error of a status: its number stands in the title, or only in the type's fragment.
std::optional<std::string> error_code_of(const PayloadObject& message) {
  const auto error = message.optional_object("error");
  return error ? error->optional_id("title") : std::nullopt;
}

NormalisedEvent message_status(const PayloadObject& message) {
  const std::string id = message.id("message_uuid");
  const std::string word = message.text("status");
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + word,
                           .message_id = id,
                           .status = status_of(to_lower_ascii(word)),
                           .from = address_of(message, "from"),
                           .to = address_of(message, "to"),
                           .timestamp = time_of(message)});
  event.fields["provider_status"] = word;
  set(event.fields, "error_code", error_code_of(message));
  if (const auto error = message.optional_object("error"))
    set(event.fields, "error", error->optional_text("detail"));
  set(event.fields, "reference", message.optional_text("client_ref"));
  set(event.fields, "channel", message.optional_text("channel"));
  return event;
}

/// What a message holds besides text: a file, a pressed button, a chosen reply.
void add_content(NormalisedEvent& event, const PayloadObject& message, const std::string& kind) {
  const auto content = kind == "text" ? std::nullopt : message.optional_object(kind);
  if (!content) return;
  if (auto url = content->optional_text("url")) {
    const json::object one{{"url", *url}, {"content_type", kind}};
    event.fields["media"] = json::array{json::value(one)};
  }
  for (const auto name : {"caption", "text", "title"})
    if (event.fields["text"].is_null())
      if (auto text = content->optional_text(name)) event.fields["text"] = *std::move(text);
  set(event.fields, "payload", content->optional_text(kind == "reply" ? "id" : "payload"));
}

NormalisedEvent message_inbound_event(const PayloadObject& message) {
  const std::string id = message.id("message_uuid");
  const std::string kind = message.text("message_type");
  auto from = address_of(message, "from");
  if (!from) message.fault("from", "required", "is missing");
  auto event = make_event({.type = "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = std::move(from),
                           .to = address_of(message, "to"),
                           .text = message.optional_text("text"),
                           .timestamp = time_of(message)});
  add_content(event, message, kind);
  set(event.fields, "channel", message.optional_text("channel"));
  if (const auto profile = message.optional_object("profile"))
    set(event.fields, "profile_name", profile->optional_text("name"));
  if (const auto context = message.optional_object("context"))
    set(event.fields, "reply_to", context->optional_id("message_uuid"));
  return event;
}

}  // namespace

Parsed parse_sms(const Incoming& request) {
  const auto given = sms_parameters(request);
  if (!given) return unreadable(given.error().what);
  Parsed parsed;
  FormPayload form(*given, parsed);
  auto event = form.has("status") ? sms_status(form) : sms_inbound(form);
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

Parsed parse_message(const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject message(*body, faults);
  auto event = message.has("status") ? message_status(message) : message_inbound_event(message);
  if (faults.count() > 0) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

}  // namespace posthorn::providers::vonage_api

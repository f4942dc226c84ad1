#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/messagebird.h"
#include "providers/payload.h"

namespace posthorn::providers::messagebird_calls {
namespace {

struct StatusWord {
  std::string_view word, status;
};
constexpr std::array status_words{
    StatusWord{"scheduled", "queued"},    StatusWord{"accepted", "queued"},
    StatusWord{"pending", "queued"},      StatusWord{"buffered", "sent"},
    StatusWord{"sent", "sent"},           StatusWord{"transmitted", "sent"},
    StatusWord{"delivered", "delivered"}, StatusWord{"read", "read"},
    StatusWord{"expired", "undelivered"}, StatusWord{"delivery_failed", "failed"},
    StatusWord{"failed", "failed"},       StatusWord{"rejected", "failed"},
};

/// Empty when the word is unknown.
std::string_view status_of(std::string_view word) {
  const auto found = std::ranges::find(status_words, word, &StatusWord::word);
  return found == status_words.end() ? "" : found->status;
}

json::value status_time(FormPayload& form) {
  auto given = form.optional("statusDatetime");
  if (!given) return nullptr;
  std::ranges::replace(*given, ' ', '+');  // The '+' of an offset that was not escaped.
  auto time = seconds_of(*given);
  if (time.is_null()) form.fault("statusDatetime", "format", "takes a time of RFC 3339");
  return time;
}

json::value time_of(const PayloadObject& message, std::string_view name) {
  const auto given = message.optional_text(name);
  auto time = given ? seconds_of(*given) : json::value(nullptr);
  if (given && time.is_null()) message.fault(name, "format", "takes a time of RFC 3339");
  return time;
}

/// Text, or a file with its caption; the kind is the type of the message.
void add_content(NormalisedEvent& event, const PayloadObject& message) {
  const auto kind = message.text("type");
  const auto content = message.optional_object("content");
  if (!content || kind.empty()) return;
  if (kind == "text") {
    event.fields["text"] = content->text("text");
    return;
  }
  const auto file = content->optional_object(kind);
  if (!file) return;
  if (auto caption = file->optional_text("caption")) event.fields["text"] = *std::move(caption);
  if (auto url = file->optional_text("url")) {
    const json::object one{{"url", *url}, {"content_type", kind}};
    event.fields["media"] = json::array{json::value(one)};
  }
}

NormalisedEvent conversation_message(const PayloadObject& message) {
  const std::string id = message.id("id");
  const std::string word = message.text("status");
  const std::string direction = message.text("direction");
  const bool is_inbound = direction == "received";
  if (!direction.empty() && !is_inbound && direction != "sent")
    message.fault("direction", "not_allowed", "takes received or sent");
  auto from = message.optional_id("from");
  if (is_inbound && !from) message.fault("from", "required", "is missing");
  auto event = make_event(
      {.type = is_inbound ? "message.inbound" : "message.status",
       .key = id + ":" + (is_inbound ? "received" : word),
       .message_id = id,
       .status = is_inbound ? "received" : status_of(to_lower_ascii(word)),
       .from = std::move(from),
       .to = message.optional_id("to"),
       .timestamp = time_of(message, is_inbound ? "createdDatetime" : "updatedDatetime")});
  event.fields["provider_status"] = word;
  if (is_inbound) add_content(event, message);
  if (const auto error = message.optional_object("error")) {
    set(event.fields, "error_code", error->optional_id("code"));
    set(event.fields, "error", error->optional_text("description"));
  }
  set(event.fields, "conversation_id", message.optional_id("conversationId"));
  set(event.fields, "channel", message.optional_text("platform"));
  return event;
}

}  // namespace

Parsed parse_status(const Incoming& request) {
  const auto given = text::parse_form(request.query());
  if (!given) return unreadable("the query cannot be read: " + given.error().what);
  if (given->fields().empty()) return unreadable("the call has neither a query nor a body");
  Parsed parsed;
  FormPayload form(*given, parsed);
  const std::string id = form.required("id");
  const std::string recipient = form.required("recipient");
  const std::string word = form.required("status");
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + recipient + ":" + word,
                           .message_id = id,
                           .status = status_of(to_lower_ascii(word)),
                           .to = recipient,
                           .timestamp = status_time(form)});
  event.fields["provider_status"] = word;
  set(event.fields, "error_code", form.optional("statusErrorCode"));
  set(event.fields, "reason", form.optional("statusReason"));
  set(event.fields, "reference", form.optional("reference"));
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

Parsed parse_conversation(const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject given(*body, faults);
  const std::string type = given.text("type");
  NormalisedEvent event;
  if (type.starts_with("message.")) {
    if (const auto message = given.object("message")) event = conversation_message(*message);
  } else if (!type.empty() && !type.contains('.')) {
    given.fault("type", "format", "takes the name of an event, such as message.created");
  } else {
    // conversation.created and the like carry no id of the event: the whole body is the key.
    event.idempotency_key = body_digest(request.body);
    parsed.key_is_digest = true;
  }
  event.provider_event = type;
  if (faults.count() > 0) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

}  // namespace posthorn::providers::messagebird_calls

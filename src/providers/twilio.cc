#include "providers/twilio.h"

#include <algorithm>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/payload.h"
#include "text/json_payload.h"

namespace posthorn::providers::twilio {
namespace {

constexpr int media_max = 100;

struct StatusWord {
  std::string_view word, status;
};
constexpr std::array status_words{
    StatusWord{"accepted", "queued"},   StatusWord{"scheduled", "queued"},
    StatusWord{"queued", "queued"},     StatusWord{"sending", "queued"},
    StatusWord{"sent", "sent"},         StatusWord{"delivered", "delivered"},
    StatusWord{"read", "read"},         StatusWord{"undelivered", "undelivered"},
    StatusWord{"failed", "failed"},     StatusWord{"canceled", "failed"},
    StatusWord{"received", "received"},
};

/// Empty when the word is unknown.
std::string_view status_of(std::string_view word) {
  const auto found = std::ranges::find(status_words, word, &StatusWord::word);
  return found == status_words.end() ? "" : found->status;
}

/// "whatsapp:+1555" is +1555.
std::optional<std::string> without_channel(std::optional<std::string> address) {
  constexpr std::string_view channel = "whatsapp:";
  if (address && address->starts_with(channel)) address->erase(0, channel.size());
  return address;
}

json::array media_of(FormPayload& form) {
  json::array media;
  for (int i = 0; i < media_max; ++i) {
    const std::string number = std::to_string(i);
    auto url = form.optional("MediaUrl" + number);
    if (!url) break;
    json::object one{{"url", *std::move(url)}, {"content_type", nullptr}};
    set(one, "content_type", form.optional("MediaContentType" + number));
    media.push_back(std::move(one));
  }
  return media;
}

void add_location(json::object& fields, FormPayload& form) {
  if (!form.has("Latitude") || !form.has("Longitude")) return;
  json::object location;
  set(location, "latitude", form.optional("Latitude"));
  set(location, "longitude", form.optional("Longitude"));
  set(location, "address", form.optional("Address"));
  set(location, "label", form.optional("Label"));
  fields["location"] = std::move(location);
}

NormalisedEvent inbound(FormPayload& form) {
  const std::string id = form.required("MessageSid");
  auto event = make_event({.type = "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = without_channel(form.required("From")),
                           .to = without_channel(form.optional("To")),
                           .text = form.optional("Body")});
  if (auto media = media_of(form); !media.empty()) event.fields["media"] = std::move(media);
  set(event.fields, "profile_name", form.optional("ProfileName"));
  set(event.fields, "payload", form.optional("ButtonPayload"));
  set(event.fields, "reply_to", form.optional("OriginalRepliedMessageSid"));
  set(event.fields, "opt_out", form.optional("OptOutType"));
  add_location(event.fields, form);
  return event;
}

NormalisedEvent status(FormPayload& form, const std::string& word) {
  const std::string id = form.required("MessageSid");
  auto event = make_event({.type = "message.status",
                           .key = id + ":" + word,
                           .message_id = id,
                           .status = status_of(to_lower_ascii(word)),
                           .from = without_channel(form.optional("From")),
                           .to = without_channel(form.optional("To"))});
  event.fields["provider_status"] = word;
  set(event.fields, "error_code", form.optional("ErrorCode"));
  set(event.fields, "error", form.optional("ChannelStatusMessage"));
  return event;
}

/// What the form is a status of; nullopt for an inbound message, whose only status is received.
std::optional<std::string> status_word(FormPayload& form) {
  auto word = form.first_of({"MessageStatus", "SmsStatus"});
  if (!word || equal_ignoring_case_ascii(*word, "received") ||
      equal_ignoring_case_ascii(*word, "receiving"))
    return std::nullopt;
  return word;
}

Parsed parse_call(const Incoming& request) {
  const auto given = call_parameters(request);
  if (!given) return unreadable("the fields cannot be read: " + given.error().what);
  if (given->fields().empty()) return unreadable("the call has no fields");
  Parsed parsed;
  FormPayload form(*given, parsed);
  const auto word = status_word(form);
  auto event = word ? status(form, *word) : inbound(form);
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = event.idempotency_key;
  parsed.events.push_back(std::move(event));
  return parsed;
}

json::value time_of(const PayloadObject& object, std::string_view name) {
  const auto given = object.optional_text(name);
  auto time = given ? seconds_of(*given) : json::value(nullptr);
  if (given && time.is_null()) object.fault(name, "format", "takes a time of RFC 3339");
  return time;
}

NormalisedEvent streamed_message(const PayloadObject& data, std::string key, bool is_inbound) {
  const std::string id = data.id("messageSid");
  const auto word =
      is_inbound ? std::nullopt : std::optional(to_lower_ascii(data.text("messageStatus")));
  auto event = make_event({.type = is_inbound ? "message.inbound" : "message.status",
                           .key = std::move(key),
                           .message_id = id,
                           .status = word ? status_of(*word) : "received",
                           .from = without_channel(data.optional_text("from")),
                           .to = without_channel(data.optional_text("to")),
                           .text = is_inbound ? data.optional_text("body") : std::nullopt,
                           .timestamp = time_of(data, "timestamp")});
  set(event.fields, "provider_status", word);
  set(event.fields, "error_code", data.optional_id("errorCode"));
  return event;
}

/// One CloudEvent; what is no message is kept as generic.
void add_streamed(Parsed& parsed, const PayloadObject& given) {
  const auto faults_before = given.faults();
  std::string id = given.id("id");
  const std::string type = given.text("type");
  NormalisedEvent event;
  const bool is_inbound = type.starts_with("com.twilio.messaging.inbound-message.");
  if (is_inbound || type.starts_with("com.twilio.messaging.message.")) {
    if (const auto data = given.object("data")) event = streamed_message(*data, id, is_inbound);
  } else {
    event.idempotency_key = id;
    event.fields["provider_event_id"] = id;
    event.fields["timestamp"] = time_of(given, "time");
  }
  event.provider_event = type;
  if (given.faults() == faults_before) parsed.events.push_back(std::move(event));
}

Parsed parse_stream(const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_array() && !body->is_object())
    return unreadable("the body is neither a list of CloudEvents nor one");
  Parsed parsed;
  PayloadFaults faults(parsed);
  if (body->is_object()) {
    add_streamed(parsed, PayloadObject(body->get_object(), faults));
    return parsed;
  }
  std::size_t at = 0;
  for (const auto& element : body->get_array()) {
    const std::string pointer = "/" + std::to_string(at++);
    if (element.is_object())
      add_streamed(parsed, PayloadObject(element.get_object(), faults, pointer));
    else
      faults.add(pointer, "type", "takes a CloudEvent, an object");
  }
  return parsed;
}

bool is_stream(const Incoming& request) {
  return is_signed_by_hash(request) &&
         request.content_type() != "application/x-www-form-urlencoded";
}

}  // namespace

Parsed parse(const Settings&, const Incoming& request) {
  return is_stream(request) ? parse_stream(request) : parse_call(request);
}

Reply reply(const Settings&, const Incoming& request) {
  if (is_stream(request)) return {};
  const auto given = call_parameters(request);
  if (!given) return {};
  Parsed unused;
  FormPayload form(*given, unused);
  if (!form.has("MessageSid") || status_word(form)) return {};
  return {.content_type = "text/xml", .body = "<Response></Response>"};
}

}  // namespace posthorn::providers::twilio

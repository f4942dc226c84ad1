#include "providers/ses_message.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/mail_event.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

/// Where each kind has its own object, its recipients and its reason.
struct SesKind {
  std::string_view kind, type, object, recipients, reason;
};
constexpr std::array ses_kinds{
    SesKind{"Send", "email.processed", "send", "", ""},
    SesKind{"Delivery", "email.delivered", "delivery", "recipients", ""},
    SesKind{"Bounce", "email.bounced", "bounce", "bouncedRecipients", "diagnosticCode"},
    SesKind{"Complaint", "email.complained", "complaint", "complainedRecipients", ""},
    SesKind{"Reject", "email.dropped", "reject", "", "reason"},
    SesKind{"Rendering Failure", "email.dropped", "failure", "", "errorMessage"},
    SesKind{"DeliveryDelay", "email.deferred", "deliveryDelay", "delayedRecipients",
            "diagnosticCode"},
    SesKind{"Open", "email.opened", "open", "", ""},
    SesKind{"Click", "email.clicked", "click", "", ""},
    SesKind{"Subscription", "generic", "subscription", "", ""},
};

struct BounceClass {
  std::string_view bounce_type, bounce_class;
};
constexpr std::array bounce_classes{BounceClass{"Permanent", "hard"},
                                    BounceClass{"Transient", "soft"}};

struct Recipient {
  std::string address;
  std::optional<std::string> reason;
};

/// A list of addresses, or of objects with one and a reason each.
std::vector<Recipient> read_recipients(const PayloadObject& given, std::string_view name) {
  const auto* list = given.given().if_contains(name);
  std::vector<Recipient> found;
  if (list == nullptr || !list->is_array()) {
    given.fault(name, list == nullptr ? "required" : "type", "takes a list of recipients");
    return found;
  }
  for (const auto& one : list->get_array()) {
    if (one.is_string()) {
      found.push_back({std::string(one.get_string()), std::nullopt});
    } else if (const auto* object = one.if_object();
               object != nullptr && !text_member(*object, "emailAddress").empty()) {
      auto reason = text_member(*object, "diagnosticCode");
      found.push_back({text_member(*object, "emailAddress"),
                       reason.empty() ? std::nullopt : std::optional(std::move(reason))});
    } else {
      given.fault(name, "type", "takes addresses, or objects with an emailAddress");
    }
  }
  return found;
}

/// Null when it is absent; a fault when it is no time.
json::value read_time(const PayloadObject& given) {
  const auto text = given.optional_text("timestamp");
  if (!text) return nullptr;
  auto time = seconds_of(std::string_view(*text));
  if (time.is_null()) given.fault("timestamp", "format", "takes an ISO 8601 time");
  return time;
}

void read_own(NormalisedEvent& event, const PayloadObject& own, const SesKind& kind) {
  auto& fields = event.fields;
  if (kind.kind == "Bounce") {
    const auto type = own.text("bounceType");
    const auto known =
        std::ranges::find(bounce_classes, std::string_view(type), &BounceClass::bounce_type);
    fields["bounce_class"] = known == bounce_classes.end() ? "unknown" : known->bounce_class;
  }
  if (kind.kind == "Subscription")
    if (const auto preferences = own.object("newTopicPreferences"))
      if (preferences->flag("unsubscribeAll")) event.type = "email.unsubscribed";
  if (kind.recipients.empty() && !kind.reason.empty())
    set(fields, "reason", own.optional_text(kind.reason));
  set(fields, "url", own.optional_text("link"));
  set(fields, "ip", own.optional_text("ipAddress"));
  set(fields, "user_agent", own.optional_text("userAgent"));
}

/// One event for each recipient, with what all have in common.
void add_events(Parsed& parsed, const std::string& message_id, const PayloadObject& message,
                const SesKind& kind) {
  const auto mail = message.object("mail");
  const auto own = message.optional_object(kind.object);
  if (!mail) return;
  NormalisedEvent common;
  common.type = kind.type;
  common.provider_event = kind.kind;
  common.fields["provider_event_id"] = nullptr;
  common.fields["provider_message_id"] = mail->text("messageId");
  common.fields["recipient"] = nullptr;
  common.fields["timestamp"] = own ? read_time(*own) : nullptr;
  if (common.fields["timestamp"].is_null()) common.fields["timestamp"] = read_time(*mail);
  if (own)
    read_own(common, *own, kind);
  else if (!kind.recipients.empty())
    message.fault(kind.object, "required", "is missing");
  const auto recipients = own && !kind.recipients.empty() ? read_recipients(*own, kind.recipients)
                                                          : read_recipients(*mail, "destination");
  if (message.faults() > 0) return;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    auto event = common;
    event.fields["provider_event_id"] = message_id + "#" + std::to_string(i);
    event.fields["recipient"] = recipients[i].address;
    if (!kind.reason.empty()) set(event.fields, "reason", recipients[i].reason);
    parsed.events.push_back(std::move(event));
  }
}

/// Without `content` (larger mail lies in S3) the notification's own headers are all there is.
MailEvent read_content(const PayloadObject& message, const PayloadObject& mail,
                       const std::optional<PayloadObject>& receipt) {
  MailEvent event;
  if (const auto content = message.optional_text("content")) {
    const auto action = receipt ? receipt->optional_object("action") : std::nullopt;
    const bool is_base64 = action && action->optional_text("encoding") == "BASE64";
    const auto raw = is_base64 ? from_base64(*content) : content;
    const auto read = raw ? mime::read_mail(*raw) : fail(Errc::invalid, "is not base64");
    if (!read)
      message.fault("content", "format", read.error().what);
    else
      event = mail_event(*read);
    return event;
  }
  const auto headers = mail.optional_object("commonHeaders");
  if (!headers) return event;
  if (auto ids = mime::read_message_ids(headers->optional_text("messageId").value_or(""));
      !ids.empty())
    event.message_id = ids.front();
  event.subject = headers->optional_text("subject").value_or("");
  for (const auto& from : headers->optional_ids("from"))
    for (auto& one : mime::read_addresses(from))
      if (!event.from) event.from = std::move(one);
  return event;
}

void add_verdicts(json::object& fields, const PayloadObject& receipt) {
  json::object verdicts;
  for (const std::string_view name : {"spam", "virus", "spf", "dkim", "dmarc"})
    if (const auto verdict = receipt.optional_object(std::string(name) + "Verdict"))
      set(verdicts, name, verdict->optional_text("status"));
  if (!verdicts.empty()) fields["verdicts"] = std::move(verdicts);
}

void add_received(Parsed& parsed, const std::string& message_id, const PayloadObject& message) {
  const auto mail = message.object("mail");
  if (!mail) return;
  const auto receipt = message.optional_object("receipt");
  auto event = read_content(message, *mail, receipt);
  event.provider_event = "Received";
  event.provider_event_id = message_id;
  event.provider_message_id = mail->text("messageId");
  const bool has_own = receipt && receipt->given().contains("recipients");
  const auto recipients =
      has_own ? read_recipients(*receipt, "recipients") : read_recipients(*mail, "destination");
  event.recipient = recipients.empty() ? std::string() : recipients.front().address;
  if (recipients.empty()) mail->fault("destination", "required", "names no recipient");
  event.envelope_from = mail->optional_text("source").value_or("");
  event.timestamp = receipt ? read_time(*receipt) : nullptr;
  if (event.timestamp.is_null()) event.timestamp = read_time(*mail);
  if (!event.from) message.fault("mail", "required", "the mail has no sender");
  if (message.faults() > 0) return;
  parsed.events.push_back(make_event(std::move(event)));
  if (receipt) add_verdicts(parsed.events.back().fields, *receipt);
}

void add_generic(Parsed& parsed, const std::string& message_id, std::string kind,
                 std::string_view timestamp) {
  NormalisedEvent event;
  event.provider_event = std::move(kind);
  event.fields["provider_event_id"] = message_id;
  event.fields["timestamp"] = seconds_of(timestamp);
  parsed.events.push_back(std::move(event));
}

}  // namespace

void parse_ses_message(Parsed& parsed, const std::string& message_id, std::string_view message,
                       std::string_view timestamp, PayloadFaults& faults) {
  const auto body = text::parse_payload(message);
  if (!body || !body->is_object()) {
    add_generic(parsed, message_id, "Notification", timestamp);
    return;
  }
  const PayloadObject given(body->get_object(), faults, "/Message");
  auto name = given.optional_text("eventType");
  if (!name) name = given.optional_text("notificationType");
  const auto kind =
      std::ranges::find(ses_kinds, std::string_view(name.value_or("")), &SesKind::kind);
  if (name == "Received")
    add_received(parsed, message_id, given);
  else if (kind != ses_kinds.end())
    add_events(parsed, message_id, given, *kind);
  else if (faults.count() == 0)
    add_generic(parsed, message_id, name.value_or("Notification"), timestamp);
}

std::string ses_sample(const SampleOrder& order) {
  const std::string event(order.event), time = to_rfc3339(order.now);
  if (event == "SubscriptionConfirmation") return "You have chosen to subscribe to the topic.";
  const std::string address = event == "Received" ? "support@desk.example.com" : "ada@example.com";
  json::object message{{event == "Received" ? "notificationType" : "eventType", event},
                       {"mail",
                        {{"timestamp", time},
                         {"source", "desk@example.com"},
                         {"messageId", "ses-" + std::string(order.unique)},
                         {"destination", json::array{address}}}}};
  json::object own{{"timestamp", time}};
  if (event == "Delivery") own["recipients"] = json::array{address};
  if (event == "Bounce") {
    own["bounceType"] = "Permanent";
    own["bouncedRecipients"] = json::array{
        {{"emailAddress", address}, {"diagnosticCode", "smtp; 550 5.1.1 user unknown"}}};
  }
  if (event == "Complaint") own["complainedRecipients"] = json::array{{{"emailAddress", address}}};
  if (event == "Click") own["link"] = "https://example.com/help";
  if (event == "Received") {
    own["recipients"] = json::array{address};
    own["action"] = {{"type", "SNS"}, {"encoding", "UTF8"}};
    message["receipt"] = std::move(own);
    message["content"] = "From: Ada Lovelace <ada@example.com>\r\nTo: " + address +
                         "\r\nSubject: Where is my order?\r\nMessage-ID: <" +
                         std::string(order.unique) +
                         "@mail.example.com>\r\n\r\nOrder 4711 has not arrived.\r\n";
  } else {
    message[to_lower_ascii(event)] = std::move(own);
  }
  return json_text(message);
}

}  // namespace posthorn::providers

// Postmark: one JSON object for each call, without a signature: Basic credentials in the URL. It
// names no event id. Inbound mail is retried for about ten hours.

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/mail_auth.h"
#include "providers/mail_event.h"
#include "providers/payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array postmark_fields{
    Field{.name = "basic_auth",
          .kind = FieldKind::credentials,
          .required = true,
          .help = "The user name and password that are set for the webhook at Postmark."},
};

constexpr std::array<std::string_view, 7> sample_names{
    "Delivery", "Bounce", "SpamComplaint", "Open", "Click", "SubscriptionChange", "Inbound"};

constexpr std::string_view set_up =
    R"(1. Choose a user name and a long random password, and set them here as `basic_auth`.
2. Open Postmark: **your server → your message stream → Webhooks → Add webhook**.
3. Webhook URL: `{url}`; put user name and password into the Basic auth credentials, and choose the events.
4. For inbound mail: **inbound stream → Settings → Webhook**, with `<user name>:<password>@` written in front of the host.
)";

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!has_basic_auth(steps, settings, request, "basic_auth")) return std::move(steps).refused();
  return std::move(steps).verified();
}

struct BounceKind {
  std::string_view kind, type, bounce_class;
};
constexpr std::array bounce_kinds{
    BounceKind{"HardBounce", "email.bounced", "hard"},
    BounceKind{"SoftBounce", "email.bounced", "soft"},
    BounceKind{"Blocked", "email.bounced", "block"},
    BounceKind{"Transient", "email.deferred", ""},
    BounceKind{"Unsubscribe", "email.unsubscribed", ""},
};

/// Where each record has its recipient and its time.
struct RecordKind {
  std::string_view record, type, recipient, time;
};
constexpr std::array record_kinds{
    RecordKind{"Delivery", "email.delivered", "Recipient", "DeliveredAt"},
    RecordKind{"Bounce", "generic", "Email", "BouncedAt"},
    RecordKind{"SpamComplaint", "email.complained", "Email", "BouncedAt"},
    RecordKind{"Open", "email.opened", "Recipient", "ReceivedAt"},
    RecordKind{"Click", "email.clicked", "Recipient", "ReceivedAt"},
    RecordKind{"SubscriptionChange", "generic", "Recipient", "ChangedAt"},
};

void add_bounce(NormalisedEvent& event, const PayloadObject& given) {
  const auto type = given.text("Type");
  event.provider_event += "." + type;
  const auto kind = std::ranges::find(bounce_kinds, std::string_view(type), &BounceKind::kind);
  if (kind == bounce_kinds.end()) return;
  event.type = kind->type;
  if (!kind->bounce_class.empty()) event.fields["bounce_class"] = kind->bounce_class;
}

void parse_unknown(Parsed& parsed, const PayloadObject& given, std::string record,
                   std::string_view body) {
  NormalisedEvent event;
  event.provider_event = std::move(record);
  set(event.fields, "provider_message_id", given.optional_text("MessageID"));
  event.fields["timestamp"] = nullptr;
  parsed.idempotency_key = body_digest(body);
  parsed.key_is_digest = true;
  if (given.faults() == 0) parsed.events.push_back(std::move(event));
}

void parse_record(Parsed& parsed, const PayloadObject& given, const std::string& record,
                  const RecordKind& kind) {
  NormalisedEvent event;
  event.type = kind.type;
  event.provider_event = record;
  const bool is_bounce = record == "Bounce";
  const bool has_id = is_bounce || record == "SpamComplaint";
  auto& fields = event.fields;
  const auto message_id =
      has_id ? given.optional_text("MessageID").value_or("") : given.text("MessageID");
  const auto recipient = given.text(kind.recipient);
  const auto time = given.text(kind.time);
  fields["provider_message_id"] = message_id;
  fields["recipient"] = recipient;
  fields["timestamp"] = seconds_of(std::string_view(time));
  if (!time.empty() && fields["timestamp"].is_null())
    given.fault(kind.time, "format", "takes an RFC 3339 time");
  if (is_bounce) add_bounce(event, given);
  if (record == "SubscriptionChange") {
    if (!given.has("SuppressSending")) given.fault("SuppressSending", "required", "is missing");
    if (given.flag("SuppressSending")) event.type = "email.unsubscribed";
  }
  const auto link = record == "Click" ? std::optional(given.text("OriginalLink")) : std::nullopt;
  set(fields, "url", link);
  set(fields, "user_agent", given.optional_text("UserAgent"));
  if (has_id) set(fields, "reason", given.optional_text("Description"));
  std::string key = record + "|";
  if (has_id)
    key += given.id("ID");
  else
    key += message_id + "|" + recipient + "|" + time;
  if (link) key += "|" + *link;
  parsed.idempotency_key = std::move(key);
  if (given.faults() == 0) parsed.events.push_back(std::move(event));
}

std::vector<mime::Attachment> read_attachments(const PayloadObject& given) {
  std::vector<mime::Attachment> found;
  for (const auto& one : given.optional_objects("Attachments")) {
    const auto bytes = from_base64(one.optional_text("Content").value_or(""));
    if (!bytes) one.fault("Content", "format", "is not base64");
    found.push_back(mime::describe_attachment(one.optional_text("Name").value_or(""),
                                              one.optional_text("ContentType").value_or(""),
                                              bytes.value_or("")));
    found.back().content_id = one.optional_text("ContentID").value_or("");
    found.back().is_inline = !found.back().content_id.empty();
  }
  return found;
}

void read_headers(MailEvent& mail, const PayloadObject& given) {
  for (const auto& header : given.optional_objects("Headers")) {
    const auto name = header.optional_text("Name").value_or("");
    auto ids = mime::read_message_ids(header.optional_text("Value").value_or(""));
    if (ids.empty()) continue;
    if (equal_ignoring_case_ascii(name, "Message-ID")) mail.message_id = ids.front();
    if (equal_ignoring_case_ascii(name, "In-Reply-To")) mail.in_reply_to = ids.front();
    if (equal_ignoring_case_ascii(name, "References")) mail.references = std::move(ids);
  }
}

void parse_inbound(Parsed& parsed, const PayloadObject& given) {
  MailEvent mail;
  mail.provider_event = "Inbound";
  mail.provider_message_id = given.text("MessageID");
  if (const auto from = given.object("FromFull"))
    mail.from = mime::Address{from->text("Email"), from->optional_text("Name").value_or("")};
  mail.recipient = given.optional_text("OriginalRecipient").value_or("");
  for (const auto& to : given.optional_objects("ToFull"))
    if (mail.recipient.empty()) mail.recipient = to.text("Email");
  if (mail.recipient.empty()) given.fault("OriginalRecipient", "required", "is missing");
  mail.subject = given.optional_text("Subject").value_or("");
  if (const auto date = given.optional_text("Date"))
    mail.timestamp = seconds_of(mime::read_date(*date));
  mail.text = given.optional_text("TextBody").value_or("");
  mail.html = given.optional_text("HtmlBody");
  read_headers(mail, given);
  mail.attachments = read_attachments(given);
  parsed.idempotency_key = "Inbound|" + mail.provider_message_id;
  const auto stripped = given.optional_text("StrippedTextReply");
  const auto hash = given.optional_text("MailboxHash");
  if (given.faults() > 0) return;
  parsed.events.push_back(make_event(std::move(mail)));
  set(parsed.events.back().fields, "stripped_text", stripped);
  set(parsed.events.back().fields, "mailbox_hash", hash);
}

Parsed parse(const Settings&, const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject given(*body, faults);
  const bool is_inbound = !given.has("RecordType") && given.has("FromFull");
  const auto record = is_inbound ? "Inbound" : given.text("RecordType");
  const auto kind = std::ranges::find(record_kinds, std::string_view(record), &RecordKind::record);
  if (record == "Inbound")
    parse_inbound(parsed, given);
  else if (kind == record_kinds.end())
    parse_unknown(parsed, given, record, request.body);
  else
    parse_record(parsed, given, record, *kind);
  return parsed;
}

json::object sample_inbound(const std::string& unique) {
  return {{"FromName", "Ada Lovelace"},
          {"MessageStream", "inbound"},
          {"From", "ada@example.com"},
          {"FromFull", {{"Email", "ada@example.com"}, {"Name", "Ada Lovelace"}}},
          {"To", "support@inbound.example.com"},
          {"ToFull", json::array{{{"Email", "support@inbound.example.com"}, {"Name", ""}}}},
          {"OriginalRecipient", "support@inbound.example.com"},
          {"Subject", "Where is my order?"},
          {"MessageID", uuid_like(unique)},
          {"MailboxHash", ""},
          {"TextBody", "Order 4711 has not arrived."},
          {"HtmlBody", ""},
          {"Headers",
           json::array{{{"Name", "Message-ID"}, {"Value", "<" + unique + "@mail.example.com>"}}}},
          {"Attachments", json::array{}}};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::string unique(order.unique), record(order.event);
  json::object body{{"RecordType", record},
                    {"MessageStream", "outbound"},
                    {"MessageID", uuid_like(unique)},
                    {"Metadata", json::object()}};
  const auto kind = std::ranges::find(record_kinds, order.event, &RecordKind::record);
  if (kind == record_kinds.end()) {
    body = sample_inbound(unique);
  } else {
    body[kind->recipient] = "ada@example.com";
    body[kind->time] = to_rfc3339(order.now);
  }
  if (record == "Bounce" || record == "SpamComplaint") {
    std::int64_t id = 0;
    std::from_chars(unique.data(), unique.data() + std::min<std::size_t>(unique.size(), 12), id,
                    16);
    body["ID"] = id;
    body["Type"] = record == "Bounce" ? "HardBounce" : record;
    body["Description"] = record == "Bounce" ? "The server was unable to deliver your message."
                                             : "The subscriber marked the message as spam.";
  }
  if (record == "Click") body["OriginalLink"] = "https://example.com/help";
  if (record == "SubscriptionChange") body["SuppressSending"] = true;
  Sample made{.url = std::string(order.url)};
  made.body = order.body.empty() ? json_text(body) : std::string(order.body);
  made.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "Postmark"},
                  {"Authorization", basic_authorization(settings, "basic_auth")}};
  return made;
}

}  // namespace

const Provider postmark{
    .name = "postmark",
    .title = "Postmark",
    .carries = "what became of sent mail, and inbound mail",
    .fields = postmark_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = mail_body_bytes_max,
};

}  // namespace posthorn::providers

// Mailgun: events as JSON, and inbound mail of routes as forms. Only timestamp and token are
// signed, not what is said: a token counts once. Mailgun retries for eight hours unless answered
// 200 or 406.

#include "providers/mailgun_call.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/mail_event.h"
#include "providers/payload.h"
#include "text/form.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t token_bytes_max = 100;

constexpr std::array mailgun_fields{
    Field{.name = "signing_key",
          .plural = "signing_keys",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The HTTP webhook signing key: API Security in Mailgun's account menu."},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a call's timestamp may differ from now.",
          .fallback = "900",
          .min = 1,
          .max = 86'400},
};

constexpr std::array<std::string_view, 8> sample_names{
    "delivered", "failed.permanent", "failed.temporary", "opened",
    "clicked",   "complained",       "unsubscribed",     "inbound"};

constexpr std::string_view set_up =
    R"(1. Open Mailgun: **Sending → Webhooks**, choose the domain, and add `{url}` for each event.
2. For inbound mail: **Receiving → Create route**, action **Forward**, destination `{url}`; a destination `{url}/mime` brings the raw mail.
3. Set the **HTTP webhook signing key** (account menu, **API Security**) here as `signing_key`.
)";

/// A call that can never become right: Mailgun must not try it again.
Verification never_again(Steps steps) {
  return std::move(steps).refused(
      Reply{.status = 406, .body = "this call cannot be accepted, do not send it again\n"});
}

bool any_key_matches(const Settings& settings, const mailgun_call::Signature& signature) {
  const std::string content = signature.timestamp + signature.token;
  bool matches = false;
  for (const auto& key : settings.all("signing_key")) {
    const auto mac = to_hex(crypto::hmac(crypto::Digest::sha256, key, content));
    matches |= crypto::equal_in_constant_time(mac, signature.mac);
    matches |= crypto::equal_in_constant_time(mac, signature.parent_mac);
  }
  return matches;
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "signing_key")) return std::move(steps).refused();
  const auto call = mailgun_call::read_call(request);
  if (!steps.check(call.has_value(), "the fields of the signature can be read",
                   call ? "" : "the body cannot be read: " + call.error().what))
    return never_again(std::move(steps));
  const auto& signature = call->signature;
  const auto at = unix_seconds(signature.timestamp);
  if (!steps.check(at.has_value(), "the timestamp",
                   "the call has no signature with a timestamp of unix seconds"))
    return never_again(std::move(steps));
  if (!steps.check(!signature.token.empty() && signature.token.size() <= token_bytes_max,
                   "the token", "the signature has no token of 1 to 100 bytes"))
    return never_again(std::move(steps));
  if (!steps.check(from_lower_hex(signature.mac) || from_lower_hex(signature.parent_mac),
                   "a signature in hexadecimal",
                   "the signature is not 64 lower-case hexadecimal digits"))
    return never_again(std::move(steps));
  if (!steps.check(any_key_matches(settings, signature), "HMAC-SHA256 of timestamp and token",
                   "neither signature nor parent-signature is the HMAC-SHA256 of timestamp and "
                   "token under the signing key"))
    return std::move(steps).refused();
  if (!is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return *at < now.unix_seconds() ? never_again(std::move(steps)) : std::move(steps).refused();
  auto verification = std::move(steps).verified();
  verification.tokens.push_back(
      {.text = signature.token,
       .until = Instant{(*at + settings.integer("tolerance_s") + 1) * 1000}});
  return verification;
}

struct EventKind {
  std::string_view event, type;
};
constexpr std::array event_kinds{
    EventKind{"accepted", "email.processed"},
    EventKind{"delivered", "email.delivered"},
    EventKind{"opened", "email.opened"},
    EventKind{"clicked", "email.clicked"},
    EventKind{"unsubscribed", "email.unsubscribed"},
    EventKind{"complained", "email.complained"},
};

void read_failure(NormalisedEvent& event, const PayloadObject& data) {
  const auto severity = data.optional_text("severity").value_or("");
  const auto reason = data.optional_text("reason").value_or("");
  if (!severity.empty()) event.provider_event += "." + severity;
  if (severity == "temporary") {
    event.type = "email.deferred";
  } else if (reason.starts_with("suppress-")) {
    event.type = "email.dropped";
  } else {
    event.type = "email.bounced";
    event.fields["bounce_class"] = severity == "permanent" ? "hard" : "unknown";
  }
  std::optional<std::string> said;
  if (const auto status = data.optional_object("delivery-status")) {
    said = status->optional_text("message");
    if (!said) said = status->optional_text("description");
  }
  set(event.fields, "reason", said ? said : reason.empty() ? std::nullopt : std::optional(reason));
}

/// Seconds with fractions, cut.
json::value read_time(const PayloadObject& data) {
  const auto* value = data.given().if_contains("timestamp");
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->is_double() && value->get_double() >= 0 && value->get_double() < 1e11)
    return static_cast<std::int64_t>(value->get_double());
  return data.seconds("timestamp");
}

void parse_event(Parsed& parsed, const PayloadObject& data) {
  NormalisedEvent event;
  const auto id = data.text("id");
  event.provider_event = data.text("event");
  const auto kind =
      std::ranges::find(event_kinds, std::string_view(event.provider_event), &EventKind::event);
  if (kind != event_kinds.end()) event.type = kind->type;
  auto& fields = event.fields;
  fields["provider_event_id"] = id;
  if (const auto message = data.optional_object("message"))
    if (const auto headers = message->optional_object("headers"))
      set(fields, "provider_message_id", headers->optional_text("message-id"));
  if (event.provider_event == "failed") read_failure(event, data);
  set(fields, "recipient",
      event.type == "generic" ? data.optional_text("recipient")
                              : std::optional(data.text("recipient")));
  fields["timestamp"] = read_time(data);
  set(fields, "url", data.optional_text("url"));
  set(fields, "ip", data.optional_text("ip"));
  if (const auto client = data.optional_object("client-info"))
    set(fields, "user_agent", client->optional_text("user-agent"));
  parsed.idempotency_key = id;
  if (data.faults() == 0) parsed.events.push_back(std::move(event));
}

/// The value in message-headers, a list of pairs, where the form has no field of its own.
std::string header_of(const mailgun_call::Form& form, std::string_view name) {
  if (auto own = form.text(name); !own.empty()) return own;
  const auto read = text::parse_payload(form.text("message-headers"));
  if (!read || !read->is_array()) return {};
  for (const auto& pair : read->get_array()) {
    const auto* both = pair.if_array();
    if (both == nullptr || both->size() != 2 || !(*both)[0].is_string() || !(*both)[1].is_string())
      continue;
    if (equal_ignoring_case_ascii((*both)[0].get_string(), name))
      return std::string((*both)[1].get_string());
  }
  return {};
}

/// "{"<cid>": "attachment-1"}": the content id of a file.
std::string content_id_of(const json::value& map, std::string_view file) {
  const auto* ids = map.if_object();
  if (ids == nullptr) return {};
  for (const auto& one : *ids)
    if (one.value().is_string() && std::string_view(one.value().get_string()) == file) {
      const auto found = mime::read_message_ids(one.key());
      return found.empty() ? std::string(one.key()) : found.front();
    }
  return {};
}

MailEvent read_inbound(const mailgun_call::Form& form) {
  MailEvent mail;
  if (const auto raw = mime::read_mail(form.raw("body-mime"))) mail = mail_event(*raw);
  if (const auto ids = mime::read_message_ids(header_of(form, "Message-Id")); !ids.empty())
    mail.message_id = ids.front();
  if (const auto ids = mime::read_message_ids(header_of(form, "In-Reply-To")); !ids.empty())
    mail.in_reply_to = ids.front();
  if (auto ids = mime::read_message_ids(header_of(form, "References")); !ids.empty())
    mail.references = std::move(ids);
  if (auto from = mime::read_addresses(form.text("from")); !from.empty())
    mail.from = std::move(from.front());
  if (const auto subject = form.text("subject"); !subject.empty())
    mail.subject = mime::read_text(subject);
  if (auto text = form.text("body-plain"); !text.empty()) mail.text = std::move(text);
  if (auto html = form.text("body-html"); !html.empty()) mail.html = std::move(html);
  const auto ids = text::parse_payload(form.text("content-id-map"));
  for (const auto& file : form.files) {
    mail.attachments.push_back(
        mime::describe_attachment(*file.filename, file.content_type, file.bytes));
    if (ids) mail.attachments.back().content_id = content_id_of(*ids, file.name);
    mail.attachments.back().is_inline = !mail.attachments.back().content_id.empty();
  }
  return mail;
}

void parse_inbound(Parsed& parsed, const mailgun_call::Form& form, std::string_view body) {
  auto mail = read_inbound(form);
  mail.provider_event = "inbound";
  mail.provider_message_id = mail.message_id;
  mail.recipient = form.text("recipient");
  mail.envelope_from = form.text("sender");
  const auto at = unix_seconds(form.text("timestamp"));
  mail.timestamp = at ? json::value(*at) : json::value(nullptr);
  if (mail.recipient.empty()) parsed.faults.push_back({"/recipient", "required", "is missing"});
  if (!mail.from) parsed.faults.push_back({"/from", "required", "is missing"});
  if (!parsed.faults.empty()) return;
  const auto key = mail.message_id.empty() ? std::nullopt
                                           : std::optional(mail.message_id + "|" + mail.recipient);
  set_mail_key(parsed, key, body);
  const auto stripped = form.text("stripped-text");
  parsed.events.push_back(make_event(std::move(mail)));
  if (!stripped.empty()) parsed.events.back().fields["stripped_text"] = stripped;
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto call = mailgun_call::read_call(request);
  if (!call) return unreadable("the body cannot be read: " + call.error().what);
  Parsed parsed;
  if (call->form) {
    parse_inbound(parsed, *call->form, request.body);
    return parsed;
  }
  if (!call->body.is_object()) return unreadable("the body is not a JSON object");
  PayloadFaults faults(parsed);
  const PayloadObject given(call->body.get_object(), faults);
  if (const auto data = given.object("event-data")) parse_event(parsed, *data);
  return parsed;
}

json::object sample_event(const SampleOrder& order) {
  const std::string unique(order.unique), event(order.event.substr(0, order.event.find('.')));
  json::object data{{"id", "evt" + unique},
                    {"event", event},
                    {"timestamp", static_cast<double>(order.now.unix_ms) / 1000.0},
                    {"log-level", event == "failed" ? "error" : "info"},
                    {"recipient", "ada@example.com"},
                    {"recipient-domain", "example.com"},
                    {"message",
                     {{"headers",
                       {{"message-id", unique + "@mg.example.com"},
                        {"to", "ada@example.com"},
                        {"from", "Desk <desk@example.com>"},
                        {"subject", "Ticket"}}}}},
                    {"user-variables", json::object()}};
  if (order.event == "failed.permanent") {
    data["severity"] = "permanent";
    data["reason"] = "bounce";
    data["delivery-status"] = {{"code", 550}, {"message", "5.1.1 user unknown"}};
  }
  if (order.event == "failed.temporary") {
    data["severity"] = "temporary";
    data["reason"] = "generic";
    data["delivery-status"] = {{"code", 451}, {"message", "4.2.0 greylisted"}};
  }
  if (event == "clicked") data["url"] = "https://example.com/help";
  if (event == "opened" || event == "clicked") data["ip"] = "192.0.2.7";
  return data;
}

/// The signature does not cover the body: the order's own body must hold its own.
Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  std::string token(order.unique);
  token.resize(50, '0');
  const auto mac =
      to_hex(crypto::hmac(crypto::Digest::sha256, settings.text("signing_key"), timestamp + token));
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"}, {"User-Agent", "mailgun/treq-21.5.0"}};
  if (order.event == "inbound") {
    made.headers.front().second = "application/x-www-form-urlencoded";
    const std::vector<text::FormField> fields{
        {"recipient", "support@desk.example.com"},
        {"sender", "ada@example.com"},
        {"from", "Ada Lovelace <ada@example.com>"},
        {"subject", "Where is my order?"},
        {"body-plain", "Order 4711 has not arrived.\r\n"},
        {"stripped-text", "Order 4711 has not arrived."},
        {"Message-Id", "<" + std::string(order.unique) + "@mail.example.com>"},
        {"timestamp", timestamp},
        {"token", token},
        {"signature", mac}};
    made.body = text::write_form(fields);
  } else {
    json::object body{
        {"signature", {{"timestamp", timestamp}, {"token", token}, {"signature", mac}}},
        {"event-data", sample_event(order)}};
    if (!order.body.empty()) {
      auto given = text::parse_payload(order.body);
      if (!given || !given->is_object())
        return fail(Errc::invalid,
                    "a body for Mailgun must be a JSON object: its signature is "
                    "written into it");
      body["event-data"] = given->get_object().contains("event-data")
                               ? given->get_object().at("event-data")
                               : *given;
    }
    made.body = json_text(body);
  }
  return made;
}

}  // namespace

const Provider mailgun{
    .name = "mailgun",
    .title = "Mailgun",
    .carries = "what became of sent mail, and inbound mail of routes",
    .fields = mailgun_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = mail_body_bytes_max,
    .token_reused_status = 406,
};

}  // namespace posthorn::providers

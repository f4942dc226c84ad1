// email_inbound: Posthorn's own endpoint for mail that any mail system hands over: JSON, or the raw
// mail as message/rfc822. Document: docs/providers.md.

#include <array>

#include "base/bytes.h"
#include "providers/mail_event.h"
#include "providers/own_mail.h"
#include "providers/payload.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 3> sample_names{"json", "raw", "reply"};

constexpr std::string_view set_up =
    R"(1. Make a long random secret and set it here as `secret`; the mail system gets the same.
2. Let it POST each mail to `{url}`: the raw bytes with `Content-Type: message/rfc822`, or JSON:
   `{"message_id": "…", "from": "Ada <ada@example.com>", "to": ["support@example.com"], "subject": "…", "text": "…", "received_at": "2026-11-21T08:00:00Z"}`
   with `html`, `in_reply_to`, `references` and `attachments` (`filename`, `content_type`, `content_base64`) as far as there are any.
3. Let it sign the exact bytes that it sends: `X-Webhook-Signature: sha256=<hex of HMAC-SHA256(secret, body)>`.
4. A 202 means that it is stored. On anything else, send the same mail again: it counts once.
)";

std::string first_id(std::string_view text) {
  auto ids = mime::read_message_ids(text);
  return ids.empty() ? std::string(trim(text)) : std::move(ids.front());
}

/// The texts of a list, or one text.
std::vector<std::string> texts(const PayloadObject& given, std::string_view name) {
  std::vector<std::string> found;
  const auto* value = given.given().if_contains(name);
  if (value == nullptr || value->is_null()) return found;
  if (!value->is_array()) return {given.text(name)};
  for (const auto& one : value->get_array()) {
    if (one.is_string())
      found.emplace_back(one.get_string());
    else
      given.fault(name, "type", "takes a list of texts");
  }
  return found;
}

std::vector<mime::Attachment> attachments(const PayloadObject& given) {
  std::vector<mime::Attachment> found;
  for (const auto& one : given.optional_objects("attachments")) {
    const auto content = one.optional_text("content_base64").value_or("");
    const auto bytes = from_base64(content);
    if (!bytes) one.fault("content_base64", "format", "is not base64");
    auto made = mime::describe_attachment(one.optional_text("filename").value_or(""),
                                          one.optional_text("content_type").value_or(""),
                                          bytes.value_or(""));
    made.content_id = first_id(one.optional_text("content_id").value_or(""));
    found.push_back(std::move(made));
  }
  return found;
}

std::vector<std::string> addresses_of(const std::vector<mime::Address>& list) {
  std::vector<std::string> found;
  for (const auto& one : list) found.push_back(one.address);
  return found;
}

Parsed parse_raw(const Incoming& request) {
  const auto mail = mime::read_mail(request.body);
  if (!mail) return unreadable(mail.error().what);
  Parsed parsed;
  auto event = mail_event(*mail);
  event.provider_message_id = mail->message_id;
  event.recipient = to_lower_ascii(event.recipient);
  if (!event.from) {
    parsed.faults.push_back({"/from", "required", "the mail has no sender in From"});
    return parsed;
  }
  set_mail_key(parsed, mail_key(mail->message_id, addresses_of(mail->to)), request.body);
  parsed.events.push_back(make_event(std::move(event)));
  return parsed;
}

Parsed parse(const Settings&, const Incoming& request) {
  if (request.content_type() == "message/rfc822") return parse_raw(request);
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject given(*body, faults);
  MailEvent mail;
  mail.message_id = first_id(given.text("message_id"));
  mail.provider_message_id = mail.message_id;
  const auto from = mime::read_addresses(given.text("from"));
  if (!from.empty())
    mail.from = from.front();
  else if (given.has("from"))
    given.fault("from", "format", "takes an address, such as Ada <ada@example.com>");
  std::vector<std::string> to;
  for (const auto& one : texts(given, "to"))
    for (const auto& address : mime::read_addresses(one)) to.push_back(address.address);
  if (to.empty())
    given.fault("to", "required", "takes a list of at least one address");
  else
    mail.recipient = to_lower_ascii(to.front());
  mail.subject = given.optional_text("subject").value_or("");
  mail.text = given.optional_text("text");
  mail.html = given.optional_text("html");
  mail.in_reply_to = first_id(given.optional_text("in_reply_to").value_or(""));
  for (const auto& one : texts(given, "references"))
    for (auto& id : mime::read_message_ids(one)) mail.references.push_back(std::move(id));
  const auto time = given.optional_text("received_at");
  if (time) mail.timestamp = seconds_of(std::string_view(*time));
  if (time && mail.timestamp.is_null())
    given.fault("received_at", "format", "takes an RFC 3339 time, such as 2026-11-21T08:00:00Z");
  mail.attachments = attachments(given);
  if (faults.count() > 0) return parsed;
  set_mail_key(parsed, mail_key(mail.message_id, to), request.body);
  parsed.events.push_back(make_event(std::move(mail)));
  return parsed;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::string id = std::string(order.unique) + "@mail.example.com";
  if (order.event == "raw")
    return own_mail::sample(settings, order,
                            "From: Ada Lovelace <ada@example.com>\r\n"
                            "To: support@desk.example.com\r\n"
                            "Subject: Where is my order?\r\nMessage-ID: <" +
                                id +
                                ">\r\nMIME-Version: 1.0\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\n\r\n"
                                "Order 4711 has not arrived.\r\n",
                            "message/rfc822");
  json::object body{{"message_id", id},
                    {"from", "Ada Lovelace <ada@example.com>"},
                    {"to", json::array{"support@desk.example.com"}},
                    {"subject", "Where is my order?"},
                    {"text", "Order 4711 has not arrived."},
                    {"received_at", to_rfc3339(order.now)}};
  if (order.event == "reply") {
    body["subject"] = "Re: Where is my order?";
    body["in_reply_to"] = "ticket-1.1@desk.example.com";
    body["references"] = json::array{"ticket-1@desk.example.com", "ticket-1.1@desk.example.com"};
  }
  return own_mail::sample(settings, order, json_text(body), "application/json");
}

}  // namespace

const Provider email_inbound{
    .name = "email_inbound",
    .title = "Inbound mail (Posthorn's own)",
    .carries = "mail that any mail system hands over, as JSON or as raw message/rfc822",
    .fields = own_mail::fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = own_mail::verify,
    .parse = parse,
    .reply = own_mail::accepted,
    .sample = sample,
    .check = own_mail::check,
    .body_bytes_max = mail_body_bytes_max,
};

}  // namespace posthorn::providers

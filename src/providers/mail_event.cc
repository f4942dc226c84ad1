#include "providers/mail_event.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "providers/common.h"

namespace posthorn::providers {
namespace {

void add(json::object& fields, std::string_view name, std::string value) {
  if (!value.empty()) fields[name] = std::move(value);
}

json::array facts_of(const std::vector<mime::Attachment>& attachments) {
  json::array list;
  for (const auto& one : attachments) {
    json::object facts{{"filename", one.filename},
                       {"content_type", one.content_type},
                       {"size", one.size},
                       {"sha256", one.sha256}};
    add(facts, "content_id", one.content_id);
    if (one.is_inline) facts["inline"] = true;
    list.push_back(std::move(facts));
  }
  return list;
}

}  // namespace

json::value seconds_of(std::optional<Instant> at) {
  return at ? json::value(at->unix_seconds()) : json::value(nullptr);
}

MailEvent mail_event(const mime::Mail& mail) {
  MailEvent event;
  event.message_id = mail.message_id;
  event.in_reply_to = mail.in_reply_to;
  event.references = mail.references;
  if (!mail.to.empty()) event.recipient = mail.to.front().address;
  event.from = mail.from;
  event.subject = mail.subject;
  event.timestamp = seconds_of(mail.date);
  event.text = mail.text;
  if (!mail.html.empty()) event.html = mail.html;
  event.attachments = mail.attachments;
  return event;
}

NormalisedEvent make_event(MailEvent mail) {
  NormalisedEvent event;
  event.type = "email.inbound";
  event.provider_event = std::move(mail.provider_event);
  auto& fields = event.fields;
  add(fields, "provider_event_id", std::move(mail.provider_event_id));
  add(fields, "provider_message_id", std::move(mail.provider_message_id));
  add(fields, "message_id", std::move(mail.message_id));
  add(fields, "in_reply_to", std::move(mail.in_reply_to));
  if (!mail.references.empty())
    fields["references"] = json::array(mail.references.begin(), mail.references.end());
  add(fields, "recipient", std::move(mail.recipient));
  add(fields, "envelope_from", std::move(mail.envelope_from));
  if (mail.from) {
    fields["from"] = mail.from->address;
    add(fields, "from_name", mail.from->name);
  }
  fields["subject"] = std::move(mail.subject);
  fields["timestamp"] = std::move(mail.timestamp);
  if (mail.text) fields["text"] = *std::move(mail.text);
  if (mail.html) fields["html"] = *std::move(mail.html);
  fields["attachments"] = facts_of(mail.attachments);
  return event;
}

std::optional<std::string> mail_key(std::string_view message_id,
                                    std::vector<std::string> recipients) {
  if (message_id.empty()) return std::nullopt;
  for (auto& one : recipients) one = to_lower_ascii(one);
  std::ranges::sort(recipients);
  std::string key = std::string(message_id) + "|";
  for (std::size_t i = 0; i < recipients.size(); ++i) key += (i > 0 ? "," : "") + recipients[i];
  return key;
}

void set_mail_key(Parsed& parsed, std::optional<std::string> key, std::string_view body) {
  parsed.key_is_digest = !key.has_value();
  parsed.idempotency_key = key ? *std::move(key) : body_digest(body);
}

}  // namespace posthorn::providers

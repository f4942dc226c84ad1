#pragma once
// email.inbound, the same from whoever brought the mail. Not for use outside providers/.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mime/mail.h"
#include "providers/provider.h"

namespace posthorn::providers {

/// What mail may be on the wire: base64 of 25 MiB, and what is around it.
inline constexpr std::size_t mail_body_bytes_max = 40UL << 20;

/// An inbound mail. What is empty is left out of the event.
struct MailEvent {
  std::string provider_event = {}, provider_event_id = {}, provider_message_id = {};
  std::string message_id = {}, in_reply_to = {};
  std::vector<std::string> references = {};
  std::string recipient = {}, envelope_from = {};
  std::optional<mime::Address> from = {};
  std::string subject = {};
  json::value timestamp = nullptr;
  std::optional<std::string> text = {}, html = {};
  std::vector<mime::Attachment> attachments = {};
};

/// Everything that the mail itself says; the recipient is the first of To.
MailEvent mail_event(const mime::Mail& mail);

/// email.inbound with its fields in the order that people read them; attachments with their facts
/// alone.
NormalisedEvent make_event(MailEvent mail);

/// "<message id>|<recipients in lower case, sorted, joined with commas>"; nullopt without an id.
std::optional<std::string> mail_key(std::string_view message_id,
                                    std::vector<std::string> recipients);
/// mail_key, or the digest of the body, which counts for a day.
void set_mail_key(Parsed& parsed, std::optional<std::string> key, std::string_view body);

/// Unix seconds, or null.
json::value seconds_of(std::optional<Instant> at);

}  // namespace posthorn::providers

// SendGrid Inbound Parse: a mail as multipart/form-data, parsed by SendGrid or raw. It is proven by
// Basic credentials in the URL, or by a security policy that signs. Retried for three days.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mime/charset.h"
#include "providers/list.h"
#include "providers/mail_auth.h"
#include "providers/mail_event.h"
#include "providers/sendgrid.h"
#include "text/json_payload.h"
#include "text/multipart.h"

namespace posthorn::providers {
namespace {

constexpr std::array inbound_fields{
    Field{.name = "basic_auth",
          .kind = FieldKind::credentials,
          .help = "The user name and password that are written into the URL at SendGrid."},
    Field{.name = "public_key",
          .plural = "public_keys",
          .kind = FieldKind::public_key,
          .help = "The public key of the security policy that signs, as SendGrid shows it.",
          .problem = sendgrid::problem_of_public_key},
    sendgrid::tolerance_field,
    sendgrid::private_key_field,
};

constexpr std::array<std::string_view, 2> sample_names{"parsed", "raw"};

constexpr std::string_view set_up =
    R"(1. Choose a user name and a long random password, and set them here as `basic_auth`.
2. Open SendGrid: **Settings → Inbound Parse → Add Host & URL**; the host's MX record must point to `mx.sendgrid.net`.
3. Destination URL: `{url}`, with `<user name>:<password>@` written in front of its host.
4. **POST the raw, full MIME message** may be on or off; on keeps the most.
5. If you use a security policy with a signature instead, set its public key here as `public_key`.
)";

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  const bool has_key = settings.has("public_key"), has_basic = settings.has("basic_auth");
  if (!steps.check(has_key || has_basic, "credentials are set",
                   "the source has neither basic_auth nor public_key, so nothing can be verified"))
    return std::move(steps).refused();
  if (has_basic && !has_basic_auth(steps, settings, request, "basic_auth"))
    return std::move(steps).refused();
  if (has_key && !sendgrid::is_signed(steps, settings, request, now))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

/// The fields of one call, each in the charset that the call says.
class Fields {
 public:
  explicit Fields(std::vector<text::FormPart> parts) : parts_(std::move(parts)) {
    if (const auto read = text::parse_payload(raw("charsets")); read && read->is_object())
      charsets_ = read->get_object();
  }

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// Empty when it is not there.
  [[nodiscard]] std::string_view raw(std::string_view name) const {
    const auto* part = find(name);
    return part != nullptr ? part->bytes : std::string_view();
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    return mime::to_utf8(raw(name), text_member(charsets_, name));
  }
  [[nodiscard]] const std::vector<text::FormPart>& parts() const { return parts_; }

 private:
  [[nodiscard]] const text::FormPart* find(std::string_view name) const {
    const auto found = std::ranges::find(parts_, name, &text::FormPart::name);
    return found == parts_.end() || found->filename ? nullptr : &*found;
  }

  std::vector<text::FormPart> parts_;
  json::object charsets_;
};

struct Envelope {
  std::vector<std::string> to;
  std::string from;
};

std::optional<Envelope> read_envelope(Parsed& parsed, const Fields& fields) {
  const auto fault = [&](std::string_view code, std::string detail) {
    parsed.faults.push_back({"/envelope", std::string(code), std::move(detail)});
    return std::optional<Envelope>();
  };
  if (!fields.has("envelope")) return fault("required", "is missing");
  const auto read = text::parse_payload(fields.raw("envelope"));
  if (!read || !read->is_object()) return fault("format", "is not a JSON object");
  const auto* to = read->get_object().if_contains("to");
  if (to == nullptr || !to->is_array() || to->get_array().empty())
    return fault("format", "has no recipients in to");
  Envelope envelope{.to = {}, .from = text_member(read->get_object(), "from")};
  for (const auto& one : to->get_array()) {
    if (!one.is_string()) return fault("type", "takes texts in to");
    envelope.to.push_back(to_lower_ascii(one.get_string()));
  }
  return envelope;
}

std::vector<mime::Attachment> read_attachments(const Fields& fields) {
  json::object described;
  if (const auto read = text::parse_payload(fields.raw("attachment-info"));
      read && read->is_object())
    described = read->get_object();
  std::vector<mime::Attachment> found;
  for (const auto& part : fields.parts()) {
    if (!part.filename) continue;
    const auto* facts = object_member(described, part.name);
    const auto type = facts != nullptr && part.content_type.empty() ? text_member(*facts, "type")
                                                                    : part.content_type;
    found.push_back(mime::describe_attachment(*part.filename, type, part.bytes));
    if (facts != nullptr) found.back().content_id = text_member(*facts, "content-id");
    found.back().is_inline = !found.back().content_id.empty();
  }
  return found;
}

/// Where SendGrid parsed: the mail's own headers, with the fields in place of its parts.
MailEvent parsed_by_sendgrid(const Fields& fields) {
  MailEvent event;
  if (const auto mail = mime::read_mail(fields.raw("headers"))) event = mail_event(*mail);
  event.text.reset();
  if (fields.has("text")) event.text = fields.text("text");
  if (fields.has("html")) event.html = fields.text("html");
  event.attachments = read_attachments(fields);
  return event;
}

Parsed parse(const Settings&, const Incoming& request) {
  auto parts = text::read_multipart(request.header("Content-Type").value_or(""), request.body);
  if (!parts) return unreadable("the body is not a multipart form: " + parts.error().what);
  const Fields fields(*std::move(parts));
  Parsed parsed;
  const auto envelope = read_envelope(parsed, fields);
  MailEvent event;
  if (fields.has("email")) {
    const auto mail = mime::read_mail(fields.raw("email"));
    if (!mail) return unreadable("the field email: " + mail.error().what);
    event = mail_event(*mail);
  } else {
    event = parsed_by_sendgrid(fields);
  }
  if (auto from = mime::read_addresses(fields.text("from")); !from.empty())
    event.from = std::move(from.front());
  if (!event.from) parsed.faults.push_back({"/from", "required", "is missing"});
  if (!parsed.faults.empty()) return parsed;
  if (fields.has("subject")) event.subject = mime::read_text(fields.text("subject"));
  event.provider_event = "inbound";
  event.provider_message_id = event.message_id;
  event.recipient = envelope->to.front();
  event.envelope_from = envelope->from;
  set_mail_key(parsed, mail_key(event.message_id, envelope->to), request.body);
  parsed.events.push_back(make_event(std::move(event)));
  for (const auto name : {"SPF", "dkim", "spam_score"})
    if (fields.has(name)) parsed.events.back().fields[to_lower_ascii(name)] = fields.text(name);
  return parsed;
}

std::string form_of(std::string_view boundary,
                    std::span<const std::pair<std::string_view, std::string>> fields) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += "--" + std::string(boundary) + "\r\nContent-Disposition: form-data; name=\"" +
            std::string(name) + "\"\r\n\r\n" + value + "\r\n";
  return body + "--" + std::string(boundary) + "--\r\n";
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::string boundary = "xYzZY" + std::string(order.unique);
  const std::string headers =
      "From: Ada Lovelace <ada@example.com>\nTo: support@desk.example.com\nMessage-ID: <" +
      std::string(order.unique) + "@mail.example.com>\nSubject: Where is my order?\n" +
      "MIME-Version: 1.0\n";
  const std::string words = "Order 4711 has not arrived.\r\n";
  std::vector<std::pair<std::string_view, std::string>> fields{
      {"to", "support@desk.example.com"},
      {"from", "Ada Lovelace <ada@example.com>"},
      {"subject", "Where is my order?"},
      {"sender_ip", "192.0.2.40"},
      {"envelope", R"({"to":["support@desk.example.com"],"from":"ada@example.com"})"},
      {"charsets", R"({"to":"UTF-8","from":"UTF-8","subject":"UTF-8","text":"utf-8"})"},
      {"SPF", "pass"}};
  if (order.event == "raw") {
    fields.emplace_back("email", headers + "Content-Type: text/plain; charset=utf-8\n\n" + words);
  } else {
    fields.emplace_back("headers", headers);
    fields.emplace_back("text", words);
    fields.emplace_back("attachments", "0");
  }
  Sample made{.url = std::string(order.url)};
  made.body = order.body.empty() ? form_of(boundary, fields) : std::string(order.body);
  made.headers = {{"Content-Type", "multipart/form-data; boundary=" + boundary},
                  {"User-Agent", "SendGrid Inbound Parse"}};
  if (settings.has("basic_auth"))
    made.headers.emplace_back("Authorization", basic_authorization(settings, "basic_auth"));
  if (settings.has("public_key"))
    if (auto done = sendgrid::sign(made, settings, order.now); !done)
      return fail(std::move(done).error());
  return made;
}

void check(const Settings& settings, std::vector<model::Fault>& faults) {
  if (!settings.has("basic_auth") && !settings.has("public_key"))
    faults.push_back({"/basic_auth", "required",
                      "is missing: set basic_auth, or public_key of a security policy"});
}

}  // namespace

const Provider sendgrid_inbound{
    .name = "sendgrid_inbound",
    .title = "SendGrid inbound mail",
    .carries = "mail that arrives at a domain whose MX is SendGrid",
    .fields = inbound_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .check = check,
    .body_bytes_max = mail_body_bytes_max,
};

}  // namespace posthorn::providers

// Amazon SES through SNS: statuses, inbound mail and the subscription's handshake, as SNS messages
// signed with RSA. The certificate is fetched from the address in the message, once our rule for
// such addresses has passed it. Retried for up to an hour with the same MessageId.

#include "providers/ses_message.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "crypto/asymmetric.h"
#include "egress/policy.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/payload.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

std::string problem_of_topic(std::string_view text) {
  return text.starts_with("arn:aws") && text.find(":sns:") != text.npos
             ? ""
             : "takes a topic's ARN, such as arn:aws:sns:us-east-1:123456789012:ses-events";
}

constexpr std::array ses_fields{
    Field{.name = "topic_arns",
          .kind = FieldKind::texts,
          .required = true,
          .help = "The ARNs of the SNS topics that may send here.",
          .problem = problem_of_topic},
    Field{.name = "max_age_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a message's time may lie in the past; SNS retries with the same "
                  "time.",
          .fallback = "7200",
          .min = 1,
          .max = 86'400},
    Field{.name = "future_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a message's time may lie in the future.",
          .fallback = "300",
          .max = 86'400},
    Field{.name = "private_key",
          .kind = FieldKind::secret,
          .help = "Only for `posthorn trigger`: an RSA private key of your own in PEM. Only a "
                  "verifier that is given its certificate accepts what it signs."},
    Field{.name = "certs",
          .kind = FieldKind::map,
          .help = "Certificates by address.",
          .for_cases_only = true},
};

constexpr std::array<std::string_view, 7> sample_names{
    "Delivery", "Bounce", "Complaint", "Open", "Click", "Received", "SubscriptionConfirmation"};

constexpr std::string_view set_up =
    R"(1. Make an SNS topic (type **Standard**) and set its ARN here in `topic_arns`.
2. In SES, let your configuration set (**Event destinations**), the identity's feedback notifications, or a receipt rule (action **SNS**) publish to that topic.
3. At the topic, **Create subscription**: protocol **HTTPS**, endpoint `{url}`, raw message delivery **off**.
4. Amazon sends a confirmation at once; it is verified and confirmed without you. The subscription then shows **Confirmed**.
)";

constexpr std::string_view sample_certificate_url =
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000"
    ".pem";

/// The names that are signed, in their order.
constexpr std::array<std::string_view, 6> notification_names{"Message",   "MessageId", "Subject",
                                                             "Timestamp", "TopicArn",  "Type"};
constexpr std::array<std::string_view, 7> confirmation_names{
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"};

bool is_confirmation(std::string_view type) {
  return type == "SubscriptionConfirmation" || type == "UnsubscribeConfirmation";
}

/// "name\nvalue\n" for each that is there; nullopt when one that must be there is not, or is no
/// text.
std::optional<std::string> signed_text(const json::object& envelope) {
  const auto type = text_member(envelope, "Type");
  const std::span<const std::string_view> names =
      is_confirmation(type) ? std::span<const std::string_view>(confirmation_names)
                            : std::span<const std::string_view>(notification_names);
  std::string out;
  for (const auto name : names) {
    const auto* value = envelope.if_contains(name);
    if (name == "Subject" && (value == nullptr || value->is_null())) continue;
    if (value == nullptr || !value->is_string()) return std::nullopt;
    out += name;
    out += '\n';
    out += std::string_view(value->get_string());
    out += '\n';
  }
  return out;
}

/// The SNS message; nullopt when the body is none.
std::optional<json::object> read_envelope(const Incoming& request) {
  auto body = text::parse_payload(request.body);
  if (!body || !body->is_object()) return std::nullopt;
  return std::move(body->get_object());
}

bool is_topic_known(const Settings& settings, std::string_view topic) {
  const auto& known = settings.all("topic_arns");
  return std::ranges::find(known, topic) != known.end();
}

/// What can be said before the certificate is needed.
bool is_well_formed(Steps& steps, const Settings& settings, const json::object& envelope) {
  const auto type = text_member(envelope, "Type");
  if (!steps.check(type == "Notification" || is_confirmation(type), "an SNS message",
                   "Type is not Notification, SubscriptionConfirmation or "
                   "UnsubscribeConfirmation: is raw message delivery off?"))
    return false;
  const auto version = text_member(envelope, "SignatureVersion");
  if (!steps.check(version == "1" || version == "2", "the signature's version",
                   "SignatureVersion is neither \"1\" nor \"2\""))
    return false;
  if (!steps.check(is_topic_known(settings, text_member(envelope, "TopicArn")),
                   "the topic is allowed", "TopicArn is not among the source's topic_arns"))
    return false;
  const auto url =
      egress::check_sns_url(egress::SnsUrl::cert, text_member(envelope, "SigningCertURL"));
  if (!steps.check(url.has_value(), "the certificate's address is Amazon's",
                   url ? "" : "SigningCertURL: " + url.error().what))
    return false;
  if (type != "SubscriptionConfirmation") return true;
  const auto subscribe = egress::check_sns_url(
      egress::SnsUrl::subscribe, text_member(envelope, "SubscribeURL"), settings.all("topic_arns"));
  return steps.check(subscribe.has_value(), "the address that confirms is Amazon's",
                     subscribe ? "" : "SubscribeURL: " + subscribe.error().what);
}

bool is_signed(Steps& steps, const Settings& settings, const json::object& envelope, Instant now) {
  const auto& certificates = settings.map("certs");
  const auto found = certificates.find(text_member(envelope, "SigningCertURL"));
  if (!steps.check(found != certificates.end(), "the certificate is there",
                   "the certificate behind SigningCertURL could not be had"))
    return false;
  const auto certificate = crypto::RsaCertificate::read(found->second);
  if (!steps.check(certificate.has_value(), "the certificate can be read",
                   certificate ? "" : "the certificate: " + certificate.error().what))
    return false;
  if (!steps.check(certificate->is_valid_at(now), "the certificate is valid now",
                   "the certificate is not valid at this time"))
    return false;
  const auto signature = from_base64(text_member(envelope, "Signature"));
  if (!steps.check(signature && !signature->empty(), "a signature in base64",
                   "Signature is missing or not base64"))
    return false;
  const auto content = signed_text(envelope);
  if (!steps.check(content.has_value(), "every signed field is there",
                   "a field that is signed is missing or is not text"))
    return false;
  const bool is_old = text_member(envelope, "SignatureVersion") == "1";
  return steps.check(
      certificate->verify(is_old ? crypto::Digest::sha1 : crypto::Digest::sha256, *signature,
                          *content),
      is_old ? "RSA with SHA-1 of the fields" : "RSA with SHA-256 of the fields",
      "Signature is not that of the fields under the certificate: something was changed");
}

bool is_in_time(Steps& steps, const Settings& settings, const json::object& envelope, Instant now) {
  const auto at = parse_rfc3339(text_member(envelope, "Timestamp"));
  if (!steps.check(at.has_value(), "the timestamp", "Timestamp is not an ISO 8601 time"))
    return false;
  const std::int64_t age = now.unix_ms - at->unix_ms;
  if (!steps.check(age <= settings.integer("max_age_s") * 1000, "the message is not too old",
                   "Timestamp is older than max_age_s: an old message, or a wrong clock"))
    return false;
  return steps.check(-age <= settings.integer("future_s") * 1000,
                     "the message is not of the future",
                     "Timestamp lies further in the future than future_s: a wrong clock");
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!steps.check(!settings.all("topic_arns").empty(), "a topic is set",
                   "the source has no topic_arns, so nothing can be verified"))
    return std::move(steps).refused();
  const auto envelope = read_envelope(request);
  if (!steps.check(envelope.has_value(), "the body is a JSON object",
                   "the body is not a JSON object: is raw message delivery off?"))
    return std::move(steps).refused();
  if (!is_well_formed(steps, settings, *envelope) || !is_signed(steps, settings, *envelope, now) ||
      !is_in_time(steps, settings, *envelope, now))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

/// Only for a topic that may send here: a forged call must not make us call out.
std::optional<std::string> certificate_url(const Settings& settings, const Incoming& request) {
  const auto envelope = read_envelope(request);
  if (!envelope) return std::nullopt;
  Steps steps;
  if (!is_well_formed(steps, settings, *envelope)) return std::nullopt;
  return text_member(*envelope, "SigningCertURL");
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto envelope = read_envelope(request);
  if (!envelope) return unreadable("the body is not a JSON object");
  Parsed parsed;
  PayloadFaults faults(parsed);
  const PayloadObject given(*envelope, faults);
  const auto id = given.text("MessageId");
  const auto type = given.text("Type");
  parsed.idempotency_key = id;
  if (faults.count() > 0) return parsed;
  if (type == "SubscriptionConfirmation")
    parsed.action = Action{.type = "http_get", .url = given.text("SubscribeURL"), .topic = {}};
  else if (type == "UnsubscribeConfirmation")
    parsed.action = Action{.type = "mark_unsubscribed", .url = {}, .topic = given.text("TopicArn")};
  else
    parse_ses_message(parsed, id, text_member(*envelope, "Message"),
                      text_member(*envelope, "Timestamp"), faults);
  return parsed;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  if (!settings.has("private_key"))
    return fail(Errc::invalid,
                "only Amazon has the private key: set private_key to an RSA key of your own, and "
                "give its certificate to whoever verifies");
  const bool confirms = order.event == "SubscriptionConfirmation";
  const auto& topic = settings.text("topic_arns");
  const auto& certificates = settings.map("certs");
  json::object envelope{
      {"Type", confirms ? "SubscriptionConfirmation" : "Notification"},
      {"MessageId", uuid_like(order.unique)},
      {"TopicArn", topic},
      {"Message", order.body.empty() ? ses_sample(order) : std::string(order.body)},
      {"Timestamp", to_rfc3339(order.now)},
      {"SignatureVersion", "2"},
      {"SigningCertURL",
       certificates.empty() ? std::string(sample_certificate_url) : certificates.begin()->first}};
  if (confirms) {
    envelope["Token"] = std::string(order.unique);
    envelope["SubscribeURL"] =
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + topic +
        "&Token=" + std::string(order.unique);
  }
  PH_TRY(const auto signature,
         crypto::rsa_sign(Secret(settings.text("private_key")), crypto::Digest::sha256,
                          signed_text(envelope).value_or("")));
  envelope["Signature"] = to_base64(signature);
  Sample made{.url = std::string(order.url)};
  made.body = json_text(envelope);
  made.headers = {{"Content-Type", "text/plain; charset=UTF-8"},
                  {"User-Agent", "Amazon Simple Notification Service Agent"},
                  {"x-amz-sns-message-type", text_member(envelope, "Type")},
                  {"x-amz-sns-topic-arn", topic}};
  return made;
}

}  // namespace

const Provider ses_sns{
    .name = "ses_sns",
    .title = "Amazon SES through SNS",
    .carries = "what became of sent mail, and inbound mail",
    .fields = ses_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .certificate_url = certificate_url,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

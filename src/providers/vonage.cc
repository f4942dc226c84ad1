#include "providers/vonage.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/jwt.h"
#include "providers/list.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 2> schemes{"jwt", "sig"};
constexpr std::array<std::string_view, 5> algorithms{"md5hash", "md5hmac", "sha1hmac", "sha256hmac",
                                                     "sha512hmac"};

constexpr std::array vonage_fields{
    Field{.name = "signature_secret",
          .plural = "signature_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The account's signature secret, as the Vonage dashboard shows it under API "
                  "Settings."},
    Field{.name = "scheme",
          .kind = FieldKind::choice,
          .help = "How calls are signed: jwt (Messages API) or sig (the older SMS API).",
          .fallback = "jwt",
          .choices = schemes},
    Field{.name = "api_key",
          .help = "Scheme jwt: calls must be made for this API key; any when it is not given."},
    Field{.name = "algorithm",
          .kind = FieldKind::choice,
          .help = "Scheme sig: the signature algorithm set under API Settings.",
          .fallback = "md5hash",
          .choices = algorithms},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Scheme jwt: seconds that a token's iat may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
};

constexpr std::array<std::string_view, 3> samples{
    "message.inbound",
    "message.delivered",
    "message.rejected",
};

constexpr std::string_view instructions =
    R"(For the **Messages API** (`scheme` `jwt`):
1. Open the [Vonage dashboard](https://dashboard.nexmo.com): **Applications → your application → Edit → Messages**.
2. Set both **Inbound URL** and **Status URL** to `{url}`, method POST. Save.
3. Copy the **signature secret** from **API Settings** and set it here as `signature_secret`.

For the older **SMS API** (`scheme` `sig`): set `{url}` under **API Settings → SMS settings** as both webhooks, have
signed webhooks switched on for the account, and set `algorithm` to the one shown there.
)";

/// Vonage sends a call unsigned when signing failed on its side; after a 5xx a signed one follows.
Reply signed_retry_wanted() {
  return {.status = 503, .body = "The call is not signed; send it again, signed."};
}

/// The token behind "Bearer"; empty when there is none.
std::string_view bearer_token(std::string_view header) {
  constexpr std::string_view scheme = "bearer";
  if (!equal_ignoring_case_ascii(header.substr(0, scheme.size()), scheme)) return {};
  header.remove_prefix(scheme.size());
  return header.starts_with(' ') ? trim(header) : std::string_view();
}

bool hash_matches(Steps& steps, const json::object& claims, std::string_view body) {
  const std::string hash = text_member(claims, "payload_hash");
  if (body.empty() && !claims.contains("payload_hash")) return true;
  const auto given = from_hex(hash);
  return steps.check(!hash.empty(), "the claim payload_hash",
                     "the token has no payload_hash, so the body is not covered") &&
         steps.check(given && crypto::equal_in_constant_time(*given, crypto::sha256(body)),
                     "payload_hash is the SHA-256 of the body",
                     "the body does not have the SHA-256 that payload_hash says: it was changed or "
                     "written anew on its way");
}

/// iat is checked where the token has it: the libraries let old tokens pass for ever.
bool is_recent(Steps& steps, const json::object& claims, Instant now, std::int64_t tolerance) {
  const auto* issued = claims.if_contains("iat");
  if (issued == nullptr) return true;
  boost::system::error_code failed;
  const auto at = issued->to_number<std::int64_t>(failed);
  const bool is_time = !failed && at >= 0 && at < 253'402'300'800;
  return steps.check(is_time, "the claim iat", "the token's iat is not a time in unix seconds") &&
         is_fresh(steps, at, now, tolerance);
}

Verification verify_jwt(Steps steps, const Settings& settings, const Incoming& request,
                        Instant now) {
  const bool is_unsigned = request.header_count("Authorization") == 0;
  const auto header = single_header(steps, request, "Authorization");
  if (!header)
    return is_unsigned ? std::move(steps).refused(signed_retry_wanted())
                       : std::move(steps).refused();
  const auto token = bearer_token(*header);
  if (!steps.check(!token.empty(), "a bearer token", "Authorization is not Bearer with a token"))
    return std::move(steps).refused();
  constexpr std::array only{JwtAlgorithm::hs256};
  const auto claims = signed_claims(steps, token, only, settings.all("signature_secret"));
  if (!claims || !hash_matches(steps, *claims, request.body) ||
      !is_in_its_time(steps, *claims, now, 0) ||
      !is_recent(steps, *claims, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  const std::string& key = settings.text("api_key");
  if (!key.empty() && claims->contains("api_key") &&
      !steps.check(text_member(*claims, "api_key") == key, "the API key is this source's",
                   "the call was made for another API key than the source's api_key"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Verification verify_sig(Steps steps, const Settings& settings, const Incoming& request) {
  const auto parameters = vonage_api::sms_parameters(request);
  if (!steps.check(parameters.has_value(), "the parameters",
                   parameters ? "" : parameters.error().what))
    return std::move(steps).refused();
  if (!steps.check(parameters->count("sig") == 1, "the parameter sig",
                   "the parameter sig is missing: are signed webhooks switched on at Vonage?"))
    return std::move(steps).refused(signed_retry_wanted());
  const auto given = from_hex(parameters->value("sig"));
  const std::string& algorithm = settings.text("algorithm");
  bool matches = false;
  for (const auto& secret : settings.all("signature_secret"))
    matches |= crypto::equal_in_constant_time(
        vonage_api::sms_signature(algorithm, secret, *parameters), given.value_or(""));
  if (!steps.check(matches, "sig is the " + algorithm + " of the parameters",
                   "sig is not the " + algorithm +
                       " of the parameters under the secret: check the secret, and that the "
                       "algorithm is the one set at Vonage"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "signature_secret")) return std::move(steps).refused();
  return settings.text("scheme") == "sig" ? verify_sig(std::move(steps), settings, request)
                                          : verify_jwt(std::move(steps), settings, request, now);
}

Parsed parse(const Settings& settings, const Incoming& request) {
  return settings.text("scheme") == "sig" ? vonage_api::parse_sms(request)
                                          : vonage_api::parse_message(request);
}

json::object message_template(const SampleOrder& order, std::string_view event) {
  json::object message{{"message_uuid", uuid_like(order.unique)},
                       {"channel", "sms"},
                       {"timestamp", to_rfc3339(order.now)}};
  const bool is_inbound = event == "message.inbound";
  message["from"] = is_inbound ? "15550104506" : "15550104000";
  message["to"] = is_inbound ? "15550104000" : "15550104501";
  if (is_inbound) {
    message["message_type"] = "text";
    message["text"] = "Hello from SMS";
  } else {
    message["status"] = event == "message.rejected" ? "rejected" : "delivered";
  }
  if (event == "message.rejected")
    message["error"] = json::object{{"title", 1000}, {"detail", "Throttled"}};
  return message;
}

std::vector<text::FormField> sms_template(const SampleOrder& order, std::string_view event) {
  std::string time = to_rfc3339(order.now).substr(0, 19);
  time[10] = ' ';
  std::vector<text::FormField> form{{"messageId", upper_case(order.unique)},
                                    {"msisdn", "15550104509"},
                                    {"to", "15550104000"},
                                    {"message-timestamp", time},
                                    {"timestamp", std::to_string(order.now.unix_seconds())},
                                    {"nonce", uuid_like(order.unique)}};
  if (event == "message.inbound") {
    form.push_back({"type", "text"});
    form.push_back({"text", "Hello world"});
    form.push_back({"keyword", "HELLO"});
  } else {
    form.push_back({"status", event == "message.rejected" ? "rejected" : "delivered"});
    form.push_back({"err-code", event == "message.rejected" ? "7" : "0"});
  }
  return form;
}

Result<Sample> sms_sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  std::vector<text::FormField> fields;
  if (order.body.empty()) {
    PH_TRY(const auto event, chosen_sample(samples, order));
    fields = sms_template(order, event);
  } else {
    PH_TRY(const auto given, text::parse_form(order.body));
    fields.assign(given.fields().begin(), given.fields().end());
    std::erase_if(fields, [](const text::FormField& field) { return field.name == "sig"; });
  }
  fields.push_back({"sig", to_hex(vonage_api::sms_signature(settings.text("algorithm"),
                                                            settings.text("signature_secret"),
                                                            text::Form(fields)))});
  made.body = text::write_form(fields);
  made.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"User-Agent", "Nexmo/MessagingHUB/v1.0"}};
  return made;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  if (settings.text("scheme") == "sig") return sms_sample(settings, order);
  Sample made{.url = std::string(order.url), .body = std::string(order.body)};
  if (made.body.empty()) {
    PH_TRY(const auto event, chosen_sample(samples, order));
    made.body = json_text(message_template(order, event));
  }
  json::object claims{{"iat", order.now.unix_seconds()},
                      {"jti", uuid_like(order.unique)},
                      {"iss", "Vonage"},
                      {"payload_hash", to_hex(crypto::sha256(made.body))}};
  if (settings.has("api_key")) claims["api_key"] = settings.text("api_key");
  made.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "Vonage/webhooks"},
                  {"Authorization", "Bearer " + make_jwt(JwtAlgorithm::hs256, claims,
                                                         settings.text("signature_secret"))}};
  return made;
}

}  // namespace

const Provider vonage{
    .name = "vonage",
    .title = "Vonage",
    .carries = "messages of the Messages API and the SMS API, and the statuses of those sent",
    .fields = vonage_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

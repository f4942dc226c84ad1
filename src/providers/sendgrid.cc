#include "providers/sendgrid.h"

#include "base/bytes.h"
#include "crypto/asymmetric.h"

namespace posthorn::providers::sendgrid {
namespace {

constexpr std::string_view signature_name = "X-Twilio-Email-Event-Webhook-Signature";
constexpr std::string_view timestamp_name = "X-Twilio-Email-Event-Webhook-Timestamp";

}  // namespace

std::string problem_of_public_key(std::string_view text) {
  return crypto::is_p256_public_key(text) ? ""
                                          : "takes the verification key that SendGrid shows: "
                                            "base64 of a P-256 public key, or PEM";
}

bool is_signed(Steps& steps, const Settings& settings, const Incoming& request, Instant now) {
  if (!has_secret(steps, settings, "public_key")) return false;
  const auto signature = single_header(steps, request, signature_name);
  if (!signature) return false;
  const auto timestamp = single_header(steps, request, timestamp_name);
  if (!timestamp) return false;
  const auto at = unix_seconds(*timestamp);
  if (!steps.check(at.has_value(), "the timestamp",
                   std::string(timestamp_name) + " is not a number of unix seconds"))
    return false;
  const auto der = from_base64(*signature);
  if (!steps.check(der && !der->empty(), "a signature in base64",
                   std::string(signature_name) + " is not base64"))
    return false;
  bool matches = false;
  for (const auto& key : settings.all("public_key"))
    matches |= crypto::p256_verify(key, *der, {*timestamp, request.body});
  if (!steps.check(matches, "ECDSA P-256 of timestamp and body",
                   "the signature is not one of timestamp and body under the public key: another "
                   "source's key, or the body was changed on the way"))
    return false;
  return is_fresh(steps, *at, now, settings.integer("tolerance_s"));
}

Result<> sign(Sample& made, const Settings& settings, Instant now) {
  if (!settings.has("private_key"))
    return fail(Errc::invalid,
                "only SendGrid has the private key: make a key pair of your own (P-256), set its "
                "public key as public_key and its private key as private_key");
  const std::string timestamp = std::to_string(now.unix_seconds());
  PH_TRY(const auto signature,
         crypto::p256_sign(Secret(settings.text("private_key")), {timestamp, made.body}));
  made.headers.emplace_back(signature_name, to_base64(signature));
  made.headers.emplace_back(timestamp_name, timestamp);
  return {};
}

}  // namespace posthorn::providers::sendgrid

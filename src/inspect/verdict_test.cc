#include "inspect/verdict.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"

using namespace posthorn;
using namespace posthorn::inspect;

namespace {

constexpr std::string_view body = R"({"a":1})";
constexpr Instant now{1'795'000'000'000};

std::vector<env::Header> signed_headers(std::string_view secret, std::string_view key) {
  const std::string timestamp = std::to_string(now.unix_seconds());
  const auto text = "evt_1." + timestamp + "." + std::string(body);
  return {{"X-Webhook-Signature",
           "sha256=" + to_hex(crypto::hmac(crypto::Digest::sha256, secret, body))},
          {"webhook-id", "evt_1"},
          {"webhook-timestamp", timestamp},
          {"webhook-signature",
           "v1,AAAA v1," + to_base64(crypto::hmac(crypto::Digest::sha256, key, text))}};
}

}  // namespace

TEST_CASE("both signatures verify with the secret, and with any of several") {
  const std::string secret = "whsec_" + to_base64("0123456789abcdef");
  const auto headers = signed_headers(secret, "0123456789abcdef");
  Trust trust;
  trust.secrets = {Secret("another"), Secret(secret)};
  const auto verdict = check_signatures(headers, body, trust, now);
  CHECK(verdict.x_webhook_signature == Signature::valid);
  CHECK(verdict.webhook_signature == Signature::valid);
  CHECK(verdict.detail.empty());
}

TEST_CASE("a changed body, a wrong secret, an old or missing header do not verify") {
  Trust trust;
  trust.secrets = {Secret("plain")};
  auto headers = signed_headers("plain", "plain");
  CHECK(check_signatures(headers, body, trust, now).webhook_signature == Signature::valid);
  const auto changed = check_signatures(headers, "{}", trust, now);
  CHECK(changed.x_webhook_signature == Signature::invalid);
  CHECK(changed.webhook_signature == Signature::invalid);
  CHECK_FALSE(changed.detail.empty());
  CHECK(check_signatures(headers, body, trust, now + Millis{6min}).webhook_signature ==
        Signature::invalid);
  headers.push_back(headers.front());
  CHECK(check_signatures(headers, body, trust, now).x_webhook_signature == Signature::missing);
  CHECK(check_signatures({}, body, trust, now).webhook_signature == Signature::missing);
  CHECK(check_signatures({}, body, {}, now).webhook_signature == Signature::not_checked);
}

TEST_CASE("an ed25519 value verifies with the public key alone") {
  const auto pair = crypto::make_ed25519(std::string(32, 'k'));
  const auto timestamp = std::to_string(now.unix_seconds());
  const auto text = "evt_1." + timestamp + "." + std::string(body);
  const std::vector<env::Header> headers{
      {"webhook-id", "evt_1"},
      {"webhook-timestamp", timestamp},
      {"webhook-signature", "v1a," + to_base64(crypto::ed25519_sign(pair.seed, text))}};
  Trust trust;
  trust.public_keys = {pair.public_key};
  CHECK(check_signatures(headers, body, trust, now).webhook_signature == Signature::valid);
  trust.public_keys = {crypto::make_ed25519(std::string(32, 'j')).public_key};
  CHECK(check_signatures(headers, body, trust, now).webhook_signature == Signature::invalid);
}

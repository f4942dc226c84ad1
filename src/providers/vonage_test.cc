#include <doctest/doctest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/jwt.h"
#include "providers/test_call.h"
#include "providers/vonage.h"

namespace posthorn::providers {
namespace {

using List = std::vector<std::string>;
constexpr std::string_view jwt = R"({"signature_secret": "right"})";
constexpr std::string_view sig = R"({"signature_secret": "right", "scheme": "sig"})";

TestCall vonage_call(std::string_view config) {
  const auto& provider = provider_of("vonage");
  return {provider, settings_of(provider, config)};
}

TEST_CASE("Vonage: every sample verifies under every scheme; broken bodies give no event") {
  const auto& provider = provider_of("vonage");
  check_samples(provider, jwt, R"({"signature_secret": "wrong"})", true);
  for (const auto algorithm : {"md5hash", "md5hmac", "sha1hmac", "sha256hmac", "sha512hmac"}) {
    const std::string rest =
        R"(", "scheme": "sig", "algorithm": ")" + std::string(algorithm) + "\"}";
    check_samples(provider, R"({"signature_secret": "right)" + rest,
                  R"({"signature_secret": "wrong)" + rest, true);
  }
  check_broken_bodies(provider, jwt);
  check_broken_bodies(provider, sig);
}

TEST_CASE("Vonage: wrong settings are faults, and without a secret nothing verifies") {
  const auto& provider = provider_of("vonage");
  CHECK(config_faults(provider, R"({"scheme": "none", "algorithm": "md5"})") ==
        List{"/signature_secret required", "/scheme not_allowed", "/algorithm not_allowed"});
  TestCall bare(provider, Settings());
  bare.sent = vonage_call(jwt).sign({}).sent;
  CHECK_FALSE(bare.verify().verified);
}

TEST_CASE("Vonage: an unsigned call is answered 503, a forged one 401") {
  auto call = vonage_call(jwt);
  call.sign({});
  call.sent.headers.clear();
  auto verification = call.verify();
  REQUIRE(verification.refusal.has_value());
  CHECK(verification.refusal->status == 503);
  call.sent.headers = {{"Authorization", "Bearer a.b.c"}};
  verification = call.verify();
  CHECK_FALSE(verification.verified);
  CHECK_FALSE(verification.refusal.has_value());
  auto parameters = vonage_call(sig);
  parameters.sent.body = "messageId=1&msisdn=2";
  verification = parameters.verify();
  REQUIRE(verification.refusal.has_value());
  CHECK(verification.refusal->status == 503);
}

/// Whether a token with these claims, over this body, passes.
bool passes(json::object claims, std::string_view config = jwt, std::string_view body = "{}",
            std::string_view scheme = "Bearer ") {
  auto call = vonage_call(config);
  call.sent.body = body;
  if (!claims.contains("payload_hash") && !body.empty())
    claims["payload_hash"] = to_hex(crypto::sha256(body));
  call.sent.headers = {
      {"authorization", std::string(scheme) + make_jwt(JwtAlgorithm::hs256, claims, "right")}};
  return call.verify().verified;
}

TEST_CASE("Vonage: the token's age, body and API key are checked") {
  const std::int64_t now = test_now.unix_seconds();
  CHECK(passes({}));
  CHECK(passes({}, jwt, ""));
  CHECK(passes({}, jwt, "{}", "bearer  "));
  CHECK_FALSE(passes({}, jwt, "{}", "Bearer"));
  CHECK_FALSE(passes({}, jwt, "{}", "Token "));
  CHECK(passes({{"iat", now - 300}}));
  CHECK_FALSE(passes({{"iat", now - 301}}));
  CHECK_FALSE(passes({{"iat", now + 301}}));
  CHECK_FALSE(passes({{"iat", "now"}}));
  CHECK_FALSE(passes({{"iat", -1e300}}));
  CHECK_FALSE(passes({{"payload_hash", to_hex(crypto::sha256("{ }"))}}));
  CHECK_FALSE(passes({{"payload_hash", 5}}));
  CHECK_FALSE(passes({{"payload_hash", to_hex(crypto::sha256("{}"))}}, jwt, ""));
  constexpr std::string_view keyed = R"({"signature_secret": "right", "api_key": "abc"})";
  CHECK(passes({{"api_key", "abc"}}, keyed));
  CHECK_FALSE(passes({{"api_key", "abd"}}, keyed));
}

TEST_CASE("Vonage: sig covers every parameter, of a query, a form or JSON") {
  auto call = vonage_call(sig);
  const auto signature_of = [](std::string_view form) {
    return to_hex(vonage_api::sms_signature("md5hash", "right", *text::parse_form(form)));
  };
  const std::string form = "msisdn=2&messageId=1&client-ref=a%26b%3Dc";
  CHECK(signature_of(form) == signature_of("messageId=1&client-ref=a_b_c&msisdn=2&sig=x"));
  call.sent.headers = {{"Content-Type", "application/json"}};
  call.sent.body =
      R"({"msisdn":2,"messageId":"1","client-ref":"a&b=c","sig":")" + signature_of(form) + "\"}";
  CHECK(call.verify().verified);
  CHECK(call.parse().events.size() == 1);
  call.sent.body.insert(1, R"("more":{},)");
  CHECK_FALSE(call.verify().verified);
  call.sent.headers.clear();
  call.sent.body = form + "&sig=" + signature_of(form);
  CHECK(call.verify().verified);
  call.sent.body += "&msisdn=3";
  CHECK_FALSE(call.verify().verified);
  call.sent.method = "GET";
  call.sent.url = "https://h.test/in/a?" + form + "&sig=" + signature_of(form);
  CHECK(call.verify().verified);
}

TEST_CASE("Vonage: words, errors and faults of both APIs") {
  const auto parsed_of = [](std::string_view body) { return vonage_call(jwt).sign(body).parse(); };
  auto parsed = parsed_of(R"({"message_uuid":"a","status":"expired"})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("status") == "undelivered");
  parsed = parsed_of(R"({"message_uuid":"a","status":"new word"})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("status").is_null());
  parsed = parsed_of(R"({"message_uuid":"a","message_type":"button","from":{"number":"1"},
                         "button":{"payload":"p","text":"Yes"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("text") == "Yes");
  CHECK(parsed.events[0].fields.at("payload") == "p");
  CHECK(parsed.events[0].fields.at("from") == "1");
  CHECK(faults_of(parsed_of(R"({"status":"sent","timestamp":"soon"})")) ==
        List{"/message_uuid required", "/timestamp format"});
  CHECK(faults_of(parsed_of(R"({"message_uuid":"a","message_type":"text","text":5})")) ==
        List{"/from required", "/text type"});
  const auto sms = [](std::string_view body) { return vonage_call(sig).sign(body).parse(); };
  CHECK(faults_of(sms("msisdn=1&concat=true&concat-part=x")) ==
        List{"/messageId required", "/concat-ref required", "/concat-part type",
             "/concat-total required"});
}

}  // namespace
}  // namespace posthorn::providers

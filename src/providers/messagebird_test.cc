#include <doctest/doctest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/jwt.h"
#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

using List = std::vector<std::string>;
constexpr std::string_view jwt = R"({"signing_key": "right"})";
constexpr std::string_view hmac = R"({"signing_key": "right", "scheme": "hmac"})";

TestCall messagebird_call(std::string_view config) {
  const auto& provider = provider_of("messagebird");
  return {provider, settings_of(provider, config)};
}

TEST_CASE("MessageBird: every sample verifies under either scheme, and no changed one does") {
  const auto& provider = provider_of("messagebird");
  check_samples(provider, jwt, R"({"signing_key": "wrong"})", false);
  check_samples(provider, hmac, R"({"signing_key": "wrong", "scheme": "hmac"})", false);
  for (const auto config : {jwt, hmac}) {
    for (const auto event : provider.samples) {
      auto call = messagebird_call(config);
      call.sign({}, event);
      auto longer = call;
      longer.sent.body += " ";
      CHECK_FALSE(longer.verify().verified);
      call.sent.url += call.sent.url.contains('?') ? "&x=1" : "?x=1";
      CHECK_FALSE(call.verify().verified);
    }
    check_broken_bodies(provider, config);
  }
}

TEST_CASE("MessageBird: wrong settings are faults, and without a key nothing verifies") {
  const auto& provider = provider_of("messagebird");
  CHECK(config_faults(provider, R"({"scheme": "bird"})") ==
        List{"/signing_key required", "/scheme not_allowed"});
  TestCall bare(provider, Settings());
  bare.sent = messagebird_call(jwt).sign({}).sent;
  CHECK_FALSE(bare.verify().verified);
}

/// The verification of a token whose claims are right but for these.
Verification verification_of(const json::object& changed, std::string_view body = "{}") {
  auto call = messagebird_call(jwt);
  call.sent.url = "https://h.test/in/a?b=c";
  call.sent.body = body;
  json::object claims{
      {"iss", "MessageBird"}, {"jti", "one"}, {"url_hash", to_hex(crypto::sha256(call.sent.url))}};
  if (!body.empty()) claims["payload_hash"] = to_hex(crypto::sha256(body));
  for (const auto& member : changed) claims[member.key()] = member.value();
  call.sent.headers = {
      {"messagebird-signature-jwt", make_jwt(JwtAlgorithm::hs384, claims, "right")}};
  return call.verify();
}

TEST_CASE("MessageBird: each claim is needed, and the token is remembered while it could pass") {
  CHECK(verification_of({}).verified);
  CHECK(verification_of({}, "").verified);
  CHECK(verification_of({{"payload_hash", to_hex(crypto::sha256(""))}}, "").verified);
  for (const auto* const name : {"iss", "jti", "url_hash", "payload_hash"}) {
    CAPTURE(name);
    CHECK_FALSE(verification_of({{name, ""}}).verified);
    CHECK_FALSE(verification_of({{name, nullptr}}).verified);
    CHECK_FALSE(verification_of({{name, 5}}).verified);
  }
  CHECK_FALSE(verification_of({{"iss", "messagebird"}}).verified);
  const std::int64_t now = test_now.unix_seconds();
  const auto verification = verification_of({{"exp", now + 60}});
  REQUIRE(verification.tokens.size() == 1);
  CHECK(verification.tokens[0].text == "one");
  CHECK(verification.tokens[0].until == test_now + 65s);
  CHECK(verification_of({{"exp", 1e300}}).tokens[0].until > test_now + 24h);
}

TEST_CASE("MessageBird: the older signature takes the query in any order and spelling") {
  const auto passes = [](const std::string& query, const std::string& signed_query,
                         std::int64_t age) {
    auto call = messagebird_call(hmac);
    const auto timestamp = std::to_string(test_now.unix_seconds() - age);
    call.sent.method = "GET";
    call.sent.url = "https://h.test/in/a?" + query;
    call.sent.headers = {
        {"MessageBird-Request-Timestamp", timestamp},
        {"MessageBird-Signature",
         to_base64(crypto::hmac(crypto::Digest::sha256, "right",
                                timestamp + "\n" + signed_query + "\n" + crypto::sha256("")))}};
    return call.verify().verified;
  };
  CHECK(passes("b=x+y&a=1", "a=1&b=x%20y", 0));
  CHECK(passes("b=x%20y&a=1", "a=1&b=x+y", 0));
  CHECK(passes("b=x%2ay&a=1", "a=1&b=x%2ay", 0));
  CHECK(passes("statusDatetime=2026-11-21T06:59:30+00:00",
               "statusDatetime=2026-11-21T06%3A59%3A30%2B00%3A00", 0));
  CHECK_FALSE(passes("b=2&a=1", "b=2&a=1", 0));
  CHECK(passes("a=1", "a=1", 99));
  CHECK_FALSE(passes("a=1", "a=1", 100));
}

TEST_CASE("MessageBird: unknown kinds and words are kept, missing fields are faults") {
  const auto parsed_of = [](std::string_view body) {
    return messagebird_call(jwt).sign(body).parse();
  };
  auto parsed = parsed_of(R"({"type":"conversation.created","conversation":{"id":"a"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].type == "generic");
  CHECK(parsed.events[0].provider_event == "conversation.created");
  CHECK(parsed.key_is_digest);
  parsed = parsed_of(R"({"type":"message.updated","message":{"id":"a","direction":"sent",
                         "status":"unheard of"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("status").is_null());
  CHECK(parsed.idempotency_key == "a:unheard of");
  CHECK(faults_of(parsed_of(R"({"type":"message.created"})")) == List{"/message required"});
  CHECK(faults_of(parsed_of(R"({"type":"message.created","message":{"direction":"up"}})")) ==
        List{"/message/id required", "/message/status required", "/message/direction not_allowed"});
  auto status = messagebird_call(jwt);
  status.sent = {.method = "GET", .url = "https://h.test/in/a?id=1&statusDatetime=soon"};
  CHECK(faults_of(status.parse()) ==
        List{"/recipient required", "/status required", "/statusDatetime format"});
}

}  // namespace
}  // namespace posthorn::providers

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

using List = std::vector<std::string>;
constexpr std::string_view v2 = R"({"auth_token": "right", "scheme": "v2"})";
constexpr std::string_view v3 = R"({"auth_token": "right", "scheme": "v3"})";

TestCall plivo_call(std::string_view config) {
  const auto& provider = provider_of("plivo");
  return {provider, settings_of(provider, config)};
}

TEST_CASE("Plivo: every sample verifies under either scheme; broken bodies give no event") {
  const auto& provider = provider_of("plivo");
  check_samples(provider, v2, R"({"auth_token": "wrong"})", false);
  check_samples(provider, v3, R"({"auth_token": "wrong", "scheme": "v3"})", true);
  check_broken_bodies(provider, v2);
  check_broken_bodies(provider, v3);
}

TEST_CASE("Plivo: wrong settings are faults, and without a token nothing verifies") {
  const auto& provider = provider_of("plivo");
  CHECK(config_faults(provider, "{}") == List{"/auth_token required"});
  CHECK(config_faults(provider, R"({"auth_token": "a", "scheme": "v1"})") ==
        List{"/scheme not_allowed"});
  TestCall bare(provider, Settings());
  bare.sent = plivo_call(v2).sign("MessageUUID=1&From=2").sent;
  CHECK_FALSE(bare.verify().verified);
}

TEST_CASE("Plivo: the scheme that is set decides, whatever the call brings") {
  auto call = plivo_call(v3);
  call.sent = plivo_call(v2).sign("MessageUUID=1&From=2").sent;
  CHECK_FALSE(call.verify().verified);
  auto other = plivo_call(v2);
  other.sent = plivo_call(v3).sign("MessageUUID=1&From=2").sent;
  CHECK_FALSE(other.verify().verified);
}

TEST_CASE("Plivo: a nonce is remembered, and must be there once and not be empty") {
  auto call = plivo_call(v3);
  call.sign("MessageUUID=1&From=2");
  const auto verification = call.verify();
  REQUIRE(verification.verified);
  REQUIRE(verification.tokens.size() == 1);
  CHECK(verification.tokens[0].text == "v3:0123456789abcdef");
  CHECK(verification.tokens[0].until > test_now + 24h);
  auto twice = call;
  twice.sent.headers.push_back({"x-plivo-signature-v3-nonce", "0123456789abcdef"});
  CHECK_FALSE(twice.verify().verified);
  for (auto& header : call.sent.headers)
    if (header.first.ends_with("Nonce")) header.second.clear();
  CHECK_FALSE(call.verify().verified);
}

/// A call whose signed text under V3 is given in full.
bool passes_v3(std::string_view method, const std::string& url, const std::string& body,
               const std::string& text) {
  auto call = plivo_call(v3);
  call.sent = {.method = std::string(method), .url = url, .headers = {}, .body = body};
  call.sent.headers = {
      {"X-Plivo-Signature-V3-Nonce", "n"},
      {"X-Plivo-Signature-V3",
       to_base64(crypto::hmac(crypto::Digest::sha256, "right", text + ".n")) + ", AAAA"}};
  return call.verify().verified;
}

TEST_CASE("Plivo: V3 signs address, sorted query and sorted fields, each in its place") {
  CHECK(passes_v3("GET", "https://h/a", "", "https://h/a"));
  CHECK(
      passes_v3("GET", "https://u:p@h:8443/a?b=2&a=x+y&b=1", "", "https://h:8443/a?a=x y&b=1&b=2"));
  CHECK(passes_v3("POST", "https://h/a", "", "https://h/a"));
  CHECK(passes_v3("POST", "https://h/a", "b=2&a=1&a=0", "https://h/a?a0a1b2"));
  CHECK(passes_v3("POST", "https://h/a?q=1", "", "https://h/a?q=1"));
  CHECK(passes_v3("POST", "https://h/a?q=1", "b=2", "https://h/a?q=1.b2"));
  CHECK(passes_v3("POST", "https://[::1]:1/a", "b=", "https://[::1]:1/a?b"));
  CHECK_FALSE(passes_v3("GET", "https://h/a", "b=2", "https://h/a"));
  CHECK_FALSE(passes_v3("POST", "https://h/a", "b=2", "https://h/a"));
}

TEST_CASE("Plivo: words, times, media and faults of the form") {
  const auto parsed_of = [](std::string_view body) { return plivo_call(v2).sign(body).parse(); };
  auto parsed =
      parsed_of("MessageUUID=1&Status=rejected&Sequence=2&SentTime=2026-11-21+06:59:01.9");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("status") == "failed");
  CHECK(parsed.events[0].fields.at("timestamp") == 1'795'244'341);
  CHECK(parsed.idempotency_key == "1:rejected");
  parsed = parsed_of("MessageUUID=1&From=2&Body=b&Media1=https://m/1&Media2=https://m/2");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("media").as_array().size() == 2);
  CHECK(faults_of(parsed_of("Status=sent&Sequence=x&SentTime=soon")) ==
        List{"/MessageUUID required", "/SentTime format", "/Sequence type"});
  CHECK(faults_of(parsed_of("Text=a")) == List{"/MessageUUID required", "/From required"});
}

}  // namespace
}  // namespace posthorn::providers

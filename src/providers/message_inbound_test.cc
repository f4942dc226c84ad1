#include <doctest/doctest.h>

#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view config = R"({"secret": "fake-secret-of-messages"})";

Parsed parsed_of(std::string_view body) {
  const auto& provider = provider_of("message_inbound");
  return TestCall(provider, settings_of(provider, config)).sign(body).parse();
}

TEST_CASE("message_inbound: every sample verifies, differs, and breaks with one byte") {
  const auto& provider = provider_of("message_inbound");
  check_samples(provider, config, R"({"secret": "fake-other-secret"})", true);
  check_samples(provider, R"({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "require_timestamp": true})",
                config, true);
  check_broken_bodies(provider, config);
  CHECK(provider.reply({}, {}).status == 202);
}

TEST_CASE("message_inbound: the body's signature alone passes unless a timestamp is required") {
  const auto& provider = provider_of("message_inbound");
  TestCall call(provider, settings_of(provider, config));
  call.sign("{}");
  call.sent.headers.resize(2);
  CHECK(call.verify().verified);
  TestCall strict(provider, settings_of(provider, R"({"secret": "fake-secret-of-messages",
      "require_timestamp": true})"));
  strict.sent = call.sent;
  CHECK_FALSE(strict.verify().verified);
  CHECK(strict.verify().reason.find("webhook-id") != std::string::npos);
}

TEST_CASE("message_inbound: settings that cannot serve are faults") {
  const auto& provider = provider_of("message_inbound");
  using List = std::vector<std::string>;
  CHECK(config_faults(provider, "{}") == List{"/secret required"});
  CHECK(config_faults(provider, R"({"secret": "whsec_***"})") == List{"/secret format"});
  CHECK(config_faults(provider, R"({"secret": "x", "tolerance_s": 0})") ==
        List{"/tolerance_s out_of_range"});
}

TEST_CASE("message_inbound: what is missing or wrong is a fault, with its place") {
  const auto faults = [](std::string_view body) {
    const auto parsed = parsed_of(body);
    CHECK(parsed.events.empty());
    return faults_of(parsed);
  };
  using List = std::vector<std::string>;
  CHECK(faults(R"({"id":7,"kind":"message","from":"a","text":"x"})") == List{"/id type"});
  CHECK(faults("{\"id\":\"" + std::string(257, 'i') + R"(","kind":"order"})") ==
        List{"/id too_long"});
  CHECK(faults(R"({"id":"1","kind":"Order"})") == List{"/kind format"});
  CHECK(faults(R"({"id":"1","kind":"message"})") == List{"/from required", "/text required"});
  CHECK(faults(R"({"id":"1","kind":"message","from":{"name":"A"},"text":"x"})") ==
        List{"/from/id required"});
  CHECK(faults(R"({"id":"1","kind":"message","from":5,"text":"x"})") == List{"/from type"});
  CHECK(faults(R"({"id":"1","kind":"status"})") == List{"/reference required", "/status required"});
  CHECK(faults(R"({"id":"1","kind":"order","timestamp":"2026-11-21 06:00:00"})") ==
        List{"/timestamp format"});
  CHECK(
      faults(
          R"({"id":"1","kind":"message","from":"a","media":[{},{"url":"file:///etc/passwd"}]})") ==
      List{"/media/0/url required", "/media/1/url format"});
  CHECK(faults(R"({"id":"1","kind":"order","metadata":[1]})") == List{"/metadata type"});
  CHECK(faults(R"([[]])") == List{"/0 type"});
}

TEST_CASE("message_inbound: 500 items are taken, 501 are not") {
  const auto list = [](int count) {
    std::string body = "[";
    for (int i = 0; i < count; ++i)
      body +=
          std::string(i == 0 ? "" : ",") + R"({"kind":"order","id":"o)" + std::to_string(i) + "\"}";
    return body + "]";
  };
  CHECK(parsed_of(list(500)).events.size() == 500);
  const auto refused = parsed_of(list(501));
  CHECK(refused.events.empty());
  CHECK(faults_of(refused) == std::vector<std::string>{" too_many"});
}

}  // namespace
}  // namespace posthorn::providers

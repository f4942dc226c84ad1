#pragma once
// For tests: settings from a text, and signed requests that can be played and bent.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/provider.h"
#include "text/json_payload.h"

namespace posthorn::providers {

inline constexpr Instant test_now{1'795'244'400'000};

inline const Provider& provider_of(std::string_view name) {
  const auto* provider = find_provider(name);
  REQUIRE(provider != nullptr);
  return *provider;
}

/// The faults of a config, as "pointer code".
inline std::vector<std::string> config_faults(const Provider& provider, std::string_view config) {
  model::Faults faults;
  read_settings(provider, text::parse_payload(config)->as_object(), faults);
  std::vector<std::string> found;
  for (const auto& fault : faults.all()) found.push_back(fault.pointer + " " + fault.code);
  return found;
}

inline Settings settings_of(const Provider& provider, std::string_view config) {
  model::Faults faults;
  auto settings = read_settings(provider, text::parse_payload(config)->as_object(), faults);
  REQUIRE_MESSAGE(faults.empty(), faults.summary());
  return settings;
}

/// One call to one source.
class TestCall {
 public:
  TestCall(const Provider& provider, Settings settings)
      : provider_(provider), settings_(std::move(settings)) {}

  /// Signs the body as the provider would; empty: the sample of that name.
  TestCall& sign(std::string_view body, std::string_view event = {},
                 std::string_view unique = "0123456789abcdef") {
    auto sample = provider_.sample(settings_, {.url = "https://hooks.example.test/in/abc",
                                               .event = event,
                                               .unique = unique,
                                               .now = test_now,
                                               .body = body});
    REQUIRE_MESSAGE(sample.has_value(), sample.error().what);
    sent = *std::move(sample);
    return *this;
  }

  [[nodiscard]] Incoming incoming() {
    views_.assign(sent.headers.begin(), sent.headers.end());
    return {.method = sent.method, .url = sent.url, .headers = views_, .body = sent.body};
  }

  [[nodiscard]] Verification verify() { return provider_.verify(settings_, incoming(), test_now); }
  [[nodiscard]] Parsed parse() { return provider_.parse(settings_, incoming()); }
  [[nodiscard]] std::optional<Reply> challenge() {
    return provider_.challenge(settings_, incoming());
  }

  Sample sent;

 private:
  const Provider& provider_;
  Settings settings_;
  std::vector<std::pair<std::string_view, std::string_view>> views_;
};

/// The faults as "pointer code".
inline std::vector<std::string> faults_of(const Parsed& parsed) {
  std::vector<std::string> found;
  for (const auto& fault : parsed.faults) found.push_back(fault.pointer + " " + fault.code);
  return found;
}

/// Every sample verifies and gives events that differ from call to call; one byte that is not as it
/// was signed (a secret of another source, where nothing covers the body) is refused.
inline void check_samples(const Provider& provider, std::string_view config,
                          std::string_view other_config, bool signs_body) {
  const auto settings = settings_of(provider, config);
  for (const auto event : provider.samples) {
    CAPTURE(event);
    TestCall call(provider, settings);
    call.sign({}, event);
    const auto verification = call.verify();
    CHECK_MESSAGE(verification.verified, verification.reason);
    const auto parsed = call.parse();
    CHECK(faults_of(parsed).empty());
    REQUIRE_FALSE(parsed.events.empty());
    const auto again = TestCall(provider, settings).sign({}, event, "fedcba9876543210").parse();
    REQUIRE(again.events.size() == parsed.events.size());
    CHECK(again.events.front().idempotency_key != parsed.events.front().idempotency_key);
    TestCall other(provider, settings_of(provider, other_config));
    other.sent = call.sent;
    CHECK_FALSE(other.verify().verified);
    if (!signs_body) continue;
    call.sent.body[call.sent.body.size() / 2] ^= 1;
    CHECK_FALSE(call.verify().verified);
  }
  CHECK_FALSE(provider.sample(settings, {.url = "", .event = "no such", .unique = "0", .now = {}})
                  .has_value());
}

/// Bodies that verify and cannot be used: never an event, always a word on why.
inline void check_broken_bodies(const Provider& provider, std::string_view config) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{\"entry\":[";
  const std::vector<std::string> bodies{"",
                                        " ",
                                        "{",
                                        "nul",
                                        "null",
                                        "\"text\"",
                                        "12",
                                        "[]x",
                                        "{}",
                                        "\xff\xfe{}",
                                        "{\"a\":\"\xc3\"}",
                                        deep,
                                        std::string(3, '\0'),
                                        "{\"entry\":[}",
                                        "{\"update_id\":{}}",
                                        "{\"object\":5,\"entry\":5}",
                                        "{\"type\":\"message\"}",
                                        "{\"id\":[],\"kind\":{},\"payload\":1}"};
  for (const auto& body : bodies) {
    CAPTURE(body.substr(0, 60));
    if (body.empty()) {
      // sign() takes an empty body for none: the tests of the payload come before any signature.
      TestCall call(provider, settings_of(provider, config));
      const auto parsed = call.parse();
      CHECK(parsed.events.empty());
      CHECK_FALSE(parsed.unreadable.empty());
      continue;
    }
    TestCall call(provider, settings_of(provider, config));
    call.sign(body);
    CHECK(call.verify().verified);
    const auto parsed = call.parse();
    CHECK(parsed.events.empty());
    CHECK_FALSE(parsed.idempotency_key.has_value());
    const bool says_why = !parsed.unreadable.empty() || !parsed.faults.empty();
    CHECK(says_why);
  }
}

}  // namespace posthorn::providers

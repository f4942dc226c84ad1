// Every sample of every provider: signed so that its own verify() takes it, read by its own parse()
// without a fault, a new event each time, and refused as soon as what is signed is changed.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "providers/provider.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr Instant now{1'760'000'000'000};

/// Settings for what the cases do not show, or not with all that signing needs.
const std::map<std::string_view, std::string_view> own_configs{
    {"generic_token", R"({"token": "a token of some length"})"},
    {"open", "{}"},
};

/// Only the sender has the private key: sample() refuses and says so.
const std::set<std::string_view> cannot_sign{"sendgrid_events", "ses_sns"};

/// A secret proves who sends, but the body is not covered by it, or not under the settings of the
/// first case (Plivo's V2).
const std::set<std::string_view> body_is_not_signed{
    "generic_token", "gupshup",          "mailgun",  "open",    "plivo",
    "postmark",      "sendgrid_inbound", "telegram", "web_form"};

json::value read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  auto read = text::parse_payload(bytes);
  REQUIRE(read.has_value());
  return *std::move(read);
}

/// The config of the provider's first case that verifies.
json::object config_of(const Provider& provider) {
  if (const auto own = own_configs.find(provider.name); own != own_configs.end())
    return text::parse_payload(own->second)->as_object();
  for (const auto root : {"tests/cases/providers", "tests/own_cases/providers"}) {
    const auto folder = std::filesystem::path(POSTHORN_SOURCE_DIR) / root / provider.name;
    if (!std::filesystem::exists(folder)) continue;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      paths.push_back(entry.path());
    std::ranges::sort(paths);
    for (const auto& path : paths) {
      const auto given = read_file(path);
      if (given.at("expect").at("verified").as_bool()) return given.at("secret").as_object();
    }
  }
  FAIL("no case of " << provider.name << " verifies");
  return {};
}

Settings settings_of(const Provider& provider) {
  model::Faults faults;
  auto settings = read_settings(provider, config_of(provider), faults, "", true);
  REQUIRE_MESSAGE(faults.empty(), provider.name << ": " << faults.summary());
  return settings;
}

/// A sample with the views that Incoming needs.
struct Sent {
  Sample sample;
  std::vector<std::pair<std::string_view, std::string_view>> views = {};

  [[nodiscard]] Incoming incoming() {
    views.assign(sample.headers.begin(), sample.headers.end());
    return {.method = sample.method, .url = sample.url, .headers = views, .body = sample.body};
  }
};

Sent make(const Provider& provider, const Settings& settings, std::string_view event,
          std::string_view unique) {
  auto made = make_sample(
      provider, settings,
      {.url = "https://hooks.example.com/in/abc", .event = event, .unique = unique, .now = now});
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return {*std::move(made)};
}

/// The keys of all that a sample makes; empty for a handshake.
std::set<std::string> keys_of(const Provider& provider, const Settings& settings, Sent sent) {
  const auto request = sent.incoming();
  const auto verification = provider.verify(settings, request, now);
  REQUIRE_MESSAGE(verification.verified, verification.reason);
  for (const auto& step : verification.steps) CHECK_MESSAGE(step.passed, step.what);
  if (provider.challenge != nullptr && provider.challenge(settings, request)) return {};
  const auto parsed = provider.parse(settings, request);
  CHECK(parsed.unreadable == "");
  for (const auto& fault : parsed.faults) FAIL_CHECK(fault.pointer << ": " << fault.detail);
  CHECK((!parsed.events.empty() || parsed.action.has_value()));
  std::set<std::string> keys;
  if (parsed.idempotency_key) keys.insert(*parsed.idempotency_key);
  for (const auto& event : parsed.events) {
    CHECK(event_name(provider, event).starts_with(std::string(provider.name) + "."));
    if (!event.idempotency_key.empty()) keys.insert(event.idempotency_key);
  }
  CHECK(!keys.empty());
  return keys;
}

template <class Check>
void for_each_signing_provider(Check check) {
  std::size_t signing = 0;
  for (const auto* provider : registry()) {
    if (cannot_sign.contains(provider->name)) continue;
    CAPTURE(provider->name);
    const auto settings = settings_of(*provider);
    check(*provider, settings);
    ++signing;
  }
  CHECK(signing + cannot_sign.size() >= registry().size());
}

TEST_CASE("every sample verifies, parses without a fault, and is a new event each time") {
  for_each_signing_provider([](const Provider& provider, const Settings& settings) {
    CHECK(!provider.samples.empty());
    for (const auto event : provider.samples) {
      CAPTURE(event);
      const auto first =
          keys_of(provider, settings, make(provider, settings, event, "0123456789abcdef"));
      const auto second =
          keys_of(provider, settings, make(provider, settings, event, "fedcba9876543210"));
      for (const auto& key : second) CHECK_MESSAGE(!first.contains(key), key);
    }
  });
}

TEST_CASE("a flipped bit in the body of a sample does not verify where the body is signed") {
  for_each_signing_provider([](const Provider& provider, const Settings& settings) {
    if (body_is_not_signed.contains(provider.name)) return;
    const auto whole = make(provider, settings, provider.samples.front(), "0123456789abcdef");
    const std::size_t step = std::max<std::size_t>(1, whole.sample.body.size() / 40);
    for (std::size_t at = 0; at < whole.sample.body.size(); at += step) {
      auto sent = whole;
      sent.sample.body[at] = static_cast<char>(sent.sample.body[at] ^ 1);
      CHECK_MESSAGE(!provider.verify(settings, sent.incoming(), now).verified, "byte " << at);
    }
  });
}

TEST_CASE(
    "a sample proves who sends it: without one of its headers, or with an empty body, it does "
    "not verify") {
  for_each_signing_provider([](const Provider& provider, const Settings& settings) {
    if (provider.unverified) return;
    const auto whole = make(provider, settings, provider.samples.front(), "0123456789abcdef");
    bool refused = false;
    for (std::size_t i = 0; i < whole.sample.headers.size(); ++i) {
      auto sent = whole;
      sent.sample.headers.erase(sent.sample.headers.begin() + static_cast<std::ptrdiff_t>(i));
      refused |= !provider.verify(settings, sent.incoming(), now).verified;
    }
    auto sent = whole;
    sent.sample.body.clear();
    refused |= !provider.verify(settings, sent.incoming(), now).verified;
    CHECK(refused);
  });
}

TEST_CASE("without settings nothing verifies: fail closed") {
  for (const auto* provider : registry()) {
    if (provider->unverified || cannot_sign.contains(provider->name)) continue;
    CAPTURE(provider->name);
    auto sent =
        make(*provider, settings_of(*provider), provider->samples.front(), "0123456789abcdef");
    const auto verification = provider->verify(Settings(), sent.incoming(), now);
    CHECK_FALSE(verification.verified);
    CHECK(!verification.reason.empty());
  }
}

TEST_CASE("a provider that cannot sign says what it needs") {
  for (const auto name : cannot_sign) {
    const auto* provider = find_provider(name);
    if (provider == nullptr) continue;
    CAPTURE(name);
    const auto made = make_sample(*provider, settings_of(*provider),
                                  {.url = "https://hooks.example.com/in/abc",
                                   .event = "",
                                   .unique = "0123456789abcdef",
                                   .now = now});
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid);
    CHECK(made.error().what.contains("private"));
  }
}

TEST_CASE("an unknown event is refused with those that there are; the first is the default") {
  const auto* github = find_provider("github");
  REQUIRE(github != nullptr);
  const auto settings = settings_of(*github);
  const auto none = make_sample(
      *github, settings, {.url = "https://x.example", .event = "issue", .unique = "1", .now = now});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().what.contains("issues.opened"));
  const auto first = make_sample(
      *github, settings, {.url = "https://x.example", .event = "", .unique = "1", .now = now});
  REQUIRE(first.has_value());
  CHECK(first->body.contains("Crash on save"));
  const auto own = make_sample(*github, settings,
                               {.url = "https://x.example",
                                .event = "deployment.created",
                                .unique = "1",
                                .now = now,
                                .body = "{}"});
  REQUIRE(own.has_value());
  CHECK(own->body == "{}");
}

TEST_CASE("every provider says what it is, and its instructions name the address") {
  for (const auto* provider : registry()) {
    CAPTURE(provider->name);
    CHECK(!provider->title.empty());
    CHECK(!provider->carries.empty());
    CHECK(provider->instructions.contains("{url}"));
    for (const auto& field : provider->fields) CHECK_MESSAGE(!field.help.empty(), field.name);
    CHECK((provider->verify != nullptr));
    CHECK((provider->parse != nullptr));
    CHECK((provider->sample != nullptr));
  }
  CHECK(std::ranges::is_sorted(registry(), {}, [](const Provider* one) { return one->name; }));
}

}  // namespace
}  // namespace posthorn::providers

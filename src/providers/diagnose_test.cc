// Each usual mistake, made with real samples of several providers: the diagnosis names it.

#include "providers/diagnose.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

using namespace std::chrono_literals;

constexpr Instant now{1'760'000'000'000};

constexpr std::string_view stripe_config = R"({"signing_secret": "whsec_abcdefghijklmnop0001"})";
constexpr std::string_view github_config = R"({"secret": "a secret for github"})";
constexpr std::string_view webhook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

Settings settings_of(std::string_view name, std::string_view config) {
  model::Faults faults;
  auto settings =
      read_settings(*find_provider(name), text::parse_payload(config)->as_object(), faults);
  REQUIRE_MESSAGE(faults.empty(), faults.summary());
  return settings;
}

/// A sample as it was sent, and as it arrived.
struct Sent {
  const Provider& provider;
  Sample sample;

  [[nodiscard]] std::vector<LikelyMistake> diagnosed(const Settings& settings,
                                                     std::span<const Candidate> candidates = {},
                                                     Instant at = now) const {
    const std::vector<std::pair<std::string_view, std::string_view>> headers(sample.headers.begin(),
                                                                             sample.headers.end());
    return diagnose(
        provider, settings,
        {.method = sample.method, .url = sample.url, .headers = headers, .body = sample.body}, at,
        candidates);
  }
};

Sent sent(std::string_view name, const Settings& settings, std::string_view body = {}) {
  const auto& provider = *find_provider(name);
  auto made = make_sample(provider, settings,
                          {.url = "https://hooks.example.com/in/abc",
                           .event = "",
                           .unique = "0123456789abcdef",
                           .now = now,
                           .body = body});
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return {provider, *std::move(made)};
}

/// The sentence of that code; empty when it was not found.
std::string sentence(const std::vector<LikelyMistake>& mistakes, std::string_view code) {
  const auto found = std::ranges::find(mistakes, code, &LikelyMistake::code);
  return found == mistakes.end() ? "" : found->sentence;
}

TEST_CASE("what verifies, and what nothing explains, has no mistake") {
  const auto settings = settings_of("stripe", stripe_config);
  CHECK(sent("stripe", settings).diagnosed(settings).empty());
  const auto other = settings_of("stripe", R"({"signing_secret": "whsec_zyxwvutsrqponml0002"})");
  CHECK(sent("stripe", settings).diagnosed(other).empty());
}

TEST_CASE("the secret of another source, and the mode that the request says") {
  const auto right = settings_of("stripe", stripe_config);
  const auto wrong = settings_of("stripe", R"({"signing_secret": "whsec_live0002live0002"})");
  const std::vector<Candidate> candidates{
      {Candidate::Kind::other_source, "Stripe live", wrong},
      {Candidate::Kind::other_source, "Stripe test", right},
  };
  const auto found =
      sentence(sent("stripe", right).diagnosed(wrong, candidates), "secret_of_other_source");
  CHECK(found.contains("\"Stripe test\""));
  CHECK(found.contains("test mode"));
  CHECK(sentence(sent("github", settings_of("github", github_config))
                     .diagnosed(settings_of("github", R"({"secret": "x1"})"),
                                std::vector<Candidate>{{Candidate::Kind::other_source, "Repo 2",
                                                        settings_of("github", github_config)}}),
                 "secret_of_other_source")
            .contains("Repo 2"));
}

TEST_CASE("the old secret after a rotation") {
  const auto old = settings_of("slack", R"({"signing_secret": "slack-secret-0001"})");
  const auto current = settings_of("slack", R"({"signing_secret": "slack-secret-0002"})");
  const std::vector<Candidate> candidates{
      {Candidate::Kind::old_secret, "2026-11-01T00:00:00.000Z", old}};
  CHECK(sentence(sent("slack", old).diagnosed(current, candidates), "old_secret")
            .contains("2026-11-01"));
}

TEST_CASE("a clock that is off, in headers and in the body") {
  for (const auto& [name, config] :
       {std::pair{"stripe", stripe_config},
        {"slack", std::string_view(R"({"signing_secret": "slack-secret-0001"})")},
        {"linear", std::string_view(R"({"signing_secret": "lin_wh_0001"})")},
        {"standard_webhooks",
         std::string_view(R"({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})")}}) {
    CAPTURE(name);
    const auto settings = settings_of(name, config);
    const auto request = sent(name, settings);
    CHECK(sentence(request.diagnosed(settings, {}, now + 2h), "clock").contains("2 h old"));
    CHECK(sentence(request.diagnosed(settings, {}, now - 20min), "clock").contains("20 min ahead"));
  }
}

TEST_CASE("a secret with white space, quotes or a line end") {
  const auto right = settings_of("github", github_config);
  const auto request = sent("github", right);
  for (const auto secret :
       {" a secret for github", "a secret for github\n", "\"a secret for github\""})
    CHECK(sentence(request.diagnosed(right.with("secret", {secret})), "secret_space")
              .contains("set it again"));
  CHECK(sentence(sent("github", right.with("secret", {"a secret for github\n"})).diagnosed(right),
                 "secret_space")
            .contains("line end"));
}

TEST_CASE("a prefix that was dropped or kept") {
  const auto whole = settings_of("stripe", stripe_config);
  const auto bare = settings_of("stripe", R"({"signing_secret": "abcdefghijklmnop0001"})");
  CHECK(
      sentence(sent("stripe", whole).diagnosed(bare), "secret_prefix").contains("whsec_ in front"));
  CHECK(sentence(sent("stripe", bare).diagnosed(whole), "secret_prefix").contains("dropped"));
}

TEST_CASE("a secret that was decoded, or was not") {
  const auto text = settings_of("github", R"({"secret": "c2VjcmV0IG9mIDI0IGJ5dGVzISE="})");
  const auto bytes = text.with("secret", {"secret of 24 bytes!!"});
  CHECK(sentence(sent("github", bytes).diagnosed(text), "secret_encoding").contains("base64"));
  const auto hex = settings_of("github", R"({"secret": "736563726574"})");
  CHECK(sentence(sent("github", hex.with("secret", {"secret"})).diagnosed(hex), "secret_encoding")
            .contains("hex"));
  const auto webhooks =
      settings_of("standard_webhooks", R"({"secret": ")" + std::string(webhook_secret) + "\"}");
  const auto as_text = webhooks.with("secret", {"whsec_" + to_base64(webhook_secret)});
  CHECK(sentence(sent("standard_webhooks", as_text).diagnosed(webhooks), "secret_encoding")
            .contains("does not decode"));
}

TEST_CASE("settings of generic_hmac: the header, the hash, the encoding, what is in front") {
  const auto settings =
      settings_of("generic_hmac", R"({"secret": "0123456789abcdef", "header": "X-Sig"})");
  const auto other = [&](std::string_view name, std::string value) {
    return sentence(
        sent("generic_hmac", settings.with(name, {std::move(value)})).diagnosed(settings),
        "setting");
  };
  CHECK(other("header", "X-Hub-Signature").contains("X-Hub-Signature"));
  CHECK(other("algorithm", "sha512").contains("`algorithm` \"sha512\""));
  CHECK(other("encoding", "base64").contains("`encoding` \"base64\""));
  CHECK(other("secret_encoding", "hex").contains("`secret_encoding` \"hex\""));
  CHECK(other("prefix", "sha256=").contains("`prefix` \"sha256=\""));
}

constexpr std::string_view original =
    R"({"b":1.50,"a":["Grüße 👋","x/y","<&>"],"empty":{},"none":[]})";

TEST_CASE("a body that was written anew: the form that was signed is named") {
  const auto settings = settings_of("github", github_config);
  const auto found = [&](std::string_view signed_body, std::string_view arrived,
                         std::string_view code) {
    auto request = sent("github", settings, signed_body);
    request.sample.body = arrived;
    return sentence(request.diagnosed(settings), code);
  };
  constexpr std::string_view pretty =
      "{\n  \"b\": 1.50,\n  \"a\": [\n    \"Grüße 👋\",\n    \"x/y\",\n    \"<&>\"\n  ],\n"
      "  \"empty\": {},\n  \"none\": []\n}";
  CHECK(found(original, pretty, "body_reserialised").contains("without white space"));
  CHECK(found(pretty, original, "body_reserialised").contains("indented by two spaces"));
  CHECK(
      found(
          R"({"b": 1.50, "a": ["Gr\u00fc\u00dfe \ud83d\udc4b", "x/y", "<&>"], "empty": {}, "none": []})",
          original, "body_reserialised")
          .contains("a space behind commas and colons, other letters than ASCII as \\u"));
  CHECK(
      found(R"({"b":1.50,"a":["Gr\u00fc\u00dfe \ud83d\udc4b","x\/y","<&>"],"empty":{},"none":[]})",
            original, "body_reserialised")
          .contains("slashes"));
  CHECK(found(R"({"b":1.50,"a":["Grüße 👋","x/y","\u003c\u0026\u003e"],"empty":{},"none":[]})",
              original, "body_reserialised")
            .contains("<, > and &"));
  CHECK(found(R"({"a":["Grüße 👋","x/y","<&>"],"b":1.50,"empty":{},"none":[]})", original,
              "body_reserialised")
            .contains("keys sorted"));
  CHECK(found(R"({"a":2})", R"({"a":3})", "body_reserialised") == "");
}

TEST_CASE("line ends that were added, removed or exchanged") {
  const auto settings = settings_of("github", github_config);
  const auto found = [&](std::string_view signed_body, std::string_view arrived) {
    auto request = sent("github", settings, signed_body);
    request.sample.body = arrived;
    return sentence(request.diagnosed(settings), "body_line_ends");
  };
  CHECK(found("{}", "{}\n").contains("without the white space at its end"));
  CHECK(found("{}\n", "{}").contains("(LF) behind it"));
  CHECK(found("{}\r\n", "{}").contains("(CR LF) behind it"));
  CHECK(found("{\r\n}", "{\n}").contains("CR LF instead of LF"));
  CHECK(found("{\n}", "{\r\n}").contains("LF instead of CR LF"));
  CHECK(found("{}", "\xef\xbb\xbf{}").contains("byte order mark"));
  CHECK(found("a=b%20c", "a=b+c").contains("%20 instead of '+'"));
}

TEST_CASE("a URL seen through a proxy: scheme, host, port, path and query") {
  const auto settings =
      settings_of("twilio_sms", R"({"auth_token": "0123456789abcdef0123456789abcdef"})");
  const auto found = [&](std::string url,
                         std::vector<std::pair<std::string, std::string>> headers) {
    auto request = sent("twilio_sms", settings);
    request.sample.url = std::move(url);
    for (auto& header : headers) request.sample.headers.push_back(std::move(header));
    return sentence(request.diagnosed(settings), "url");
  };
  CHECK(found("http://hooks.example.com/in/abc", {}).contains("differs in the scheme"));
  CHECK(found("https://hooks.example.com/in/abc/", {}).contains("differs in the path"));
  CHECK(found("https://hooks.example.com/in/abc?x=1", {}).contains("differs in the query"));
  CHECK(found("https://10.0.0.5:8080/in/abc", {{"X-Forwarded-Host", "hooks.example.com"}})
            .contains("differs in the host"));
  CHECK(found("https://hooks.example.com/abc", {{"X-Original-URI", "/in/abc"}})
            .contains("differs in the path"));
  CHECK(found("https://other.example.com/in/abc", {}) == "");
}

/// How often verify() was called.
int calls = 0;
Verification count_and_refuse(const Settings&, const Incoming&, Instant) {
  ++calls;
  Steps steps;
  steps.check(false, "never");
  return std::move(steps).refused();
}

TEST_CASE("the work is bounded, whatever the request says") {
  Provider provider = *find_provider("generic_hmac");
  provider.verify = count_and_refuse;
  provider.signs_url = true;
  const auto settings = settings_of("generic_hmac", R"({"secret": "0123456789abcdef"})");
  std::string body = "[";
  for (int i = 0; i < 20'000; ++i) body += std::to_string(1'700'000'000 + i) + ",";
  body += "1]";
  std::vector<std::pair<std::string_view, std::string_view>> headers(
      100, {"X-Forwarded-Host", "a.example.com:1,b"});
  calls = 0;
  const Incoming request{
      .url = "https://hooks.example.com/in/abc?x=1", .headers = headers, .body = body};
  CHECK(diagnose(provider, settings, request, now).empty());
  CHECK(calls > 100);
  CHECK(calls <= diagnosis_calls_max);
  const std::string large(diagnosis_bytes_max / 4, 'x');
  calls = 0;
  CHECK(diagnose(provider, settings, {.url = request.url, .headers = headers, .body = large}, now)
            .empty());
  CHECK(calls <= 5);
}

}  // namespace
}  // namespace posthorn::providers

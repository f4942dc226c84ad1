// GitHub, Shopify, Slack, Linear and Standard Webhooks beyond their cases: broken payloads that
// verify, headers that came twice, signatures in another form.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/named_call.h"

namespace posthorn::providers {
namespace {

using namespace named_call;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

struct Known {
  std::string_view name, config, signature;
};
constexpr Known signing[]{
    {"github", R"({"secret": "github-secret"})", "X-Hub-Signature-256"},
    {"shopify", R"({"client_secret": "shpss_0001"})", "X-Shopify-Hmac-Sha256"},
    {"slack", R"({"signing_secret": "slack-secret"})", "X-Slack-Signature"},
    {"linear", R"({"signing_secret": "lin_wh_0001"})", "Linear-Signature"},
    {"standard_webhooks", R"({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})",
     "webhook-signature"},
    {"svix", R"({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})", "svix-signature"},
    {"generic_hmac", R"({"secret": "some secret"})", "X-Webhook-Signature"},
};

TEST_CASE("a signature header that came twice is refused, though both are right") {
  for (const auto& [name, config, header] : signing) {
    CAPTURE(name);
    const auto settings = settings_of(name, config);
    auto sample = signed_body(name, settings, {});
    CHECK(verified(name, settings, sample).verified);
    const auto value = std::ranges::find(sample.headers, header, [](const auto& one) {
                         return std::string_view(one.first);
                       })->second;
    sample.headers.emplace_back(to_lower_ascii(header), value);
    CHECK(verified(name, settings, sample).reason.contains("came 2 times"));
  }
}

TEST_CASE("digits of a MAC in upper case are not the text that the sender makes") {
  for (const auto name : {"github", "slack", "linear", "generic_hmac"}) {
    CAPTURE(name);
    const auto known = *std::ranges::find(signing, std::string_view(name), &Known::name);
    const auto settings = settings_of(name, known.config);
    auto sample = signed_body(name, settings, {});
    for (auto& [header, value] : sample.headers)
      if (header == known.signature)
        for (char& c : value)
          if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
    CHECK_FALSE(verified(name, settings, sample).verified);
  }
}

TEST_CASE("what verifies but is no JSON is unreadable, and says where") {
  for (const auto name : {"github", "shopify", "standard_webhooks", "svix", "slack"}) {
    CAPTURE(name);
    const auto config = std::ranges::find(signing, std::string_view(name), &Known::name)->config;
    const auto settings = settings_of(name, config);
    CHECK(outcome(name, settings, "{\"a\":").starts_with("unreadable: "));
    CHECK(outcome(name, settings, "\xff\xfe").starts_with("unreadable: "));
    CHECK(outcome(name, settings, nested(100'000)).starts_with("unreadable: "));
    CHECK(outcome(name, settings, "{} x").starts_with("unreadable: "));
  }
  for (const auto name : {"github", "shopify", "slack"}) {
    const auto config = std::ranges::find(signing, std::string_view(name), &Known::name)->config;
    for (const auto body : {"[]", "1", "\"x\"", "null"})
      CHECK(outcome(name, settings_of(name, config), body).contains("not a JSON object"));
  }
}

TEST_CASE("GitHub: the id, the event's name and a wrong action") {
  const auto settings = settings_of("github", signing[0].config);
  CHECK(outcome("github", settings, "{}", "push") == "ok");
  CHECK(outcome("github", settings, R"({"action": 1})") == "/action type");
  CHECK(outcome("github", settings, R"({"sender": [], "issue": "x", "repository": 1})") == "ok");
  for (const auto header : {"X-GitHub-Delivery", "X-GitHub-Event"}) {
    auto sample = signed_body("github", settings, {});
    drop_header(sample, header);
    const auto found = parsed("github", settings, sample);
    REQUIRE(found.faults.size() == 1);
    CHECK(found.faults.front().detail.contains(header));
    CHECK(found.events.empty());
  }
  auto form = signed_body("github", settings, "payload=%7B%22action%22%3A%22made%22%7D");
  set_header(form, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  CHECK(parsed("github", settings, form).events.at(0).provider_event == "issues.made");
  auto none = signed_body("github", settings, "x=1");
  set_header(none, "Content-Type", "application/x-www-form-urlencoded");
  CHECK(parsed("github", settings, none).unreadable.contains("payload"));
}

TEST_CASE("GitHub and the like: the key is outside of what is signed") {
  for (const auto name : {"github", "shopify", "linear"}) {
    const auto known = *std::ranges::find(signing, std::string_view(name), &Known::name);
    const auto settings = settings_of(name, known.config);
    CHECK(parsed(name, settings, signed_body(name, settings, {})).key_is_unsigned);
  }
}

TEST_CASE("Shopify: amounts that are none are faults; those that are missing are left out") {
  const auto settings = settings_of("shopify", signing[1].config);
  const auto paid = [&](std::string_view body) {
    return outcome("shopify", settings, body, "orders/paid");
  };
  CHECK(paid(R"({"id": 1})") == "ok");
  CHECK(paid(R"({"id": 1, "total_price": "12.x"})") == "/total_price format");
  CHECK(paid(R"({"id": 1, "total_price": 12})") == "/total_price format");
  CHECK(outcome("shopify", settings, R"({"transactions": [{"amount": "1.00", "currency": "EUR"},
                 {"amount": "1.00", "currency": "USD"}]})",
                "refunds/create") == "/transactions/1 format");
  const auto refund = parsed(
      "shopify", settings,
      signed_body("shopify", settings,
                  R"({"transactions": [{"amount": "1.00", "currency": "EUR", "status": "success"},
                      {"amount": "9.00", "currency": "EUR", "status": "failure"},
                      {"amount": "2.50", "currency": "EUR", "status": "success"}]})",
                  "refunds/create"));
  CHECK(refund.events.at(0).fields.at("amount") == 350);
}

TEST_CASE("Shopify: with the older and the newer headers at once, the older ones count") {
  const auto settings = settings_of("shopify", signing[1].config);
  auto sample = signed_body("shopify", settings, {});
  sample.headers.emplace_back("shopify-topic", "shop/redact");
  sample.headers.emplace_back("shopify-hmac-sha256", "AAAA");
  CHECK(parsed("shopify", settings, sample).events.at(0).provider_event == "orders/paid");
}

TEST_CASE("Slack: payloads without what is relied on") {
  const auto settings = settings_of("slack", signing[2].config);
  CHECK(outcome("slack", settings, "{}") == "/type required");
  CHECK(outcome("slack", settings, R"({"type": "event_callback", "event": {"type": "message"}})") ==
        "/event_id required");
  CHECK(outcome("slack", settings, R"({"type": "event_callback", "event_id": "E", "event": []})") ==
        "/event type");
  CHECK(outcome("slack", settings, R"({"type": "event_callback", "event_id": "E"})") ==
        "/event required");
  CHECK(outcome("slack", settings, R"({"type": "url_verification"})") == "/challenge required");
  CHECK(outcome("slack", settings, R"({"type": "app_rate_limited"})") == "ok");
  CHECK(outcome("slack", settings, "text=hello", "slash_command") == "/command required");
  CHECK(outcome("slack", settings, "command=%ff", "slash_command").contains("UTF-8"));
  CHECK(outcome("slack", settings, "payload=x", "slash_command").contains("payload is not JSON"));
  CHECK(outcome("slack", settings, "payload=%5B%5D", "slash_command").contains("JSON object"));
  CHECK(outcome("slack", settings, "payload=%7B%22type%22%3A%22view_closed%22%7D",
                "slash_command") == "ok");
}

TEST_CASE("Slack: an unsigned ssl_check is answered and nothing more; anything else is not") {
  const auto settings = settings_of("slack", signing[2].config);
  const auto unsigned_form = [&](std::string_view body) {
    Sample sample;
    sample.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    sample.body = body;
    return verified("slack", settings, sample);
  };
  const auto check = unsigned_form("ssl_check=1&token=x");
  CHECK_FALSE(check.verified);
  REQUIRE(check.refusal.has_value());
  CHECK(check.refusal->status == 200);
  CHECK_FALSE(unsigned_form("xssl_check=1").refusal.has_value());
  CHECK_FALSE(unsigned_form("ssl_check=11").refusal.has_value());
  CHECK_FALSE(unsigned_form("command=%2Fticket").refusal.has_value());
}

TEST_CASE("Linear: webhookTimestamp decides, to the millisecond") {
  const auto settings = settings_of("linear", signing[3].config);
  const auto at = [&](std::string_view timestamp) {
    return verified("linear", settings,
                    signed_body("linear", settings,
                                R"({"webhookTimestamp": )" + std::string(timestamp) + "}"))
        .verified;
  };
  CHECK(at("1759999940000"));
  CHECK_FALSE(at("1759999939999"));
  CHECK(at("1760000060000"));
  CHECK_FALSE(at("1760000060001"));
  CHECK(at("1760000000000.5"));
  for (const auto wrong : {"null", "\"1760000000000\"", "-1760000000000", "1e300",
                           "[1760000000000]", "18446744073709551615", "true"})
    CHECK_MESSAGE(!at(wrong), wrong);
}

TEST_CASE("Linear: type and action are needed") {
  const auto settings = settings_of("linear", signing[3].config);
  CHECK(outcome("linear", settings, R"({"webhookTimestamp": 1760000000000, "action": "x"})") ==
        "/type required");
  CHECK(outcome("linear", settings,
                R"({"webhookTimestamp": 1760000000000, "type": 1, "action": "x"})") ==
        "/type type");
  CHECK(outcome(
            "linear", settings,
            R"({"webhookTimestamp": 1760000000000, "type": "Issue", "action": "x", "data": 1})") ==
        "ok");
}

TEST_CASE("Standard Webhooks: only JSON is read; a message without a type has no name") {
  const auto settings = settings_of("standard_webhooks", signing[4].config);
  auto xml = signed_body("standard_webhooks", settings, "<a/>");
  set_header(xml, "Content-Type", "application/xml");
  const auto found = parsed("standard_webhooks", settings, xml);
  REQUIRE(found.events.size() == 1);
  CHECK(found.events.front().provider_event == "");
  CHECK(found.idempotency_key == "msg_0123456789abcdef");
  CHECK(outcome("standard_webhooks", settings, "[1]") == "ok");
  CHECK(outcome("standard_webhooks", settings, R"({"type": 5})") == "/type type");
}

TEST_CASE("Standard Webhooks: a key pair of one's own signs samples") {
  const auto pair = crypto::make_ed25519(std::string(32, 's'));
  const auto secret = "whpk_" + to_base64(pair.public_key);
  const auto shown = R"({"secret": ")" + secret + "\"";
  const auto without = settings_of("standard_webhooks", shown + "}");
  const auto refused =
      make_sample(*find_provider("standard_webhooks"), without,
                  {.url = "https://x.example", .event = "", .unique = "1", .now = now});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what.contains("private_key"));
  const auto settings = settings_of("standard_webhooks",
                                    shown + R"(, "private_key": "whsk_)" +
                                        to_base64(std::string(32, 's') + pair.public_key) + "\"}");
  CHECK(verified("standard_webhooks", settings, signed_body("standard_webhooks", settings, "{}"))
            .verified);
}

}  // namespace
}  // namespace posthorn::providers

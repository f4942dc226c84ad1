// The generic providers beyond their cases, wrong settings, amounts, and the CloudEvents handshake.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/cloudevents.h"
#include "providers/money.h"
#include "providers/named_call.h"

namespace posthorn::providers {
namespace {

using namespace named_call;
using Headers = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("amounts become minor units by their currency") {
  CHECK(minor_units("199.00", "USD") == 19900);
  CHECK(minor_units("199", "EUR") == 19900);
  CHECK(minor_units("0.5", "EUR") == 50);
  CHECK(minor_units("-1.25", "EUR") == -125);
  CHECK(minor_units("1990", "JPY") == 1990);
  CHECK(minor_units("1990.00", "JPY") == 1990);
  CHECK(minor_units("1.234", "KWD") == 1234);
  CHECK(minor_units("1.230", "EUR") == 123);
  CHECK(minor_units("92233720368547758.07", "EUR") == INT64_MAX);
  for (const auto wrong : {"", "-", ".5", "1.", "1.2.3", "1,5", "1e3", "+1", " 1", "1.234", "0x1",
                           "--1", "92233720368547758.08", "99999999999999999999"})
    CHECK_MESSAGE(!minor_units(wrong, "EUR"), wrong);
}

TEST_CASE("wrong settings are said in one sentence that helps") {
  CHECK(faults_of("standard_webhooks", R"({"secret": "whsk_AAAA"})").contains("whpk_"));
  CHECK(faults_of("standard_webhooks", R"({"secret": "whpk_AAAA"})").contains("32 bytes"));
  CHECK(faults_of("standard_webhooks", R"({"secret": "whsec_AAAA"})").contains("24 to 64"));
  CHECK(faults_of("standard_webhooks", R"({"secret": "not base64!"})").contains("whsec_"));
  CHECK(faults_of("standard_webhooks", "{}").contains("/secret"));
  CHECK(faults_of("github", R"({"secrets": []})").contains("at least one"));
  CHECK(faults_of("github", R"({"secrt": "x"})").contains("\"secret\""));
  CHECK(
      faults_of("slack", R"({"signing_secret": "x", "tolerance_s": 0})").contains("/tolerance_s"));
  CHECK(
      faults_of("generic_hmac", R"({"secret": "x y", "secret_encoding": "hex"})").contains("hex"));
  CHECK(faults_of("generic_hmac", R"({"secret": "x", "header": "a b"})").contains("/header"));
  CHECK(faults_of("generic_hmac", R"({"secret": "x", "algorithm": "md5"})").contains("sha256"));
  CHECK(faults_of("generic_hmac", R"({"secret": "x", "id_json_pointer": "id"})")
            .contains("/data/id"));
  CHECK(faults_of("generic_hmac", R"({"secret": "x", "id_json_pointer": "/a~2"})")
            .contains("/data/id"));
  CHECK(faults_of("generic_hmac", R"({"secret": "x", "id_xml_path": "//id"})")
            .contains("/order/@id"));
  CHECK(faults_of("generic_token", "{}").contains("/token"));
  CHECK(faults_of("generic_token", R"({"credentials": {"username": "a", "password": "b"},
                                      "header": "X-A"})")
            .contains("/header"));
  CHECK(faults_of("generic_token", R"({"token": "a", "preset": "grafana", "id_header": "X-A"})")
            .contains("/preset"));
}

TEST_CASE("generic_hmac: a secret and its list count together") {
  const auto settings =
      settings_of("generic_hmac", R"({"secret": "one", "secrets": ["two", "one"]})");
  CHECK(settings.all("secret") == std::vector<std::string>{"one", "two"});
}

TEST_CASE("generic_hmac: ids and names that are missing, of another type, or in another format") {
  const auto settings = settings_of("generic_hmac",
                                    R"({"secret": "x", "id_json_pointer": "/data/id",
                                        "event_json_pointer": "/event"})");
  CHECK(outcome("generic_hmac", settings, R"({"event": "a", "data": {"id": 9007199254740993}})") ==
        "ok");
  const auto big = parsed(
      "generic_hmac", settings,
      signed_body("generic_hmac", settings, R"({"event": "a", "data": {"id": 9007199254740993}})"));
  CHECK(big.idempotency_key == "9007199254740993");
  CHECK_FALSE(big.key_is_digest);
  for (const auto body :
       {R"({"event": "a"})", R"({"data": {"id": null}})", R"({"data": {"id": ""}})", "[]", "1"}) {
    CAPTURE(body);
    const auto found =
        parsed("generic_hmac", settings, signed_body("generic_hmac", settings, body));
    REQUIRE(found.events.size() == 1);
    CHECK(found.key_is_digest);
    CHECK(found.idempotency_key->starts_with("sha256:"));
  }
  CHECK(outcome("generic_hmac", settings, R"({"data": {"id": {}}})") == "/data/id type");
  CHECK(outcome("generic_hmac", settings, R"({"event": 1.5})") == "/event type");
  CHECK(outcome("generic_hmac", settings, "<a/>").starts_with("unreadable: "));
}

TEST_CASE("generic_hmac: JSON and XML of one sender are told apart") {
  const auto settings = settings_of("generic_hmac", R"({"secret": "x", "id_json_pointer": "/id",
                                                        "id_xml_path": "/order/@id"})");
  const auto key = [&](std::string_view body) {
    return parsed("generic_hmac", settings, signed_body("generic_hmac", settings, body))
        .idempotency_key.value_or("");
  };
  CHECK(key(R"({"id": "j"})") == "j");
  CHECK(key("\n<order id='x'/>") == "x");
  CHECK(outcome("generic_hmac", settings,
                "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><order id='1'>&b;</order>")
            .contains("DTD"));
  const auto refused =
      make_sample(*find_provider("generic_hmac"), settings,
                  {.url = "https://x.example", .event = "", .unique = "1", .now = now});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what.contains("give a body"));
}

TEST_CASE("generic_hmac: samples put id and event where the settings look for them") {
  const auto settings =
      settings_of("generic_hmac", R"({"secret": "x", "timestamp_header": "X-Time", "prefix": "v1=",
                          "id_json_pointer": "/data/a~1b/0", "event_header": "X-Event"})");
  const auto found = parsed("generic_hmac", settings, signed_body("generic_hmac", settings, {}));
  CHECK(found.idempotency_key == "evt_0123456789abcdef");
  CHECK(found.events.at(0).provider_event == "sample.created");
}

TEST_CASE("generic_token: lists that are none, too long, or hold something else") {
  const auto settings = settings_of("generic_token", R"({"token": "t", "preset": "alertmanager"})");
  CHECK(outcome("generic_token", settings, R"({"alerts": {}})") == "/alerts type");
  CHECK(outcome("generic_token", settings, "[]") == "/alerts required");
  CHECK(outcome("generic_token", settings, "x").starts_with("unreadable: "));
  std::string many = R"({"alerts": [{})";
  for (int i = 0; i < 1'000; ++i) many += ",{}";
  CHECK(outcome("generic_token", settings, many + "]}") == "/alerts too_many");
  const auto mixed =
      parsed("generic_token", settings,
             signed_body("generic_token", settings, R"({"alerts": [{"status": "firing"}, 7]})"));
  REQUIRE(mixed.events.size() == 1);
  CHECK(mixed.events.front().provider_event == "alert.firing");
  CHECK(mixed.events.front().idempotency_key.ends_with("#0"));
  CHECK(mixed.key_is_digest);
  REQUIRE(mixed.faults.size() == 1);
  CHECK(mixed.faults.front().pointer == "/alerts/1");
}

TEST_CASE(
    "the CloudEvents handshake is answered with what was asked for, and nothing else is one") {
  const auto answer = [](std::string_view method, const Headers& headers) {
    const std::vector<std::pair<std::string_view, std::string_view>> views(headers.begin(),
                                                                           headers.end());
    return cloudevents_handshake({.method = method, .url = "", .headers = views, .body = ""});
  };
  const auto given = answer("OPTIONS", {{"webhook-request-origin", "eventgrid.azure.net"},
                                        {"WebHook-Request-Rate", "120"}});
  REQUIRE(given.has_value());
  CHECK(given->status == 200);
  CHECK(given->headers == Headers{{"Allow", "POST, OPTIONS"},
                                  {"WebHook-Allowed-Origin", "eventgrid.azure.net"},
                                  {"WebHook-Allowed-Rate", "120"}});
  for (const auto rate : {"", "0", "-1", "1e9", "12345678901", "*"}) {
    const auto any = answer(
        "OPTIONS", {{"WebHook-Request-Origin", "a.example"}, {"WebHook-Request-Rate", rate}});
    REQUIRE(any.has_value());
    CHECK(any->headers.back().second == "*");
  }
  CHECK_FALSE(answer("POST", {{"WebHook-Request-Origin", "a.example"}}).has_value());
  CHECK_FALSE(answer("OPTIONS", {}).has_value());
  CHECK_FALSE(answer("OPTIONS", {{"WebHook-Request-Origin", ""}}).has_value());
  CHECK_FALSE(answer("OPTIONS", {{"WebHook-Request-Origin", "a b"}}).has_value());
  CHECK_FALSE(answer("OPTIONS", {{"WebHook-Request-Origin", "a"}, {"WebHook-Request-Origin", "b"}})
                  .has_value());
  CHECK_FALSE(answer("OPTIONS", {{"WebHook-Request-Origin", std::string(254, 'a')}}).has_value());
}

}  // namespace
}  // namespace posthorn::providers

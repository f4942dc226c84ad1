#include <doctest/doctest.h>

#include "base/bytes.h"
#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view by_header = R"({"mode":"header","header":"X-Token","value":"right"})";
constexpr std::string_view by_user = R"({"mode":"basic","username":"gs","password":"a:b"})";
constexpr std::string_view by_url = R"({"mode":"url_token","param":"to ken","value":"a&b=c+d"})";

TestCall gupshup_call(std::string_view config = by_header) {
  const auto& provider = provider_of("gupshup");
  return {provider, settings_of(provider, config)};
}

Parsed parsed_of(std::string_view body) { return gupshup_call().sign(body).parse(); }

TEST_CASE("Gupshup: every sample verifies in every mode; broken bodies give no event") {
  const auto& provider = provider_of("gupshup");
  check_samples(provider, by_header, R"({"mode":"header","header":"X-Token","value":"wrong"})",
                false);
  check_samples(provider, by_user, R"({"mode":"basic","username":"gs","password":"a"})", false);
  check_samples(provider, by_url, R"({"mode":"url_token","param":"to ken","value":"a"})", false);
  check_broken_bodies(provider, by_header);
}

TEST_CASE("Gupshup: a mode without what it compares is a fault, and nothing verifies") {
  const auto& provider = provider_of("gupshup");
  using List = std::vector<std::string>;
  CHECK(config_faults(provider, "{}") == List{"/value required"});
  CHECK(config_faults(provider, R"({"mode":"url_token"})") == List{"/value required"});
  CHECK(config_faults(provider, R"({"mode":"basic","value":"x"})") ==
        List{"/username required", "/password required"});
  CHECK(config_faults(provider, R"({"mode":"none","value":"x"})") == List{"/mode not_allowed"});
  CHECK(config_faults(provider, R"({"header":"X Y","value":" x"})") ==
        List{"/header format", "/value format"});
  CHECK(config_faults(provider, R"({"mode":"basic","username":"a:b","password":"x"})") ==
        List{"/username format"});
  model::Faults faults;
  for (const auto* const config :
       {R"({"mode":"basic"})", R"({"mode":"header"})", R"({"mode":"url_token","param":"token"})"}) {
    TestCall call(provider, Settings::read(provider.fields,
                                           text::parse_payload(config)->as_object(), faults));
    call.sent.url = "https://h.test/in/a?token=";
    call.sent.headers = {{"Authorization", "Basic " + to_base64(":")}, {"X-Posthorn-Token", ""}};
    CHECK_FALSE(call.verify().verified);
  }
}

TEST_CASE("Gupshup: Basic is parted at the first colon, and its scheme has no case") {
  auto call = gupshup_call(by_user);
  const auto passes = [&](const std::string& header) {
    call.sent.headers = {{"Authorization", header}};
    return call.verify().verified;
  };
  CHECK(passes("Basic " + to_base64("gs:a:b")));
  CHECK(passes("basic " + to_base64("gs:a:b")));
  CHECK_FALSE(passes("Basic " + to_base64("gs:a")));
  CHECK_FALSE(passes("Basic " + to_base64("gs")));
  CHECK_FALSE(passes("Basic " + to_base64("gs:a:b:")));
  CHECK_FALSE(passes("Basic" + to_base64("gs:a:b")));
  CHECK_FALSE(passes("Basic"));
  CHECK_FALSE(passes(""));
  call.sent.headers = {{"Authorization", "Basic " + to_base64("gs:a:b")},
                       {"authorization", "Basic " + to_base64("gs:a:b")}};
  CHECK_FALSE(call.verify().verified);
}

TEST_CASE("Gupshup: the token of the URL is decoded, and must be there once") {
  auto call = gupshup_call(by_url);
  const auto passes = [&](const std::string& query) {
    call.sent.url = "https://h.test/in/a?" + query;
    return call.verify().verified;
  };
  CHECK(passes("to+ken=a%26b%3dc%2Bd"));
  CHECK(passes("x=1&to%20ken=a%26b%3Dc%2Bd&y"));
  CHECK_FALSE(passes("to+ken=a&b=c+d"));
  CHECK_FALSE(passes("to+ken=a%26b%3dc%2Bd&to%20ken=a%26b%3dc%2Bd"));
  CHECK_FALSE(passes("TO+KEN=a%26b%3dc%2Bd"));
  CHECK_FALSE(passes(""));
}

TEST_CASE("Gupshup: any of several values passes") {
  auto call = gupshup_call(R"({"header":"Authorization","values":["Bearer new","Bearer old"]})");
  for (const auto* const value : {"Bearer new", "Bearer old"}) {
    call.sent.headers = {{"authorization", value}};
    CHECK(call.verify().verified);
  }
  call.sent.headers = {{"Authorization", "bearer new"}};
  CHECK_FALSE(call.verify().verified);
}

TEST_CASE("Gupshup: messages of v3 are Meta's, with their time in either unit") {
  const auto parsed = parsed_of(R"({"gs_app_id":"g","entry":[{"changes":[{"field":"messages",
      "value":{"metadata":{"display_phone_number":"999"},"messages":[
      {"from":"1","id":"wamid.1","timestamp":1795244395420,"type":"text","text":{"body":"a"}},
      {"from":"1","id":"wamid.2","timestamp":"1795244395","type":"text","text":{"body":"b"}}]}}]}]})");
  REQUIRE(parsed.events.size() == 2);
  for (const auto& event : parsed.events) {
    CHECK(event.type == "message.inbound");
    CHECK(event.fields.at("timestamp") == 1795244395);
    CHECK(event.fields.at("to") == "999");
  }
}

TEST_CASE("Gupshup: a status of v3 without gs_id is known by WhatsApp's id") {
  const auto parsed = parsed_of(R"({"entry":[{"changes":[{"field":"messages","value":{"statuses":[
      {"id":"wamid.1","recipient_id":"2","status":"read","timestamp":"10"},
      {"recipient_id":"2","status":"read"}]}}]}]})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.idempotency_key == "wamid.1:read");
  CHECK(parsed.events[0].fields.at("whatsapp_message_id") == "wamid.1");
  CHECK(faults_of(parsed) ==
        std::vector<std::string>{"/entry/0/changes/0/value/statuses/1/id required"});
}

TEST_CASE("Gupshup: a status that nobody knows is kept with status null") {
  const auto parsed = parsed_of(R"({"app":"A","type":"message-event","timestamp":1795244390042,
      "payload":{"id":"w","gsId":"g","type":"deleted","destination":"1"}})");
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.idempotency_key == "g:deleted");
  CHECK(parsed.events[0].fields.at("status").is_null());
  CHECK(parsed.events[0].fields.at("provider_status") == "deleted");
  CHECK(parsed.events[0].fields.at("timestamp") == 1795244390);
}

TEST_CASE("Gupshup: what is relied on and missing or wrong is a fault, with its place") {
  const auto faults = [](std::string_view body) { return faults_of(parsed_of(body)); };
  using List = std::vector<std::string>;
  CHECK(faults(R"({"payload":{}})") == List{"/type required"});
  CHECK(faults(R"({"type":"message"})") == List{"/payload required"});
  CHECK(faults(R"({"type":"message","payload":{"type":"text","payload":{"text":"x"}}})") ==
        List{"/payload/id required", "/payload/source required"});
  CHECK(faults(R"({"type":"message-event","payload":{"id":"a","gsId":[]}})") ==
        List{"/payload/gsId type", "/payload/type required"});
  CHECK(
      faults(
          R"({"type":"message-event","payload":{"id":"a","type":"sent","payload":{"ts":"x"}}})") ==
      List{"/payload/payload/ts type"});
  CHECK(faults(R"({"entry":{}})") == List{"/entry type"});
  CHECK(faults(R"({"type":"user-event","payload":{"phone":"1","type":"opted-in"}})").empty());
}

}  // namespace
}  // namespace posthorn::providers

// WhatsApp, Messenger and Instagram: what the given cases do not show.

#include "providers/meta.h"

#include <doctest/doctest.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view config =
    R"({"app_secret": "fake-app-secret", "verify_token": "tok+en 1"})";
constexpr std::string_view other_config = R"({"app_secret": "fake-other-secret"})";
constexpr std::array<std::string_view, 3> products{"meta_whatsapp", "meta_messenger",
                                                   "meta_instagram"};

TestCall call_of(std::string_view product) {
  const auto& provider = provider_of(product);
  return {provider, settings_of(provider, config)};
}

std::string signature_of(std::string_view text) {
  return "sha256=" + to_hex(crypto::hmac(crypto::Digest::sha256, "fake-app-secret", text));
}

TEST_CASE("every sample of Meta's products verifies, differs, and breaks with one byte") {
  for (const auto product : products) {
    CAPTURE(product);
    check_samples(provider_of(product), config, other_config, true);
    check_broken_bodies(provider_of(product), config);
  }
}

TEST_CASE("a body whose escaped form was signed verifies; nothing else does") {
  auto call = call_of("meta_whatsapp");
  call.sign("{\"a\":\"\u00e9\u8a02\U0001F600\x7f/\"}");
  call.sent.headers.back().second =
      signature_of("{\"a\":\"\\u00e9\\u8a02\\ud83d\\ude00\\u007f/\"}");
  CHECK(call.verify().verified);
  call.sent.headers.back().second =
      signature_of("{\"a\":\"\\u00E9\\u8A02\\uD83D\\uDE00\\u007F/\"}");
  CHECK_FALSE(call.verify().verified);
  // The other way round: what was signed raw and came escaped is another body.
  call.sent.headers.back().second = signature_of(call.sent.body);
  CHECK(call.verify().verified);
  call.sent.body = "{\"a\":\"\\u00e9\\u8a02\\ud83d\\ude00\\u007f/\"}";
  CHECK_FALSE(call.verify().verified);
  // What is no UTF-8 has no escaped form.
  call.sign("\xc3(\xf0\x9f");
  CHECK(call.verify().verified);
  call.sent.headers.back().second = signature_of("\\u00c3(");
  CHECK_FALSE(call.verify().verified);
}

TEST_CASE("a handshake is answered only to the verify token, as text that no browser runs") {
  for (const auto product : products) {
    auto call = call_of(product);
    call.sent.method = "GET";
    const std::string base = "https://hooks.example.test/in/abc?";
    const std::string right =
        base + "hub.mode=subscribe&hub.verify_token=tok%2Ben+1&hub.challenge=%3Cb%3E+1";
    call.sent.url = right;
    REQUIRE(call.verify().verified);
    const auto answer = call.challenge();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(answer->content_type == "text/plain");
    CHECK(answer->body == "<b> 1");
    REQUIRE(answer->headers.size() == 1);
    CHECK(answer->headers[0].first == "X-Content-Type-Options");
    CHECK(answer->headers[0].second == "nosniff");
    for (const auto& wrong :
         {base, base + "hub.mode=subscribe&hub.verify_token=tok%2Ben+1",
          base + "hub.mode=subscribe&hub.challenge=1", right + "&hub.verify_token=tok%2Ben+1",
          right + "&hub.challenge=2", right + "&hub.mode=subscribe",
          right + "x&hub.challenge=", base + "hub.mode=subscribe&hub.verify_token=&hub.challenge=1",
          base + "hub.mode=subscribe&hub.verify_token=tok+en+1&hub.challenge=1",
          base + "HUB.MODE=subscribe&hub.verify_token=tok%2Ben+1&hub.challenge=1"}) {
      CAPTURE(wrong);
      call.sent.url = wrong;
      const auto refused = call.verify();
      CHECK_FALSE(refused.verified);
      REQUIRE(refused.refusal.has_value());
      CHECK(refused.refusal->status == 403);
    }
  }
}

TEST_CASE("without a verify token no handshake passes, without an app secret there is no source") {
  const auto& provider = provider_of("meta_messenger");
  TestCall call(provider, settings_of(provider, other_config));
  call.sent.method = "GET";
  call.sent.url = "https://h.test/in/a?hub.mode=subscribe&hub.verify_token=&hub.challenge=1";
  const auto verification = call.verify();
  CHECK_FALSE(verification.verified);
  CHECK(verification.refusal->status == 403);
  CHECK(config_faults(provider, "{}") == std::vector<std::string>{"/app_secret required"});
  CHECK(config_faults(provider, R"({"app_secret": 5, "verify_tokn": "x"})") ==
        std::vector<std::string>{"/verify_tokn unknown_member", "/app_secret type"});
  TestCall bare(provider, {});
  bare.sent.body = "{}";
  CHECK(bare.verify().reason.find("app_secret") != std::string::npos);
}

TEST_CASE("while secrets and tokens are rotated, old and new pass") {
  const auto& provider = provider_of("meta_instagram");
  TestCall call(provider, settings_of(provider, R"({"app_secrets": ["new", "fake-app-secret"],
      "verify_tokens": ["new-token", "old-token"]})"));
  call.sign("{}");
  CHECK(call.verify().verified);
  call.sent.headers.back().second = signature_of("{}");
  CHECK(call.verify().verified);
  call.sent.method = "GET";
  for (const auto* const token : {"new-token", "old-token"}) {
    call.sent.url =
        "https://h.test/?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + std::string(token);
    CHECK(call.verify().verified);
  }
}

Parsed parsed_of(std::string_view product, std::string_view body) {
  return call_of(product).sign(body).parse();
}

std::string whatsapp(std::string_view value) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":)" +
         std::string(value) + "}]}]}";
}

TEST_CASE("WhatsApp: a message that lacks what is relied on is a fault, and the others stand") {
  const auto parsed = parsed_of("meta_whatsapp", whatsapp(R"({"messages":[
      {"from":"1","id":"a","timestamp":"10","type":"text","text":{"body":"kept"}},
      {"from":"1","timestamp":"10","type":"text","text":{"body":"no id"}},
      {"from":{},"id":"b","timestamp":"10","type":"text","text":{"body":"no sender"}},
      {"from":"1","id":"c","timestamp":"soon","type":"text","text":{"body":"no time"}},
      {"from":"1","id":"d","timestamp":"10","type":"text","text":{"body":7}},
      {"from":"1","id":"e","timestamp":"10","type":"image","image":{"caption":"no file"}},
      "text"],
      "statuses":[{"id":"s","status":"read","timestamp":-1},{"id":"s"},{"status":"sent"}]})"));
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].fields.at("text") == "kept");
  const std::string at = "/entry/0/changes/0/value/";
  CHECK(faults_of(parsed) ==
        std::vector<std::string>{
            at + "messages/6 type", at + "messages/1/id required", at + "messages/2/from type",
            at + "messages/3/timestamp type", at + "messages/4/text/body type",
            at + "messages/5/image/id required", at + "statuses/0/timestamp out_of_range",
            at + "statuses/1/status required", at + "statuses/2/id required"});
}

TEST_CASE("WhatsApp: types that nobody knows yet are messages without text") {
  const auto parsed = parsed_of("meta_whatsapp", whatsapp(R"({"metadata":null,"messages":[
      {"from":"1","id":"a","timestamp":10,"type":"hologram","hologram":{"x":1}},
      {"from":1,"id":"b","type":"unsupported","errors":[{"code":131051,"title":"Unsupported"}]}]})"));
  CHECK(faults_of(parsed).empty());
  REQUIRE(parsed.events.size() == 2);
  CHECK(parsed.events[0].type == "message.inbound");
  CHECK(parsed.events[0].fields.at("text").is_null());
  CHECK(parsed.events[0].fields.at("to").is_null());
  CHECK(parsed.events[0].fields.at("message_type") == "hologram");
  CHECK(parsed.events[1].fields.at("from") == "1");
  CHECK(parsed.events[1].fields.at("timestamp").is_null());
  CHECK(parsed.events[1].fields.at("error_code") == "131051");
}

TEST_CASE("WhatsApp: played is read, and the sender's name comes from the contacts") {
  const auto parsed = parsed_of("meta_whatsapp", whatsapp(R"({
      "contacts":[{"wa_id":"2","profile":{"name":"Bo"}},{"wa_id":"1","profile":{"name":"Ada"}}],
      "messages":[{"from":"1","id":"a","timestamp":"10","type":"voice","voice":{"id":"v"}}],
      "statuses":[{"id":"s","status":"played","timestamp":"10","recipient_id":"2"}]})"));
  REQUIRE(parsed.events.size() == 2);
  CHECK(parsed.events[0].fields.at("from_name") == "Ada");
  CHECK(parsed.events[0].fields.at("media").at(0).at("id") == "v");
  CHECK(parsed.events[1].fields.at("status") == "read");
  CHECK(parsed.events[1].idempotency_key == "s:played");
}

TEST_CASE("a product's payload at another product's source is a fault at /object") {
  const auto parsed = parsed_of("meta_messenger", R"({"object":"instagram","entry":[]})");
  CHECK(faults_of(parsed) == std::vector<std::string>{"/object not_allowed"});
  CHECK(parsed_of("meta_whatsapp", whatsapp("{}")).faults.empty());
}

std::string messaging(std::string_view items, std::string_view list = "messaging") {
  return R"({"object":"page","entry":[{"id":"9","time":1,")" + std::string(list) + "\":[" +
         std::string(items) + "]}]}";
}
constexpr std::string_view head =
    R"("sender":{"id":"7"},"recipient":{"id":"9"},"timestamp":1795244380129,)";

TEST_CASE("Messenger: what has no id of a message is keyed by page, person and moment") {
  const auto postback =
      parsed_of("meta_messenger",
                messaging("{" + std::string(head) + R"("postback":{"title":"Go","payload":"P"}})"));
  REQUIRE(postback.events.size() == 1);
  CHECK(postback.idempotency_key == "9:7:postback:1795244380129");
  CHECK(postback.events[0].fields.at("provider_message_id").is_null());
  const auto opt_in = parsed_of(
      "meta_messenger", messaging("{" + std::string(head) + R"("optin":{"ref":"r1"}})", "standby"));
  REQUIRE(opt_in.events.size() == 1);
  CHECK(opt_in.events[0].type == "generic");
  CHECK(opt_in.events[0].provider_event == "optin");
  CHECK(opt_in.idempotency_key == "9:7:optin:1795244380129");
}

TEST_CASE("Messenger: edits, quick replies and what stands by for another app") {
  const auto edit = parsed_of(
      "meta_messenger", messaging("{" + std::string(head) +
                                  R"("message_edit":{"mid":"m","text":"new","num_edit":2}})"));
  REQUIRE(edit.events.size() == 1);
  CHECK(edit.events[0].type == "message.edited");
  CHECK(edit.idempotency_key == "m:edited:2");
  const auto standby = parsed_of(
      "meta_messenger",
      messaging("{" + std::string(head) +
                    R"("message":{"mid":"m","text":"Red","quick_reply":{"payload":"RED"}}})",
                "standby"));
  REQUIRE(standby.events.size() == 1);
  CHECK(standby.events[0].fields.at("standby") == true);
  CHECK(standby.events[0].fields.at("payload") == "RED");
}

TEST_CASE("Messenger: an item that lacks what is relied on is a fault, and the others stand") {
  const std::string h(head);
  const auto parsed =
      parsed_of("meta_messenger",
                messaging(R"({"recipient":{"id":"9"},"message":{"mid":"a"}},)"
                          R"({"sender":{},"recipient":{"id":"9"},"message":{"mid":"a"}},)"
                          "{" +
                          h + R"("message":{"text":"no mid"}},)" + "{" + h + R"("read":{}},)" +
                          "{" + h + R"("delivery":{"mids":["m1",5.5]}},)" + "{" + h +
                          R"("message":{"mid":"m2","is_echo":"yes"}},)" + "{" + h +
                          R"("message":{"mid":"kept","text":"ok"}})"));
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].idempotency_key == "kept:received");
  const std::string at = "/entry/0/messaging/";
  CHECK(faults_of(parsed) ==
        std::vector<std::string>{at + "0/sender required", at + "1/sender/id required",
                                 at + "2/message/mid required", at + "3/read/watermark required",
                                 at + "4/delivery/mids/1 type", at + "5/message/is_echo type"});
}

TEST_CASE("a call of more events than any provider sends is cut, and says so") {
  std::string mids;
  for (int i = 0; i < 10'002; ++i)
    mids += std::string(i == 0 ? "" : ",") + '"' + std::to_string(i) + '"';
  const auto parsed =
      parsed_of("meta_messenger",
                messaging("{" + std::string(head) + R"("delivery":{"mids":[)" + mids + "]}}"));
  CHECK(parsed.events.size() == 10'000);
  CHECK(parsed.events.back().idempotency_key == "9999:delivered");
  CHECK(faults_of(parsed) == std::vector<std::string>{" too_many"});
}

TEST_CASE("at most 100 faults of one payload are kept") {
  std::string items;
  for (int i = 0; i < 500; ++i) items += std::string(i == 0 ? "" : ",") + "{}";
  CHECK(parsed_of("meta_messenger", messaging(items)).faults.size() == 100);
}

}  // namespace
}  // namespace posthorn::providers

#include "providers/twilio.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/test_call.h"

namespace posthorn::providers {
namespace {

using List = std::vector<std::string>;
constexpr std::string_view config = R"({"auth_token": "8240c1fbad1ee95002975c849c4c815c"})";
constexpr std::string_view other_config = R"({"auth_token": "another"})";

TestCall sms_call(std::string_view body, std::string_view used = config) {
  const auto& provider = provider_of("twilio_sms");
  TestCall call(provider, settings_of(provider, used));
  call.sign(body);
  return call;
}

TEST_CASE(
    "Twilio: every sample verifies, and a changed one does not; broken bodies give no event") {
  for (const auto name : {"twilio_sms", "twilio_whatsapp"}) {
    CAPTURE(name);
    check_samples(provider_of(name), config, other_config, true);
    check_broken_bodies(provider_of(name), config);
  }
}

TEST_CASE("Twilio: a source without a token takes nothing, and one of several tokens suffices") {
  const auto& provider = provider_of("twilio_sms");
  CHECK(config_faults(provider, "{}") == List{"/auth_token required"});
  CHECK(config_faults(provider, R"({"auth_token": 5})") == List{"/auth_token type"});
  auto call = sms_call("MessageSid=SM1&From=%2B1");
  CHECK(call.verify().verified);
  TestCall bare(provider, Settings());
  bare.sent = call.sent;
  CHECK_FALSE(bare.verify().verified);
  TestCall rotated(provider, settings_of(provider, R"({"auth_tokens": ["new",
      "8240c1fbad1ee95002975c849c4c815c"]})"));
  rotated.sent = call.sent;
  CHECK(rotated.verify().verified);
}

TEST_CASE("Twilio: the spellings of an address are those that its library tries") {
  using twilio::signed_spellings;
  CHECK(signed_spellings("https://h.test/a?b=c") ==
        List{"https://h.test/a?b=c", "https://h.test:443/a?b=c"});
  CHECK(signed_spellings("http://h.test/") == List{"http://h.test/", "http://h.test:80/"});
  CHECK(signed_spellings("https://u:p@[::1]:8443/a") ==
        List{"https://u:p@[::1]:8443/a", "https://u:p@[::1]/a"});
  CHECK(signed_spellings("https://H.test/a?x='b c'&y=%c3%a9") ==
        List{"https://H.test/a?x='b c'&y=%c3%a9", "https://H.test:443/a?x='b c'&y=%c3%a9",
             "https://h.test/a?x=%27b%20c%27&y=%c3%a9",
             "https://h.test:443/a?x=%27b%20c%27&y=%c3%a9", "https://h.test/a?x='b%20c'&y=%C3%A9",
             "https://h.test:443/a?x='b%20c'&y=%C3%A9"});
  CHECK(signed_spellings("no address") == List{"no address"});
}

TEST_CASE("Twilio: fields are signed by name, each value once and in order") {
  const auto form = text::parse_form("b=2&a=z&B=1&a=y&a=z&c=");
  REQUIRE(form.has_value());
  CHECK(twilio::signed_fields(*form) == "B1ayazb2c");
}

TEST_CASE("Twilio: what the signature does not cover is refused") {
  const auto& provider = provider_of("twilio_sms");
  TestCall call(provider, settings_of(provider, config));
  call.sent.url = "https://hooks.example.test/in/abc?MessageSid=SM1&From=1";
  call.sent.headers = {
      {"x-twilio-signature",
       to_base64(
           crypto::hmac(crypto::Digest::sha1, "8240c1fbad1ee95002975c849c4c815c", call.sent.url))}};
  call.sent.method = "GET";
  CHECK(call.verify().verified);
  CHECK(call.parse().events.size() == 1);
  call.sent.body = "MessageSid=SM2&From=2";
  CHECK_FALSE(call.verify().verified);
  call.sent.method = "POST";
  CHECK_FALSE(call.verify().verified);
  call.sent.body = R"({"MessageSid":"SM2"})";
  CHECK_FALSE(call.verify().verified);
  auto hashed = sms_call("[]");
  CHECK(hashed.verify().verified);
  hashed.sent.url += "&bodySHA256=" + to_hex(crypto::sha256("[]"));
  CHECK_FALSE(hashed.verify().verified);
}

TEST_CASE("Twilio: TwiML answers a message, and nothing a status or a stream") {
  const auto& provider = provider_of("twilio_sms");
  const auto settings = settings_of(provider, config);
  const auto reply_to = [&](std::string_view event) {
    TestCall call(provider, settings);
    call.sign({}, event);
    return provider.reply(settings, call.incoming());
  };
  CHECK(reply_to("message.inbound").content_type == "text/xml");
  CHECK(reply_to("message.inbound").body == "<Response></Response>");
  CHECK(reply_to("message.delivered").body.empty());
  CHECK(reply_to("com.twilio.messaging.message.delivered").body.empty());
}

TEST_CASE("Twilio: every status word is mapped, and one that is unknown is kept") {
  for (const auto& [word, status] : {std::pair{"accepted", "queued"},
                                     {"scheduled", "queued"},
                                     {"sending", "queued"},
                                     {"sent", "sent"},
                                     {"read", "read"},
                                     {"canceled", "failed"},
                                     {"undelivered", "undelivered"}}) {
    CAPTURE(word);
    const auto parsed = sms_call("MessageSid=SM1&MessageStatus=" + std::string(word)).parse();
    REQUIRE(parsed.events.size() == 1);
    CHECK(parsed.events[0].fields.at("status") == status);
    CHECK(parsed.idempotency_key == "SM1:" + std::string(word));
  }
  const auto parsed = sms_call("MessageSid=SM1&MessageStatus=lost%20in%20space").parse();
  REQUIRE(parsed.events.size() == 1);
  CHECK(parsed.events[0].type == "message.status");
  CHECK(parsed.events[0].fields.at("status").is_null());
  CHECK(parsed.events[0].fields.at("provider_status") == "lost in space");
}

TEST_CASE("Twilio: fields that are missing or no text are faults, and give no event") {
  const auto faults = [](std::string_view body) {
    const auto parsed = sms_call(body).parse();
    CHECK(parsed.events.empty());
    return faults_of(parsed);
  };
  CHECK(faults("Body=hi&From=%2B1") == List{"/MessageSid required"});
  CHECK(faults("Body=hi&MessageSid=&From=") == List{"/MessageSid required", "/From required"});
  CHECK(faults("Body=%FF&MessageSid=SM1&From=%2B1") == List{"/Body format"});
  CHECK(faults("MessageStatus=sent") == List{"/MessageSid required"});
}

TEST_CASE("Twilio: a stream gives what can be used, says what cannot, and keeps unknown kinds") {
  const auto parsed = sms_call(R"([
    {"id":"EZ1","type":"com.twilio.messaging.message.sent",
     "data":{"messageSid":"SM1","messageStatus":"SENT","timestamp":"2026-11-21T06:59:01.900Z"}},
    {"id":"EZ2","type":"com.twilio.messaging.message.sent","data":{"messageStatus":"SENT"}},
    {"id":"EZ3","type":"com.twilio.messaging.message.sent"}, 7,
    {"id":"EZ5","type":"com.twilio.voice.insights.call-summary.complete","data":{}},
    {"id":"EZ6","type":"com.twilio.messaging.inbound-message.received",
     "data":{"messageSid":"SM6","from":"whatsapp:+1","body":"hi"}}])")
                          .parse();
  CHECK(faults_of(parsed) == List{"/1/data/messageSid required", "/2/data required", "/3 type"});
  REQUIRE(parsed.events.size() == 3);
  CHECK_FALSE(parsed.idempotency_key.has_value());
  CHECK(parsed.events[0].fields.at("timestamp") == 1'795'244'341);
  CHECK(parsed.events[1].type == "generic");
  CHECK(parsed.events[1].idempotency_key == "EZ5");
  CHECK(parsed.events[2].type == "message.inbound");
  CHECK(parsed.events[2].fields.at("from") == "+1");
  CHECK(parsed.events[2].fields.at("text") == "hi");
}

}  // namespace
}  // namespace posthorn::providers

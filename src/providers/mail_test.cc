// The mail providers: what their samples say, and what they make of broken payloads.

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "crypto/asymmetric.h"
#include "crypto/test_certificate.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr Instant now{1'760'000'000'000};
constexpr std::string_view url = "https://hooks.example.com/in/x";

Settings settings_of(const Provider& provider, const json::object& config) {
  model::Faults faults;
  auto settings = read_settings(provider, config, faults, "", true);
  REQUIRE_MESSAGE(faults.empty(), faults.summary());
  return settings;
}

const json::object& certificates() {
  static const json::object map{
      {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-ab.pem",
       crypto::test_certificate}};
  return map;
}

json::object config_of(const Provider& provider) {
  static const auto pair = crypto::make_p256();
  if (&provider == &sendgrid_events)
    return {{"public_key", pair.public_key}, {"private_key", pair.private_key.reveal()}};
  if (&provider == &ses_sns)
    return {{"topic_arns", json::array{"arn:aws:sns:eu-west-1:123456789012:mail"}},
            {"private_key", crypto::test_private_key},
            {"certs", certificates()}};
  if (&provider == &mailgun) return {{"signing_key", "key-1"}};
  if (&provider == &email_inbound || &provider == &email_status) return {{"secret", "s-1"}};
  if (&provider == &web_form)
    return {{"allowed_origins", "https://www.example.com"}, {"honeypot", "website"}};
  return {{"basic_auth", {{"username", "u"}, {"password", "p:ä"}}}};
}

const Provider* const mail_providers[] = {&sendgrid_events, &sendgrid_inbound, &email_inbound,
                                          &email_status,    &mailgun,          &postmark,
                                          &ses_sns,         &web_form};

/// A sample as it arrives.
struct Arrived {
  Sample sample;
  std::vector<std::pair<std::string_view, std::string_view>> views;
  explicit Arrived(Sample made) : sample(std::move(made)) {}
  Incoming incoming() {
    views.assign(sample.headers.begin(), sample.headers.end());
    return {.method = sample.method, .url = sample.url, .headers = views, .body = sample.body};
  }
};

Arrived arrived(const Provider& provider, const Settings& settings, std::string_view event,
                std::string_view body = {}) {
  auto made = provider.sample(settings, {.url = url,
                                         .event = event.empty() ? provider.samples.front() : event,
                                         .unique = "00112233aabbccdd",
                                         .now = now,
                                         .body = body});
  REQUIRE_MESSAGE(made.has_value(), made.error().what);
  return Arrived(*std::move(made));
}

TEST_CASE("every sample of the mail providers verifies and gives an event or an action") {
  for (const auto* provider : mail_providers) {
    const auto settings = settings_of(*provider, config_of(*provider));
    for (const auto event : provider->samples) {
      CAPTURE(provider->name);
      CAPTURE(event);
      auto request = arrived(*provider, settings, event);
      const auto verification = provider->verify(settings, request.incoming(), now);
      CHECK_MESSAGE(verification.verified, verification.reason);
      const auto parsed = provider->parse(settings, request.incoming());
      CHECK(parsed.unreadable.empty());
      for (const auto& fault : parsed.faults) FAIL_CHECK(fault.pointer << ": " << fault.detail);
      CHECK((parsed.action.has_value() || !parsed.events.empty()));
      for (const auto& one : parsed.events)
        CHECK((parsed.idempotency_key.has_value() || !one.idempotency_key.empty()));
    }
  }
}

TEST_CASE("a sample whose key is not the source's does not verify") {
  for (const auto* provider : mail_providers) {
    if (provider->unverified) continue;
    CAPTURE(provider->name);
    const auto settings = settings_of(*provider, config_of(*provider));
    auto other = config_of(*provider);
    for (const std::string_view name : {"secret", "signing_key"})
      if (other.contains(name)) other[name] = "another";
    if (other.contains("public_key")) other["public_key"] = crypto::make_p256().public_key;
    if (other.contains("basic_auth")) other["basic_auth"] = {{"username", "u"}, {"password", "p"}};
    if (other.contains("topic_arns"))
      other["topic_arns"] = json::array{"arn:aws:sns:eu-west-1:123456789012:other"};
    auto request = arrived(*provider, settings, {});
    const auto verification =
        provider->verify(settings_of(*provider, other), request.incoming(), now);
    CHECK_FALSE(verification.verified);
    CHECK_FALSE(verification.reason.empty());
    CHECK_FALSE(provider->verify(Settings(), request.incoming(), now).verified);
  }
}

TEST_CASE("a header of a signature that comes twice is refused") {
  for (const auto* provider : mail_providers) {
    if (provider == &mailgun || provider == &ses_sns) continue;  // Theirs are in the body.
    CAPTURE(provider->name);
    const auto settings = settings_of(*provider, config_of(*provider));
    auto request = arrived(*provider, settings, {});
    request.sample.headers.push_back(request.sample.headers.back());
    CHECK_FALSE(provider->verify(settings, request.incoming(), now).verified);
  }
}

TEST_CASE("whatever the body is, parse answers") {
  std::string deep(100'000, '[');
  for (const auto* provider : mail_providers) {
    const auto settings = settings_of(*provider, config_of(*provider));
    for (const std::string& body :
         {std::string(), std::string("{"), std::string("null"), std::string("[null]"),
          std::string("[[1]]"), std::string("{}"), std::string("\xff\xfe"), deep,
          std::string(R"({"event-data":{"id":1}})"), std::string(R"({"RecordType":7})"),
          std::string(R"([{"event":5,"sg_event_id":[],"timestamp":"x"}])")}) {
      for (const std::string_view type :
           {"application/json", "multipart/form-data; boundary=x", "message/rfc822",
            "application/x-www-form-urlencoded", ""}) {
        CAPTURE(provider->name);
        CAPTURE(body.substr(0, 40));
        CAPTURE(type);
        const std::pair<std::string_view, std::string_view> header{"Content-Type", type};
        const Incoming request{.url = url, .headers = {&header, 1}, .body = body};
        CHECK_FALSE(provider->verify(settings, request, now).verified);
        const auto parsed = provider->parse(settings, request);
        for (const auto& event : parsed.events) CHECK_FALSE(event.type.empty());
      }
    }
  }
}

/// The faults that the body gives, as "pointer code".
std::vector<std::string> faults_of(const Provider& provider, std::string_view body) {
  const std::pair<std::string_view, std::string_view> header{"Content-Type", "application/json"};
  const Incoming request{.url = url, .headers = {&header, 1}, .body = body};
  std::vector<std::string> found;
  const auto parsed = provider.parse(settings_of(provider, config_of(provider)), request);
  CHECK(parsed.unreadable == "");
  for (const auto& fault : parsed.faults) found.push_back(fault.pointer + " " + fault.code);
  return found;
}
using Texts = std::vector<std::string>;

TEST_CASE("what is missing or wrong is named with its place, and its event is not made") {
  CHECK(faults_of(sendgrid_events, R"([{"event":"open","email":"a@b","timestamp":"soon"},
      {"email":"a@b"},7,{"event":"bounce"}])") ==
        Texts{"/0/timestamp type", "/1/event required", "/2 type", "/3/email required"});
  CHECK(faults_of(email_status, R"({"id":"1","event":"bounced","message_id":"m","recipient":"r",
      "timestamp":"yesterday","bounce_class":"odd"})") ==
        Texts{"/timestamp format", "/bounce_class not_allowed"});
  CHECK(faults_of(email_inbound, R"({"message_id":"m@x","from":"a@b","to":[],
      "attachments":[{"content_base64":"%"}],"received_at":"x"})") ==
        Texts{"/to required", "/received_at format", "/attachments/0/content_base64 format"});
  CHECK(faults_of(mailgun, R"({"event-data":{"event":"opened"}})") ==
        Texts{"/event-data/id required", "/event-data/recipient required"});
  CHECK(faults_of(mailgun, R"({"event-data":[]})") == Texts{"/event-data type"});
  CHECK(faults_of(postmark, R"({"RecordType":"Bounce","Type":"HardBounce","Email":"a@b",
      "BouncedAt":"2025-10-09T08:51:44.0000000Z"})") == Texts{"/ID required"});
  CHECK(faults_of(postmark, R"({"RecordType":"Click","MessageID":"m","Recipient":"a@b",
      "ReceivedAt":"never"})") == Texts{"/ReceivedAt format", "/OriginalLink required"});
  CHECK(faults_of(ses_sns, R"({"Type":"Notification","MessageId":"1","Message":
      "{\"eventType\":\"Bounce\",\"mail\":{},\"bounce\":{\"bouncedRecipients\":{}}}"})") ==
        Texts{"/Message/mail/messageId required", "/Message/bounce/bounceType required",
              "/Message/bounce/bouncedRecipients type"});
}

json::object first_event(const Provider& provider, std::string_view body) {
  const std::pair<std::string_view, std::string_view> header{"Content-Type", "application/json"};
  const Incoming request{.url = url, .headers = {&header, 1}, .body = body};
  const auto parsed = provider.parse(settings_of(provider, config_of(provider)), request);
  REQUIRE(parsed.faults.empty());
  REQUIRE(parsed.events.size() == 1);
  json::object shown = parsed.events[0].fields;
  shown["type"] = parsed.events[0].type;
  shown["key"] = parsed.idempotency_key.value_or(parsed.events[0].idempotency_key);
  return shown;
}

TEST_CASE("failed is a bounce without a class; an unknown status is kept as generic") {
  const std::string rest =
      R"(","message_id":"<m@x>","recipient":"r","timestamp":"2025-10-09T08:49:58Z"})";
  const auto failed = first_event(email_status, R"({"id":"1","event":"failed)" + rest);
  CHECK(failed.at("type") == "email.bounced");
  CHECK(failed.at("bounce_class") == "unknown");
  CHECK(failed.at("provider_message_id") == "m@x");
  CHECK(failed.at("key") == "1");
  CHECK(first_event(email_status, R"({"id":"1","event":"new)" + rest).at("type") == "generic");
}

TEST_CASE("an unknown record of Postmark is kept under the body's digest") {
  const auto event = first_event(postmark, R"({"RecordType":"Brand New"})");
  CHECK(event.at("type") == "generic");
  CHECK(std::string_view(event.at("key").as_string()).starts_with("sha256:"));
}

TEST_CASE("Mailgun: a call that can never be right is answered 406, a wrong key 401") {
  const auto settings = settings_of(mailgun, config_of(mailgun));
  auto request = arrived(mailgun, settings, {});
  const auto verification = mailgun.verify(settings, request.incoming(), now);
  REQUIRE(verification.tokens.size() == 1);
  CHECK(verification.tokens[0].text.size() == 50);
  CHECK(verification.tokens[0].until.unix_seconds() == now.unix_seconds() + 901);
  const auto status = [&](const Settings& with, Instant at) {
    const auto refused = mailgun.verify(with, request.incoming(), at);
    CHECK_FALSE(refused.verified);
    return refused.refusal ? refused.refusal->status : 401;
  };
  CHECK(status(settings_of(mailgun, {{"signing_key", "another"}}), now) == 401);
  CHECK(status(settings, now + Millis(900'000 + 1000)) == 406);
  CHECK(mailgun.verify(settings, request.incoming(), now + Millis(900'000)).verified);
  CHECK(status(settings, now - Millis(901'000)) == 401);
  request.sample.body = "{}";
  CHECK(status(settings, now) == 406);
}

TEST_CASE("SNS: the certificate's address is given only for an allowed topic and Amazon's host") {
  const auto settings = settings_of(ses_sns, config_of(ses_sns));
  auto request = arrived(ses_sns, settings, {});
  CHECK(ses_sns.certificate_url(settings, request.incoming()) ==
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-ab.pem");
  CHECK_FALSE(ses_sns.certificate_url(Settings(), request.incoming()));
  auto& body = request.sample.body;
  body.replace(body.find("sns.eu-west-1.amazonaws.com"), 27, "sns.eu-west-1.amazonaws.net");
  CHECK_FALSE(ses_sns.certificate_url(settings, request.incoming()));
  CHECK_FALSE(ses_sns.verify(settings, request.incoming(), now).verified);
}

TEST_CASE("SNS: without the certificate, or outside its years, nothing verifies") {
  const auto settings = settings_of(ses_sns, config_of(ses_sns));
  auto request = arrived(ses_sns, settings, {});
  CHECK(ses_sns.verify(settings, request.incoming(), now).verified);
  CHECK_FALSE(ses_sns.verify(settings.with_map("certs", {}), request.incoming(), now).verified);
  CHECK_FALSE(ses_sns.verify(settings, request.incoming(), Instant{}).verified);
  model::Faults faults;
  read_settings(ses_sns, config_of(ses_sns), faults);
  CHECK(faults.summary().find("/certs") != std::string::npos);
}

TEST_CASE("trigger without a private key says what to give") {
  for (const auto* provider : {&sendgrid_events, &ses_sns}) {
    auto config = config_of(*provider);
    config.erase("private_key");
    const auto settings = settings_of(*provider, config);
    const auto made = provider->sample(
        settings, {.url = url, .event = provider->samples.front(), .unique = "0", .now = now});
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().code == Errc::invalid);
    CHECK(made.error().what.find("private_key") != std::string::npos);
  }
}

TEST_CASE("wrong settings are named") {
  const auto faults = [](const Provider& provider, const json::object& config) {
    model::Faults found;
    read_settings(provider, config, found);
    Texts all;
    for (const auto& fault : found.all()) all.push_back(fault.pointer + " " + fault.code);
    return all;
  };
  CHECK(faults(sendgrid_events, {{"public_key", "AAAA"}}) == Texts{"/public_key format"});
  CHECK(faults(sendgrid_inbound, {}) == Texts{"/basic_auth required"});
  CHECK(faults(ses_sns, {{"topic_arns", "topic"}}) == Texts{"/topic_arns format"});
  CHECK(faults(mailgun, {{"signing_key", "k"}, {"tolerance_s", 0}}) ==
        Texts{"/tolerance_s out_of_range"});
  CHECK(faults(postmark, {}) == Texts{"/basic_auth required"});
  CHECK(faults(web_form, {{"allowed_origins", json::array{"https://a.example/", "*"}},
                          {"redirect_url", "javascript:alert(1)"}}) ==
        Texts{"/allowed_origins/0 format", "/allowed_origins/1 format", "/redirect_url format"});
}

}  // namespace
}  // namespace posthorn::providers

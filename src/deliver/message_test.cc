#include "deliver/message.h"

#include <doctest/doctest.h>

#include <map>

using namespace posthorn;
using namespace posthorn::deliver;

namespace {

const Instant now{1'795'000'000'000};
const std::string body_text = R"({"a":1})";

model::EndpointSecret secret(std::string text, Instant created = {}) {
  model::EndpointSecret made;
  made.text = Secret(std::move(text));
  made.created_at = created;
  return made;
}

model::Event event() {
  model::Event made;
  made.id = EventId{44};
  made.workspace = WorkspaceId{1};
  made.application = ApplicationId{2};
  made.type = "ticket.created";
  made.actor = "key:key_0000000000003";
  made.created_at = now;
  made.data = share(body_text);
  return made;
}

std::map<std::string, std::string> headers_of(const model::Endpoint& endpoint,
                                              const model::Event& sent = event(), int attempt = 1) {
  HmacCache cache;
  const Body body = format_body(sent, endpoint.format);
  std::map<std::string, std::string> found;
  for (const auto& header :
       message_headers(sent, endpoint, DeliveryId{7}, attempt, now, body, cache)) {
    CHECK_MESSAGE(!found.contains(header.name), header.name);
    found[header.name] = header.value;
  }
  return found;
}

std::string hex_signature(std::string_view key, std::string_view body) {
  return "sha256=" + to_hex(crypto::hmac(crypto::Digest::sha256, key, body));
}

std::string standard_signature(std::string_view key, std::string_view body) {
  const std::string text =
      EventId{44}.text() + "." + std::to_string(now.unix_seconds()) + "." + std::string(body);
  return "v1," + to_base64(crypto::hmac(crypto::Digest::sha256, key, text));
}

}  // namespace

TEST_CASE("message_headers: every header of an attempt") {
  model::Endpoint endpoint;
  endpoint.secrets = {secret("plain secret")};
  endpoint.headers = {{"Authorization", "Bearer x"}};
  auto sent = event();
  sent.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  sent.hop = 1;
  const auto body = *format_body(sent, endpoint.format).bytes;
  const std::map<std::string, std::string> expected{
      {"Content-Type", "application/json"},
      {"User-Agent", "Posthorn/" POSTHORN_VERSION},
      {"X-Webhook-Event", "ticket.created"},
      {"X-Webhook-Delivery", to_uuid(DeliveryId{7})},
      {"X-Webhook-Attempt", "3"},
      {"X-Webhook-Signature", hex_signature("plain secret", body)},
      {"webhook-id", "evt_000000000001c"},
      {"webhook-timestamp", "1795000000"},
      {"webhook-signature", standard_signature("plain secret", body)},
      {"webhook-hop", "2"},
      {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"Authorization", "Bearer x"}};
  CHECK(headers_of(endpoint, sent, 3) == expected);
}

TEST_CASE("message_headers: the endpoint's own come last") {
  model::Endpoint endpoint;
  endpoint.headers = {{"A", "1"}, {"B", "2"}};
  HmacCache cache;
  const auto sent = event();
  const Body body = format_body(sent, endpoint.format);
  const auto headers = message_headers(sent, endpoint, DeliveryId{7}, 1, now, body, cache);
  REQUIRE(headers.size() > 2);
  CHECK(headers[headers.size() - 2].name == "A");
  CHECK(headers.back().name == "B");
}

TEST_CASE("sign: an endpoint without a secret has no signature of either scheme") {
  const auto headers = headers_of(model::Endpoint{});
  CHECK_FALSE(headers.contains("X-Webhook-Signature"));
  CHECK_FALSE(headers.contains("X-Webhook-Signature-Previous"));
  CHECK_FALSE(headers.contains("webhook-signature"));
  CHECK(headers.contains("webhook-id"));
  CHECK(headers.contains("webhook-timestamp"));
}

TEST_CASE("standard_webhooks_key: base64 after whsec_, else the text itself") {
  CHECK(standard_webhooks_key("whsec_MDEyMzQ1Njc4OWFiY2RlZg==") == "0123456789abcdef");
  CHECK(standard_webhooks_key("whsec_not base64!") == "whsec_not base64!");
  CHECK(standard_webhooks_key("hello") == "hello");
  CHECK(standard_webhooks_key("MDEyMzQ1Njc4OWFiY2RlZg==") == "MDEyMzQ1Njc4OWFiY2RlZg==");
}

TEST_CASE("sign: the example of the Standard Webhooks libraries verifies") {
  // Secret, id and time of the reference implementations' own tests.
  model::Endpoint endpoint;
  endpoint.secrets = {secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")};
  HmacCache cache;
  const auto made = sign(endpoint, "msg_p5jXN8AQM9LWM0D4loKWxJek", Instant{1'614'265'330'000},
                         R"({"test": 2432232314})", cache);
  CHECK(made.standard == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("sign: the two schemes take their keys differently from one secret") {
  model::Endpoint endpoint;
  endpoint.secrets = {secret("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")};
  HmacCache cache;
  const auto made = sign(endpoint, EventId{44}.text(), now, body_text, cache);
  CHECK(made.hex_current == hex_signature("whsec_MDEyMzQ1Njc4OWFiY2RlZg==", body_text));
  CHECK(made.standard == standard_signature("0123456789abcdef", body_text));
  CHECK(made.hex_previous.empty());
}

TEST_CASE("sign: throughout a rotation, both secrets verify and one value is current") {
  // The old secret is current until the new one is promoted; then it signs as the previous one
  // until it expires.
  auto old_secret = secret("old", now - 1h);
  auto new_secret = secret("new", now);
  new_secret.promote_at = now + 1h;
  old_secret.expires_at = now + 25h;
  model::Endpoint endpoint;
  endpoint.secrets = {old_secret, new_secret};
  HmacCache cache;
  struct Case {
    Millis after;
    const char* current;
    const char* previous;  ///< Empty: no such header.
    std::vector<const char*> standard;
  };
  const std::vector<Case> cases{
      {0s, "old", "", {"old", "new"}},    {1h - 1ms, "old", "", {"old", "new"}},
      {1h, "new", "old", {"new", "old"}}, {25h - 1ms, "new", "old", {"new", "old"}},
      {25h, "new", "", {"new"}},          {1000h, "new", "", {"new"}}};
  for (const auto& expected : cases) {
    CAPTURE(expected.after.count());
    const Instant at = now + expected.after;
    const auto made = sign(endpoint, "evt_x", at, body_text, cache);
    CHECK(made.hex_current == hex_signature(expected.current, body_text));
    CHECK(made.hex_previous ==
          (*expected.previous ? hex_signature(expected.previous, body_text) : ""));
    std::string standard;
    for (const char* key : expected.standard) {
      const std::string text =
          "evt_x." + std::to_string(at.unix_seconds()) + "." + std::string(body_text);
      standard += (standard.empty() ? "v1," : " v1,") +
                  to_base64(crypto::hmac(crypto::Digest::sha256, key, text));
    }
    CHECK(made.standard == standard);
  }
}

TEST_CASE("sign: a key pair adds a v1a signature that its public key verifies") {
  model::Endpoint endpoint;
  const auto pair = crypto::make_ed25519(std::string(32, 's'));
  endpoint.key_pair = model::SigningKeyPair{pair.seed, pair.public_key};
  HmacCache cache;
  const std::string text = "evt_x." + std::to_string(now.unix_seconds()) + "." + body_text;

  SUBCASE("beside the secret's") {
    endpoint.secrets = {secret("plain")};
    const auto made = sign(endpoint, "evt_x", now, body_text, cache);
    const auto space = made.standard.find(' ');
    REQUIRE(space != std::string::npos);
    CHECK(made.standard.starts_with("v1,"));
    const auto entry = made.standard.substr(space + 1);
    REQUIRE(entry.starts_with("v1a,"));
    CHECK(crypto::ed25519_verify(pair.public_key, *from_base64(entry.substr(4)), text));
  }
  SUBCASE("alone when there is no secret") {
    const auto made = sign(endpoint, "evt_x", now, body_text, cache);
    CHECK(made.hex_current.empty());
    REQUIRE(made.standard.starts_with("v1a,"));
    CHECK(crypto::ed25519_verify(pair.public_key, *from_base64(made.standard.substr(4)), text));
  }
}

TEST_CASE("HmacCache: forgets and goes on when it is full") {
  HmacCache cache(2);
  for (int round = 0; round < 3; ++round) {
    for (const char* key : {"a", "b", "c", "d", ""}) {
      CHECK(cache.sign(key, {"x", "", "yz"}) == crypto::hmac(crypto::Digest::sha256, key, "xyz"));
    }
  }
}

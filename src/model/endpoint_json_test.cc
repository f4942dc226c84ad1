#include "model/endpoint_json.h"

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "model/header_rules.h"
#include "text/json.h"

using namespace posthorn;
using namespace posthorn::model;

namespace {

constexpr Instant start{1'800'000'000'123};

Endpoint full_endpoint() {
  Endpoint endpoint;
  endpoint.id = EndpointId{7};
  endpoint.workspace = WorkspaceId{2};
  endpoint.application = ApplicationId{3};
  endpoint.url = "https://example.com/hook?x=\xc3\xa4";
  endpoint.description = "billing";
  endpoint.event_types = {"ticket.*", "invoice.paid"};
  endpoint.channels = {"eu", "us"};
  endpoint.filter = R"({"data.amount":{"$gte":100}})";
  endpoint.secrets = {
      {Secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAA1234"), start, std::nullopt, start + 1h},
      {Secret("second secret text"), start + 1s, start + 30min, std::nullopt}};
  auto pair = crypto::make_ed25519(std::string(32, 's'));
  endpoint.key_pair = SigningKeyPair{pair.seed, pair.public_key};
  endpoint.headers = {{"Authorization", "Bearer hunter2"}, {"X-Team", "blue"}};
  endpoint.retry = {"custom", {0ms, 1500ms, 24h}};
  endpoint.timeout = 5s;
  endpoint.format = PayloadFormat::cloudevents_binary;
  endpoint.ordering = Ordering::key;
  endpoint.on_exhausted = OnExhausted::skip;
  endpoint.probing = false;
  endpoint.concurrency_max = 4;
  endpoint.rate_per_second = 2.5;
  endpoint.disable_after = 0;
  endpoint.disable_min_span = 6h;
  endpoint.enabled = false;
  endpoint.disabled_reason = DisabledReason::gone;
  endpoint.disabled_at = start + 2h;
  endpoint.metadata = R"({"tier":"gold"})";
  endpoint.created_at = start;
  endpoint.updated_at = start + 3h;
  endpoint.version = 5;
  return endpoint;
}

void check_equal(const Endpoint& a, const Endpoint& b) {
  CHECK(a.id == b.id);
  CHECK(a.workspace == b.workspace);
  CHECK(a.application == b.application);
  CHECK(a.url == b.url);
  CHECK(a.description == b.description);
  CHECK(a.event_types == b.event_types);
  CHECK(a.channels == b.channels);
  CHECK(a.filter == b.filter);
  REQUIRE(a.secrets.size() == b.secrets.size());
  for (std::size_t i = 0; i < a.secrets.size(); ++i) {
    CHECK(a.secrets[i].text == b.secrets[i].text);
    CHECK(a.secrets[i].created_at == b.secrets[i].created_at);
    CHECK(a.secrets[i].promote_at == b.secrets[i].promote_at);
    CHECK(a.secrets[i].expires_at == b.secrets[i].expires_at);
  }
  REQUIRE(a.key_pair.has_value() == b.key_pair.has_value());
  if (a.key_pair) {
    CHECK(a.key_pair->seed == b.key_pair->seed);
    CHECK(a.key_pair->public_key == b.key_pair->public_key);
  }
  CHECK(a.headers == b.headers);
  CHECK(a.retry == b.retry);
  CHECK(a.timeout == b.timeout);
  CHECK(a.format == b.format);
  CHECK(a.ordering == b.ordering);
  CHECK(a.on_exhausted == b.on_exhausted);
  CHECK(a.probing == b.probing);
  CHECK(a.concurrency_max == b.concurrency_max);
  CHECK(a.rate_per_second == b.rate_per_second);
  CHECK(a.disable_after == b.disable_after);
  CHECK(a.disable_min_span == b.disable_min_span);
  CHECK(a.enabled == b.enabled);
  CHECK(a.disabled_reason == b.disabled_reason);
  CHECK(a.disabled_at == b.disabled_at);
  CHECK(a.metadata == b.metadata);
  CHECK(a.created_at == b.created_at);
  CHECK(a.updated_at == b.updated_at);
  CHECK(a.version == b.version);
}

const crypto::Vault vault = crypto::Vault::for_tests(1);

}  // namespace

TEST_CASE("endpoint document: everything comes back, with and without the optional parts") {
  for (const Endpoint& endpoint : {full_endpoint(), [] {
                                     Endpoint bare;
                                     bare.url = "https://example.com";
                                     bare.created_at = bare.updated_at = start;
                                     return bare;
                                   }()}) {
    const auto back = endpoint_from(to_object(endpoint, vault), vault);
    REQUIRE(back.has_value());
    check_equal(*back, endpoint);
  }
}

TEST_CASE("endpoint document: no secret, seed or header value stands in it, and it is repeatable") {
  const std::string document = to_document(full_endpoint(), vault);
  for (const char* secret : {"whsec_", "second secret", "hunter2", "blue"})
    CHECK(document.find(secret) == std::string::npos);
  CHECK(document.find(to_base64(std::string(32, 's'))) == std::string::npos);
  CHECK(document == to_document(full_endpoint(), vault));
}

TEST_CASE("endpoint document: sealed fields open only in their own endpoint and with their key") {
  Object object = to_object(full_endpoint(), vault);
  CHECK(endpoint_from(object, crypto::Vault::for_tests(2)).error().code == Errc::corrupt);
  object.workspace = WorkspaceId{9};
  const auto moved = endpoint_from(object, vault);
  REQUIRE_FALSE(moved.has_value());
  CHECK(moved.error().code == Errc::corrupt);
  CHECK(moved.error().what.find("/secrets/sealed") != std::string::npos);
}

TEST_CASE("endpoint document: the store may give id, times and version later") {
  Endpoint endpoint = full_endpoint();
  endpoint.id = EndpointId{};
  Object object = to_object(endpoint, vault);
  CHECK(object.id == 0);
  CHECK(object.parent == 3);
  object.id = 44;
  object.version = 1;
  object.created_at = start + 7ms;
  const auto back = endpoint_from(object, vault);
  REQUIRE(back.has_value());
  CHECK(back->id == EndpointId{44});
  CHECK(back->version == 1);
  CHECK(back->created_at == start);
}

TEST_CASE("endpoint document: what is not one is corrupt and says where") {
  const Object good = to_object(full_endpoint(), vault);
  const auto error_of = [&good](auto change) {
    Object object = good;
    change(object);
    const auto read = endpoint_from(object, vault);
    if (read) return std::string("no error");
    CHECK(read.error().code == Errc::corrupt);
    return read.error().what;
  };
  const auto with = [&](const char* name, const char* json) {
    return error_of([&](Object& object) {
      json::object members = text::parse_json(object.document).value().as_object();
      members[name] = text::parse_json(json).value();
      object.document = json::serialize(members);
    });
  };
  CHECK(error_of([](Object&) {}) == "no error");
  CHECK(error_of([](Object& o) { o.document = ""; }) != "no error");
  CHECK(error_of([](Object& o) { o.document = "[]"; }).find("not a JSON object") !=
        std::string::npos);
  CHECK(error_of([](Object& o) { o.document = "{}"; }).find("/url") != std::string::npos);
  CHECK(error_of([](Object& o) { o.kind = ObjectKind::bin; }) != "no error");
  CHECK(with("format", "\"yaml\"").find("/format") != std::string::npos);
  CHECK(with("timeout_ms", "0").find("/timeout_ms") != std::string::npos);
  CHECK(with("filter", "\"{\"").find("/filter") != std::string::npos);
  CHECK(with("metadata", "\"{\"").find("/metadata") != std::string::npos);
  CHECK(with("secrets", "[1]").find("/secrets") != std::string::npos);
  CHECK(with("secrets", "[{}]").find("/secrets/sealed") != std::string::npos);
  CHECK(with("headers", "[{\"sealed\":\"x\"}]").find("/headers/name") != std::string::npos);
  CHECK(with("key_pair", "{\"public_key\":\"x\"}").find("/key_pair") != std::string::npos);
  CHECK(with("retry", "{\"steps_ms\":[-1]}").find("/retry/steps_ms") != std::string::npos);
  CHECK(with("retry", "{\"steps_ms\":[86400001]}").find("/retry/steps_ms") != std::string::npos);
}

TEST_CASE("endpoint answer: never a secret; tails, states and dates tell them apart") {
  const json::object shown = to_api(full_endpoint(), start + 1min);
  const std::string text = json::serialize(shown);
  for (const char* secret : {"whsec_", "second secret", "hunter2"})
    CHECK(text.find(secret) == std::string::npos);
  CHECK(shown.at("id").as_string() == EndpointId{7}.text());
  CHECK(shown.at("headers").as_object().at("Authorization").as_string() == masked_value);
  CHECK(shown.at("headers").as_object().at("X-Team").as_string() == "blue");
  CHECK(shown.at("filter").as_object().contains("data.amount"));
  CHECK(shown.at("metadata").as_object().at("tier").as_string() == "gold");
  CHECK(shown.at("disabled_reason").as_string() == "gone");
  CHECK(json::serialize(shown.at("retry")) ==
        R"({"profile":"custom","steps":[0,1.5E0,86400],"attempts":4})");

  const json::object& signing = shown.at("signing").as_object();
  CHECK(json::serialize(signing.at("schemes")) == R"(["x-webhook-signature","v1","v1a"])");
  CHECK(signing.at("public_key").as_string().starts_with("whpk_"));
  const json::array& secrets = signing.at("secrets").as_array();
  REQUIRE(secrets.size() == 2);
  CHECK(secrets[0].as_object().at("state").as_string() == "current");
  CHECK(secrets[0].as_object().at("tail").as_string() == "1234");
  CHECK(secrets[0].as_object().at("expires_at").as_string() == to_rfc3339(start + 1h));
  CHECK(secrets[1].as_object().at("state").as_string() == "pending");
  CHECK(secrets[1].as_object().at("promote_at").as_string() == to_rfc3339(start + 30min));
  CHECK(secrets[1].as_object().at("expires_at").is_null());

  const json::object later = to_api(full_endpoint(), start + 31min);
  const json::array& after = later.at("signing").as_object().at("secrets").as_array();
  CHECK(after[0].as_object().at("tail").as_string() == "text");
  CHECK(after[1].as_object().at("state").as_string() == "previous");
}

TEST_CASE("endpoint answer: a short secret shows no tail, an unsigned endpoint no scheme") {
  Endpoint endpoint;
  endpoint.secrets = {{Secret("elevenchars"), start, std::nullopt, std::nullopt}};
  const json::object shown = to_api(endpoint, start);
  const json::object& signing = shown.at("signing").as_object();
  CHECK(signing.at("secrets").as_array()[0].as_object().at("tail").is_null());
  CHECK(signing.at("public_key").is_null());
  CHECK(shown.at("disabled_reason").is_null());
  CHECK(shown.at("filter").is_null());
  CHECK(shown.at("application_id").is_null());
  endpoint.secrets.clear();
  CHECK(to_api(endpoint, start).at("signing").as_object().at("schemes").as_array().empty());
}

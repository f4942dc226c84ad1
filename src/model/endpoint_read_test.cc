#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "model/endpoint_json.h"
#include "model/header_rules.h"
#include "model/test_random.h"
#include "text/json.h"

using namespace posthorn;
using namespace posthorn::model;

namespace {

constexpr Instant start{1'800'000'000'000};

Result<> check_url(std::string_view url) {
  if (url.starts_with("https://")) return {};
  return fail(Errc::refused, "takes an https:// address");
}

struct Outcome {
  EndpointInput input;
  Faults faults;
  [[nodiscard]] const Endpoint& endpoint() const { return input.endpoint; }
};

Outcome apply(std::string_view body, Endpoint base = {}) {
  CountingRandom random;
  const EndpointRules rules{check_url, random, start};
  Faults faults;
  const json::value value = text::parse_json(body).value();
  EndpointInput input = read_endpoint(value.as_object(), faults, std::move(base), rules);
  return {std::move(input), std::move(faults)};
}

/// A new endpoint whose only odd member is the one given.
Outcome create(std::string_view member) {
  return apply("{\"url\":\"https://a.example/\"" +
               (member.empty() ? std::string() : "," + std::string(member)) + "}");
}

Outcome patch(std::string_view body, Endpoint base = {}) {
  if (!base.id) base.id = EndpointId{1};
  return apply(body, std::move(base));
}

/// "pointer code" of each fault.
std::string codes(const Faults& faults) {
  std::string out;
  for (const Fault& fault : faults.all()) {
    if (!out.empty()) out += ", ";
    out += fault.pointer + " " + fault.code;
  }
  return out;
}

std::string detail(const Outcome& outcome) {
  REQUIRE(outcome.faults.count() == 1);
  return outcome.faults.all()[0].detail;
}

std::string secret_of(const Outcome& outcome) {
  if (outcome.endpoint().secrets.empty()) return "";
  return std::string(outcome.endpoint().secrets.back().text.reveal());
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string rotation_faults(std::string_view body) {
  CountingRandom random;
  Faults faults;
  const json::value value = text::parse_json(body).value();
  const auto rotation =
      read_rotation(value.as_object(), faults, EndpointRules{check_url, random, start});
  (void)rotation;
  return codes(faults);
}

}  // namespace

TEST_CASE("create: a URL is enough, everything else has its default") {
  const Outcome made = create("");
  CHECK(codes(made.faults).empty());
  CHECK(made.endpoint().url == "https://a.example/");
  CHECK(made.endpoint().event_types == std::vector<std::string>{"*"});
  CHECK(made.endpoint().retry == RetryPolicy{});
  CHECK(made.endpoint().timeout == 10s);
  CHECK_FALSE(made.input.application.has_value());
  CHECK_FALSE(made.endpoint().key_pair.has_value());
  CHECK(made.endpoint().metadata == "{}");
}

TEST_CASE("create: every member is taken") {
  const Outcome made = apply(R"({
    "url": "https://a.example/x", "event_types": ["ticket.*", "a"], "application": "acme",
    "channels": ["eu:1", "B-2"], "filter": {"data.amount": {"$gte": 100}}, "secret": "my secret",
    "headers": {"X-One": "1", "x-two": ""}, "retry": "quick", "timeout_ms": 1000, "format": "xml",
    "ordering": "key", "on_exhausted": "skip", "probing": false, "description": "for \u00e4ll",
    "concurrency": 256, "rate_limit": 0.5, "disable_after": 0, "disable_min_span_ms": 60000,
    "metadata": {"a": [1]}, "asymmetric": true})");
  CHECK(codes(made.faults).empty());
  const Endpoint& endpoint = made.endpoint();
  CHECK(made.input.application == "acme");
  CHECK(endpoint.event_types == std::vector<std::string>{"ticket.*", "a"});
  CHECK(endpoint.channels == std::vector<std::string>{"eu:1", "B-2"});
  CHECK(endpoint.filter == R"({"data.amount":{"$gte":100}})");
  CHECK(secret_of(made) == "my secret");
  CHECK(endpoint.secrets[0].created_at == start);
  CHECK(endpoint.headers == std::vector<Header>{{"X-One", "1"}, {"x-two", ""}});
  CHECK(endpoint.retry == retry_profile("quick"));
  CHECK(endpoint.timeout == 1s);
  CHECK(endpoint.format == PayloadFormat::xml);
  CHECK(endpoint.ordering == Ordering::key);
  CHECK(endpoint.on_exhausted == OnExhausted::skip);
  CHECK_FALSE(endpoint.probing);
  CHECK(endpoint.concurrency_max == 256);
  CHECK(endpoint.rate_per_second == 0.5);
  CHECK(endpoint.disable_after == 0);
  CHECK(endpoint.disable_min_span == 60s);
  CHECK(endpoint.metadata == R"({"a":[1]})");
  REQUIRE(endpoint.key_pair.has_value());
  CHECK(endpoint.key_pair->public_key.size() == 32);
}

TEST_CASE("create: all faults are told at once, each with its place") {
  const Outcome made = apply(R"({"url": "http://a", "event_types": [], "timeout_ms": 999,
                                 "retry": "never", "secret": 5, "urll": 1, "probing": "yes"})");
  CHECK(codes(made.faults) ==
        "/url url_refused, /event_types too_short, /secret type, /retry not_allowed, "
        "/timeout_ms out_of_range, /probing type, /urll unknown_member");
  CHECK(made.faults.result().error().code == Errc::invalid);
  CHECK(codes(apply("{}").faults) == "/url required");
  CHECK(codes(apply(R"({"url": null})").faults) == "/url type");
}

TEST_CASE("create: a fault says what is allowed and what was given") {
  CHECK(detail(apply(R"({"url": "ftp://x"})")) == "takes an https:// address");
  CHECK(detail(create(R"("timeout_ms": 30001)")) ==
        "takes a whole number from 1000 to 30000, not 30001");
  CHECK(detail(create(R"("ordering": "strict")")) == R"(takes "none" or "key", not "strict")");
  CHECK(detail(create(R"("evnt_types": [])")) ==
        R"(there is no member "evnt_types"; did you mean "event_types"?)");
  CHECK(
      detail(create(R"("zzz": 1)")) ==
      R"(there is no member "zzz"; known: url, event_types, channels, filter, application, secret, asymmetric, headers, retry, timeout_ms, format, ordering, on_exhausted, probing, concurrency, rate_limit, disable_after, disable_min_span_ms, description, metadata)");
  CHECK(detail(create(R"("enabled": false)")) == "enabled is set by the server: leave it out");
}

TEST_CASE("secret: made, given, none") {
  CHECK(secret_of(create("")) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
  CHECK(secret_of(create(R"("secret": "x")")) == "x");
  CHECK(create(R"("secret": null)").endpoint().secrets.empty());
  CHECK(secret_fault(secret_of(create(""))).empty());
}

TEST_CASE("secret: at the edges of what is taken") {
  CHECK_FALSE(secret_fault("").empty());
  CHECK(secret_fault("a").empty());
  CHECK(secret_fault(std::string(256, 'a')).empty());
  CHECK_FALSE(secret_fault(std::string(257, 'a')).empty());
  CHECK_FALSE(secret_fault("a\n").empty());
  CHECK_FALSE(secret_fault("\xc3\xa4").empty());
  CHECK_FALSE(secret_fault(std::string(1, '\0')).empty());
  for (const auto& [bytes, good] :
       {std::pair<std::size_t, bool>{15, false}, {16, true}, {75, true}, {76, false}}) {
    CAPTURE(bytes);
    CHECK(secret_fault("whsec_" + to_base64(std::string(bytes, 'k'))).empty() == good);
  }
  CHECK_FALSE(secret_fault("whsec_").empty());
  CHECK_FALSE(secret_fault("whsec_not base64").empty());
  CHECK(secret_fault("WHSEC_anything").empty());
}

TEST_CASE("secret: its text is in no fault") {
  const Outcome made = create(R"("secret": "whsec_hunter2")");
  CHECK(codes(made.faults) == "/secret format");
  CHECK(detail(made).find("hunter2") == std::string::npos);
  CHECK(rotation_faults(R"({"secret": ["hunter2"]})") == "/secret type");
}

TEST_CASE("event types and channels: their form and number") {
  for (const char* text : {"*", "a", "a.b.c", "ticket.*", "*.created", "a_1.b*c"}) {
    CAPTURE(text);
    CHECK(codes(create("\"event_types\":[" + quoted(text) + "]").faults).empty());
  }
  for (const char* text : {"", ".", "a.", ".a", "a..b", "A", "a b", "a-b", "\\u00e4", "a/b"}) {
    CAPTURE(text);
    CHECK(codes(create("\"event_types\":[" + quoted(text) + "]").faults) ==
          "/event_types/0 format");
  }
  CHECK(codes(create("\"event_types\":[" + quoted(std::string(128, 'a')) + "]").faults).empty());
  CHECK(codes(create("\"event_types\":[" + quoted(std::string(129, 'a')) + "]").faults) ==
        "/event_types/0 format");
  CHECK(codes(create(R"("event_types": ["a", "b", "a", 1])").faults) ==
        "/event_types/2 duplicate, /event_types/3 type");
  CHECK(codes(create(R"("event_types": "a")").faults) == "/event_types type");
  CHECK(codes(create(R"("channels": [])").faults).empty());
  CHECK(codes(create(R"("channels": ["a b"])").faults) == "/channels/0 format");
  std::string many;
  for (int i = 0; i < 21; ++i) many += (i == 0 ? "" : ",") + quoted("c" + std::to_string(i));
  CHECK(codes(create("\"channels\":[" + many + "]").faults) == "/channels too_many");
}

TEST_CASE("filter: a fault inside has its place inside") {
  CHECK(codes(create(R"("filter": {})").faults).empty());
  CHECK(codes(create(R"("filter": {"data.amount": {"$gt": {}}})").faults) ==
        "/filter/data.amount/$gt format");
  CHECK(create(R"("filter": null)").endpoint().filter.empty());
  const Outcome wrong = create(R"("filter": 5)");
  REQUIRE(wrong.faults.count() == 1);
  CHECK(wrong.faults.all()[0].pointer.starts_with("/filter"));
}

TEST_CASE("retry: a profile, a list of waits or an object") {
  const auto retry = [](const char* text) { return create("\"retry\":" + std::string(text)); };
  CHECK(retry("\"patient\"").endpoint().retry == retry_profile("patient"));
  CHECK(retry(R"({"profile": "quick"})").endpoint().retry == retry_profile("quick"));
  const RetryPolicy own{"custom", {1s, 5min, 250ms, 1500ms, 0ms, 24h}};
  CHECK(retry(R"(["1s", "5m", "250ms", 1.5, 0, "24h"])").endpoint().retry == own);
  CHECK(retry(R"({"steps": ["1s", "5m", "250ms", 1.5, 0, 86400]})").endpoint().retry == own);
  CHECK(retry(R"({"profile": "custom", "steps": [1]})").endpoint().retry ==
        RetryPolicy{"custom", {1s}});
  CHECK(retry("[]").endpoint().retry == RetryPolicy{"custom", {}});
  CHECK(retry("null").endpoint().retry == RetryPolicy{});
  CHECK(codes(retry("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]").faults).empty());
}

TEST_CASE("retry: what is refused, and where") {
  const auto faults = [](const char* text) {
    return codes(create("\"retry\":" + std::string(text)).faults);
  };
  CHECK(faults("\"fast\"") == "/retry not_allowed");
  CHECK(faults("5") == "/retry type");
  CHECK(faults("{}") == "/retry required");
  CHECK(faults(R"({"profile": "custom"})") == "/retry/steps required");
  CHECK(faults(R"({"profile": "fast"})") == "/retry/profile not_allowed");
  CHECK(faults(R"({"profile": 1})") == "/retry/profile type");
  CHECK(faults(R"({"profile": "quick", "steps": [1]})") == "/retry/steps not_allowed");
  CHECK(faults(R"({"step": [1]})") == "/retry/step unknown_member, /retry required");
  CHECK(faults(R"([1, "x", -1, "25h", null, 86400.001, 1e300])") ==
        "/retry/1 format, /retry/2 format, /retry/3 out_of_range, /retry/4 format, "
        "/retry/5 out_of_range, /retry/6 format");
  CHECK(faults("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]") == "/retry too_many");
}

TEST_CASE("headers: names that frame, route or sign a request are refused") {
  for (const char* name : {"Host",
                           "content-length",
                           "Transfer-Encoding",
                           "Connection",
                           "TE",
                           "Trailer",
                           "Upgrade",
                           "Keep-Alive",
                           "Proxy-Authorization",
                           "Expect",
                           "Content-Type",
                           "User-Agent",
                           "X-Webhook-Signature",
                           "webhook-id",
                           "traceparent",
                           "X-Forwarded-For",
                           "Forwarded",
                           "ce-id",
                           "a b",
                           "a:b",
                           "a\\r\\nb",
                           "",
                           "\\u00e4",
                           "a(b)"}) {
    CAPTURE(name);
    const Outcome made = create("\"headers\":{" + quoted(name) + ":\"x\"}");
    REQUIRE(made.faults.count() == 1);
    CHECK(made.faults.all()[0].code == "not_allowed");
    CHECK(made.faults.all()[0].pointer.starts_with("/headers/"));
  }
  for (const char* name :
       {"Authorization", "Cookie", "X-Api-Key", "X-Forward", "a!#$%&'*+-.^_`|~9"}) {
    CAPTURE(name);
    CHECK(codes(create("\"headers\":{" + quoted(name) + ":\"x\"}").faults).empty());
  }
}

TEST_CASE("headers: values, doubles and limits") {
  const auto faults = [](const std::string& headers) {
    return codes(create("\"headers\":" + headers).faults);
  };
  CHECK(faults(R"({"a": "b\tc d"})").empty());
  CHECK(faults(R"({"a": "b\r\nc: d"})") == "/headers/a format");
  CHECK(faults(R"({"a": "\u00e4"})") == "/headers/a format");
  CHECK(faults(R"({"a": " b"})") == "/headers/a format");
  CHECK(faults(R"({"a": 1})") == "/headers/a type");
  CHECK(faults(R"({"a/~": 1})") == "/headers/a~1~0 not_allowed");
  CHECK(faults(R"({"X-A": "1", "x-a": "2"})") == "/headers/x-a duplicate");
  CHECK(faults("[]") == "/headers type");
  const auto many = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += (i == 0 ? "{" : ",") + quoted("h" + std::to_string(i)) + ":\"\"";
    return out + "}";
  };
  CHECK(faults(many(20)).empty());
  CHECK(faults(many(21)) == "/headers too_many");
  const auto large = [](std::size_t bytes) {
    return "{\"h\":" + quoted(std::string(bytes, 'x')) + "}";
  };
  CHECK(faults(large(8 * 1024 - 5)).empty());
  CHECK(faults(large(8 * 1024 - 4)) == "/headers too_long");
}

TEST_CASE("headers: a masked value sent back keeps what was there") {
  Endpoint base;
  base.id = EndpointId{1};
  base.headers = {{"Authorization", "Bearer x"}, {"X-Old", "1"}};
  const Outcome kept = patch(R"({"headers": {"authorization": "********", "X-New": "2"}})", base);
  CHECK(codes(kept.faults).empty());
  CHECK(kept.endpoint().headers ==
        std::vector<Header>{{"authorization", "Bearer x"}, {"X-New", "2"}});
  CHECK(codes(patch(R"({"headers": {"X-Other": "********"}})", base).faults) ==
        "/headers/X-Other format");
}

TEST_CASE("numbers and texts: at the limit and one past it") {
  const auto faults = [](const std::string& member) { return codes(create(member).faults); };
  for (const char* good :
       {R"("timeout_ms": 1000)", R"("timeout_ms": 30000)", R"("timeout_ms": 2000.0)",
        R"("concurrency": 1)", R"("concurrency": 256)", R"("rate_limit": 0.001)",
        R"("rate_limit": 100000)", R"("rate_limit": null)", R"("disable_after": 1000)",
        R"("disable_min_span_ms": 2592000000)", R"("description": "")"}) {
    CAPTURE(good);
    CHECK(faults(good).empty());
  }
  for (const char* bad :
       {R"("timeout_ms": 999)", R"("timeout_ms": 1000.5)", R"("timeout_ms": 18446744073709551615)",
        R"("concurrency": 0)", R"("concurrency": 257)", R"("rate_limit": 0)", R"("rate_limit": -1)",
        R"("rate_limit": 100000.1)", R"("disable_after": -1)", R"("disable_after": 1001)",
        R"("disable_min_span_ms": 2592000001)"}) {
    CAPTURE(bad);
    CHECK(faults(bad).ends_with("out_of_range"));
  }
  CHECK(faults(R"("timeout_ms": "5s")") == "/timeout_ms type");
  CHECK(faults("\"description\":" + quoted(std::string(1024, 'x'))).empty());
  CHECK(faults("\"description\":" + quoted(std::string(1025, 'x'))) == "/description too_long");
  CHECK(faults(R"("description": "a\u001b[2J")") == "/description format");
  CHECK(faults(R"("metadata": [])") == "/metadata type");
  CHECK(faults("\"metadata\":{\"k\":" + quoted(std::string(16 * 1024, 'x')) + "}") ==
        "/metadata too_long");
  CHECK(faults(R"("application": "")") == "/application too_short");
}

TEST_CASE("patch: only what is there changes, null brings back the default") {
  Endpoint base;
  base.id = EndpointId{1};
  base.url = "https://old.example/";
  base.event_types = {"a"};
  base.timeout = 5s;
  base.retry = *retry_profile("quick");
  base.secrets = {{Secret("old"), start, std::nullopt, std::nullopt}};
  base.rate_per_second = 5;
  base.version = 3;

  const Outcome empty = patch("{}", base);
  CHECK(codes(empty.faults).empty());
  CHECK(empty.endpoint().url == "https://old.example/");
  CHECK(empty.endpoint().retry == base.retry);
  CHECK(secret_of(empty) == "old");
  CHECK(empty.endpoint().version == 3);

  const Outcome reset = patch(R"({"timeout_ms": null, "retry": null,
                                  "rate_limit": null, "description": "new"})",
                              base);
  CHECK(codes(reset.faults).empty());
  CHECK(reset.endpoint().event_types == std::vector<std::string>{"a"});
  CHECK(reset.endpoint().timeout == 10s);
  CHECK(reset.endpoint().retry == RetryPolicy{});
  CHECK_FALSE(reset.endpoint().rate_per_second.has_value());
  CHECK(reset.endpoint().description == "new");
  CHECK(reset.endpoint().url == "https://old.example/");
}

TEST_CASE("patch: a cleared list of event types is refused, not widened to everything") {
  Endpoint base;
  base.id = EndpointId{1};
  base.event_types = {"a"};
  const Outcome outcome = patch(R"({"event_types": null})", base);
  CHECK(codes(outcome.faults) == "/event_types type");
  CHECK(outcome.endpoint().event_types == std::vector<std::string>{"a"});
  CHECK(create("").endpoint().event_types == std::vector<std::string>{"*"});
}

TEST_CASE("patch: the secret can be removed and not replaced, the application stays") {
  Endpoint base;
  base.id = EndpointId{1};
  base.secrets = {{Secret("old"), start, std::nullopt, std::nullopt}};
  CHECK(patch(R"({"secret": null})", base).endpoint().secrets.empty());
  const Outcome replaced = patch(R"({"secret": "new"})", base);
  CHECK(codes(replaced.faults) == "/secret read_only");
  CHECK(detail(replaced).find("rotate-secret") != std::string::npos);
  CHECK(codes(patch(R"({"application": "other"})", base).faults) == "/application read_only");
}

TEST_CASE("patch: a key pair is made once and can be removed") {
  const Outcome made = patch(R"({"asymmetric": true})");
  REQUIRE(made.endpoint().key_pair.has_value());
  const Outcome again = patch(R"({"asymmetric": true})", made.endpoint());
  CHECK(again.endpoint().key_pair->public_key == made.endpoint().key_pair->public_key);
  CHECK_FALSE(patch(R"({"asymmetric": false})", made.endpoint()).endpoint().key_pair.has_value());
}

TEST_CASE("patch: what an answer shows can be sent back once the server's own members are out") {
  Endpoint base =
      create(R"("retry": [1.5], "headers": {"Authorization": "x"}, "filter": {"key": "a"})")
          .endpoint();
  base.id = EndpointId{1};
  json::object answer = to_api(base, start);
  for (const char* name : {"id", "object", "workspace_id", "application_id", "signing", "enabled",
                           "disabled_reason", "disabled_at", "created_at", "updated_at", "version"})
    answer.erase(name);
  const Outcome back = patch(json::serialize(answer), base);
  CHECK(codes(back.faults).empty());
  CHECK(json::serialize(to_api(back.endpoint(), start)) == json::serialize(to_api(base, start)));
}

TEST_CASE("rotation: a secret is made, the overlap is a day") {
  CountingRandom random;
  Faults faults;
  const auto made = read_rotation({}, faults, EndpointRules{check_url, random, start});
  CHECK(faults.empty());
  CHECK(made.secret.reveal().starts_with("whsec_"));
  CHECK(made.overlap == 24h);
  CHECK_FALSE(made.promote_at.has_value());

  const json::value body =
      text::parse_json(R"({"secret": "mine", "grace_seconds": 0, "promote_at": ")" +
                       to_rfc3339(start + 1ms) + "\"}")
          .value();
  const auto given =
      read_rotation(body.as_object(), faults, EndpointRules{check_url, random, start});
  CHECK(faults.empty());
  CHECK(given.secret.reveal() == "mine");
  CHECK(given.overlap == 0ms);
  CHECK(given.promote_at == start + 1ms);
}

TEST_CASE("rotation: what is refused") {
  CHECK(rotation_faults(R"({"secret": null})") == "/secret type");
  CHECK(rotation_faults(R"({"grace_seconds": 2592001})") == "/grace_seconds out_of_range");
  CHECK(rotation_faults(R"({"grace_seconds": 2592000})").empty());
  CHECK(rotation_faults("{\"promote_at\":" + quoted(to_rfc3339(start)) + "}") ==
        "/promote_at out_of_range");
  CHECK(rotation_faults("{\"promote_at\":" + quoted(to_rfc3339(start + 30 * 24h + 1ms)) + "}") ==
        "/promote_at out_of_range");
  CHECK(rotation_faults(R"({"promote_at": "tomorrow"})") == "/promote_at format");
  CHECK(rotation_faults(R"({"grace": 1})") == "/grace unknown_member");
}

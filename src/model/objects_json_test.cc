#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include <array>

#include "base/bytes.h"
#include "model/json.h"
#include "text/json.h"

using namespace posthorn;
using namespace posthorn::model;

namespace {

constexpr Instant start{1'800'000'000'000};
constexpr std::array<std::string_view, 3> scopes{"admin", "events:read", "events:write"};

json::object body(std::string_view text) { return text::parse_json(text).value().as_object(); }

std::string codes(const Faults& faults) {
  std::string out;
  for (const Fault& fault : faults.all())
    out += (out.empty() ? "" : ", ") + fault.pointer + " " + fault.code;
  return out;
}

template <class Thing>
Thing stamped(Thing thing) {
  thing.id.value = 7;
  thing.created_at = start;
  thing.updated_at = start + 1h;
  thing.version = 3;
  return thing;
}

/// Writes, reads and writes again: nothing may be lost on the way.
template <class Thing, class Read>
void check_round_trip(const Thing& thing, Read read) {
  const Object object = to_object(thing);
  CHECK(object.id == 7);
  CHECK(object.version == 3);
  CHECK(object.created_at == start);
  CHECK(object.updated_at == start + 1h);
  const auto back = read(object);
  REQUIRE(back.has_value());
  const Object again = to_object(*back);
  CHECK(again.document == object.document);
  CHECK(again.name == object.name);
  CHECK(again.parent == object.parent);
  CHECK(again.workspace == object.workspace);
  CHECK(json::serialize(to_api(*back)) == json::serialize(to_api(thing)));

  for (const char* document : {"", "[]", "5", "{\"a\":"}) {
    Object broken = object;
    broken.document = document;
    CHECK(read(broken).error().code == Errc::corrupt);
  }
  Object other = object;
  other.kind = ObjectKind::setting;
  CHECK(read(other).error().code == Errc::corrupt);
}

std::string application_faults(std::string_view text) {
  Faults faults;
  (void)read_application(body(text), faults, {});
  return codes(faults);
}

std::string event_type_faults(std::string_view text) {
  Faults faults;
  (void)read_event_type(body(text), faults, {});
  return codes(faults);
}

std::string key_faults(std::string_view text) {
  Faults faults;
  (void)read_api_key(body(text), faults, {}, start, scopes);
  return codes(faults);
}

std::string replay_faults(std::string_view text) {
  Faults faults;
  (void)read_replay_job(body(text), faults, {});
  return codes(faults);
}

}  // namespace

TEST_CASE("workspace: stored, shown and read") {
  Faults faults;
  Workspace made = read_workspace(
      body(R"({"name": "acme", "strict": true, "rate_limit": 5, "metadata": {"a": 1}})"), faults,
      {});
  CHECK(faults.empty());
  made = stamped(made);
  check_round_trip(made, workspace_from);
  CHECK(to_object(made).workspace == WorkspaceId{7});
  const Workspace patched =
      read_workspace(body(R"({"rate_limit": null, "strict": null})"), faults, made);
  CHECK(faults.empty());
  CHECK(patched.name == "acme");
  CHECK_FALSE(patched.strict);
  CHECK_FALSE(patched.rate_per_second.has_value());
  (void)read_workspace(body(R"({"strict": 1, "nam": "x", "rate_limit": 0})"), faults, {});
  CHECK(codes(faults) ==
        "/name required, /strict type, /rate_limit out_of_range, /nam unknown_member");
}

TEST_CASE("application: the uid is the stored name, has a form, and stays") {
  Faults faults;
  Application made =
      read_application(body(R"({"uid": "cust:1.a-B_", "name": "Customer"})"), faults, {});
  CHECK(faults.empty());
  made = stamped(made);
  check_round_trip(made, application_from);
  CHECK(to_object(made).name == "cust:1.a-B_");
  (void)read_application(body(R"({"uid": "cust:1.a-B_", "name": null})"), faults, made);
  CHECK(faults.empty());
  (void)read_application(body(R"({"uid": "other"})"), faults, made);
  CHECK(codes(faults) == "/uid read_only");
  CHECK(application_faults("{}") == "/uid required");
  CHECK(application_faults(R"({"uid": "a b"})") == "/uid format");
  CHECK(application_faults(R"({"uid": ""})") == "/uid too_short");
  CHECK(application_faults("{\"uid\":\"" + ApplicationId{5}.text() + "\"}") == "/uid not_allowed");
  CHECK(application_faults("{\"uid\":\"" + std::string(128, 'u') + "\"}").empty());
  CHECK(application_faults("{\"uid\":\"" + std::string(129, 'u') + "\"}") == "/uid too_long");
}

TEST_CASE("event type: versions with schema and example") {
  Faults faults;
  EventType made = read_event_type(body(R"({"name": "ticket.created", "description": "d",
    "versions": [{"json_schema": {"type": "object", "required": ["id"]}, "example": {"id": 1}},
                 {"example": null}, {"n": 5, "deprecated": true}]})"),
                                   faults, {});
  CHECK(codes(faults).empty());
  REQUIRE(made.versions.size() == 3);
  CHECK(made.versions[0].n == 1);
  CHECK(made.versions[0].json_schema == R"({"type":"object","required":["id"]})");
  CHECK(made.versions[0].example == R"({"id":1})");
  CHECK(made.versions[1].n == 2);
  CHECK(made.versions[1].example.empty());
  CHECK(made.versions[2].n == 5);
  REQUIRE(made.current() != nullptr);
  CHECK(made.current()->n == 2);
  made = stamped(made);
  check_round_trip(made, event_type_from);
  CHECK(to_api(made).at("current_version").as_int64() == 2);
}

TEST_CASE("event type: the current version is the newest that is not deprecated, else the newest") {
  EventType type;
  CHECK(type.current() == nullptr);
  CHECK(to_api(type).at("current_version").as_int64() == 1);
  type.versions = {{1, "", "", true}, {2, "", "", true}};
  CHECK(type.current()->n == 2);
}

TEST_CASE("event type: json_schema or example alone add a version that keeps the rest") {
  EventType base;
  base.id = EventTypeId{1};
  base.name = "a";
  base.versions = {{1, R"({"type":"object","required":["id"]})", R"({"id":1})", false}};
  const auto patched = [&](std::string_view text, std::string_view wanted = "") {
    Faults faults;
    EventType changed = read_event_type(body(text), faults, base);
    CHECK(codes(faults) == wanted);
    return changed;
  };
  const auto example = patched(R"({"example": {"id": 2}})");
  REQUIRE(example.versions.size() == 2);
  CHECK(example.versions[0].example == R"({"id":1})");
  CHECK(example.versions[1].n == 2);
  CHECK(example.versions[1].json_schema == base.versions[0].json_schema);
  CHECK(example.versions[1].example == R"({"id":2})");

  const auto schema = patched(R"({"json_schema": {"type": "object"}})");
  CHECK(schema.current()->json_schema == R"({"type":"object"})");
  CHECK(schema.current()->example == R"({"id":1})");

  const auto cleared = patched(R"({"json_schema": null})");
  CHECK(cleared.current()->n == 2);
  CHECK(cleared.current()->json_schema.empty());
  CHECK(cleared.current()->example == R"({"id":1})");

  CHECK(patched(R"({"description": "d"})").versions.size() == 1);
  patched(R"({"example": {"ID": 2}})", "/example/id schema");
  patched(R"({"json_schema": {"type": "array"}})", "/example schema");
  CHECK(patched(R"({"json_schema": {"type": "array"}, "example": null})").versions.size() == 2);
  patched(R"({"json_schema": {"pattern": "x"}})", "/json_schema/pattern schema");
  patched(R"({"example": 1, "versions": [{}]})", "/example not_allowed");
}

TEST_CASE("event type: what a new version does not say comes from the current one") {
  Faults faults;
  EventType base;
  base.id = EventTypeId{1};
  base.name = "a";
  base.versions = {{1, R"({"type":"object"})", "", false}, {4, "false", "", true}};
  const auto changed = read_event_type(body(R"({"example": {"id": 2}})"), faults, base);
  CHECK(codes(faults).empty());
  REQUIRE(changed.versions.size() == 3);
  CHECK(changed.versions[2].n == 5);
  CHECK(changed.versions[2].json_schema == R"({"type":"object"})");
  CHECK_FALSE(changed.versions[2].deprecated);
}

TEST_CASE("event type: published versions neither change nor vanish") {
  EventType base;
  base.id = EventTypeId{1};
  base.name = "a";
  base.versions = {{1, R"({"type":"object","required":["id"]})", R"({"id":1.5})", false},
                   {3, "", "", false}};
  const auto patched = [&](std::string_view text, std::string_view wanted = "") {
    Faults faults;
    EventType changed = read_event_type(body(text), faults, base);
    CHECK(codes(faults) == wanted);
    return changed;
  };
  patched(R"({"versions": []})", "/versions read_only, /versions read_only");
  patched(R"({"versions": null})", "/versions read_only, /versions read_only");
  patched(R"({"versions": [{"n": 1}]})", "/versions read_only");
  patched(R"({"versions": [{"n": 1, "json_schema": true}, {"n": 3}]})",
          "/versions/0/json_schema read_only");
  patched(R"({"versions": [{"n": 1, "example": null}, {"n": 3}]})",
          "/versions/0/example read_only");
  patched(R"({"versions": [{"n": 1}, {"n": 3, "example": 5}]})", "/versions/1/example read_only");

  const auto same = patched(R"({"versions": [
    {"n": 1, "json_schema": {"required": ["id"], "type": "object"}, "example": {"id": 1.5},
     "deprecated": true},
    {"n": 3, "json_schema": null}, {"json_schema": {"type": "array"}}]})");
  REQUIRE(same.versions.size() == 3);
  CHECK(same.versions[0].deprecated);
  CHECK(same.versions[0].example == base.versions[0].example);
  CHECK(same.versions[2].n == 4);
  const auto kept = patched(R"({"versions": [{"n": 1, "deprecated": true}, {"n": 3}]})");
  CHECK(kept.versions[0].json_schema == base.versions[0].json_schema);
}

TEST_CASE("event type: what is refused, and where") {
  CHECK(event_type_faults("{}") == "/name required");
  for (const char* name : {"Ticket", "a..b", "a.*", "a b", ".a"})
    CHECK(event_type_faults("{\"name\":\"" + std::string(name) + "\"}") == "/name format");
  CHECK(event_type_faults(R"({"name": "a", "versions": [{"json_schema": {"pattern": "x"}}]})") ==
        "/versions/0/json_schema/pattern schema");
  CHECK(event_type_faults(R"({"name": "a", "versions": [{"json_schema": {"type": "null"},
                              "example": {}}]})") == "/versions/0/example schema");
  CHECK(event_type_faults(R"({"name": "a", "versions": [{"n": 2}, {"n": 2}, 5, {"x": 1}]})") ==
        "/versions/1/n out_of_range, /versions/2 type, /versions/3/x unknown_member");
  Faults faults;
  EventType base;
  base.id = EventTypeId{1};
  base.name = "a";
  (void)read_event_type(body(R"({"name": "b"})"), faults, base);
  CHECK(codes(faults) == "/name read_only");
}

TEST_CASE("api key: neither hash nor key is shown, and it is live until its end") {
  Faults faults;
  ApiKey made = read_api_key(body(R"({"name": "ci", "scopes": ["events:write"],
                                      "expires_at": "2100-01-01T00:00:00Z"})"),
                             faults, {}, start, scopes);
  CHECK(faults.empty());
  made.prefix = "abcdefgh";
  made.hash = std::string(64, 'f');
  made.workspace = WorkspaceId{2};
  made.last_used_at = start;
  made = stamped(made);
  check_round_trip(made, api_key_from);
  CHECK(to_object(made).name == "abcdefgh");
  CHECK(json::serialize(to_api(made)).find(made.hash) == std::string::npos);
  CHECK(made.is_live(*made.expires_at - 1ms));
  CHECK_FALSE(made.is_live(*made.expires_at));
  made.revoked_at = start;
  CHECK_FALSE(made.is_live(start));
  CHECK(ApiKey{}.is_live(start));
}

TEST_CASE("api key: what is refused") {
  CHECK(key_faults("{}") == "/scopes required");
  CHECK(key_faults(R"({"scopes": []})") == "/scopes too_short");
  CHECK(key_faults(R"({"scopes": ["events:wrte"]})") == "/scopes/0 format");
  CHECK(key_faults(R"({"scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"})") ==
        "/expires_at out_of_range");
  CHECK(key_faults(R"({"scopes": ["admin"], "hash": "x"})") == "/hash unknown_member");
  Faults faults;
  (void)read_api_key(body(R"({"scopes": ["events:wrte"]})"), faults, {}, start, scopes);
  CHECK(faults.all()[0].detail == R"(takes a scope such as "events:write", not "events:wrte")");
}

TEST_CASE("notification: details of any kind come back") {
  Notification made;
  made.workspace = WorkspaceId{2};
  made.name = "delivery.parked.x";
  made.kind = "endpoint.disabled";
  made.text = "It was disabled.";
  made.details = {{"endpoint_id", EndpointId{9}.text()}, {"count", 10}};
  made.at = start;
  made.read_at = start + 1h;
  made = stamped(made);
  check_round_trip(made, notification_from);
  CHECK(to_object(made).parent == 9);
  CHECK(to_api(made).at("details").as_object().at("count").as_int64() == 10);
}

TEST_CASE("replay job: stored with its progress") {
  Faults faults;
  ReplayJob made = read_replay_job(
      body("{\"endpoint_id\":\"" + EndpointId{4}.text() + "\",\"event_id\":\"" + EventId{5}.text() +
           R"(","statuses":["exhausted","parked"],"event_types":["a.*"],"status_codes":[500],
              "since":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z","dry_run":true,
              "rate":0.5})"),
      faults, {});
  CHECK(codes(faults).empty());
  CHECK(made.filter.endpoint == EndpointId{4});
  CHECK(made.filter.states ==
        std::vector<DeliveryState>{DeliveryState::exhausted, DeliveryState::parked});
  made.state = ReplayState::paused;
  made.counts = {5, 3, 2};
  made.cursor = UINT64_MAX;
  made.actor = "key:x";
  made.finished_at = start;
  made = stamped(made);
  check_round_trip(made, replay_job_from);
  CHECK(replay_job_from(to_object(made))->cursor == UINT64_MAX);
}

TEST_CASE("replay job: over received requests") {
  ReplayJob made;
  RequestReplayFilter filter;
  filter.source = SourceId{4};
  filter.provider = "stripe";
  filter.states = {RequestState::refused, RequestState::invalid};
  filter.since = start;
  filter.force = true;
  made.requests = filter;
  made = stamped(made);
  check_round_trip(made, replay_job_from);
  const auto back = replay_job_from(to_object(made));
  REQUIRE(back->requests);
  CHECK(back->requests->states == filter.states);
  CHECK(back->requests->source == filter.source);
  CHECK(back->requests->provider == "stripe");
  CHECK(back->requests->since == start);
  CHECK_FALSE(back->requests->until);
  CHECK(back->requests->force);
  CHECK(to_api(made).at("filter").is_null());
}

TEST_CASE("replay job: exhausted ones unless said otherwise, and never everything by mistake") {
  Faults faults;
  const ReplayJob made = read_replay_job(body(R"({"since": "2026-01-01T00:00:00Z"})"), faults, {});
  CHECK(faults.empty());
  CHECK(made.filter.states == std::vector<DeliveryState>{DeliveryState::exhausted});
  CHECK_FALSE(made.dry_run);
  CHECK(replay_faults("{}") == " required");
  CHECK(replay_faults(R"({"event_types": ["a"], "statuses": ["pending"]})") ==
        "/statuses not_allowed");
  CHECK(replay_faults(R"({"event_types": ["a"], "statuses": ["failed"]})") == "/statuses/0 format");
  CHECK(replay_faults(R"({"event_types": ["A"]})") == "/event_types/0 format");
  CHECK(replay_faults(R"({"endpoint_id": "ep_1"})") == "/endpoint_id format");
  CHECK(replay_faults(R"({"event_types": ["a"], "status_codes": [99]})") ==
        "/status_codes out_of_range");
  CHECK(replay_faults(R"({"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"})") ==
        "/until out_of_range");
  CHECK(replay_faults(R"({"event_types": ["a"], "rate": 10001})") == "/rate out_of_range");
  CHECK(replay_faults(R"({"event_types": ["a"], "ratio": 1})") == "/ratio unknown_member");
}

TEST_CASE("event: its data stands in the answer byte for byte") {
  Event event;
  event.id = EventId{1};
  event.workspace = WorkspaceId{2};
  event.application = ApplicationId{3};
  event.type = "ticket.created";
  event.key = "a\"b\n";
  event.sequence = 9;
  event.channels = {"eu", "us"};
  event.actor = "key:x";
  event.client_id = "mine";
  event.created_at = start;
  event.due_at = start + 5s;
  event.fan_out = 2;
  event.data = share(R"({"n": 1.0000000000000000001,  "z":1, "a":2})");
  std::string out = "x";
  append_event_json(out, event, true);
  CHECK(out.starts_with("x{"));
  CHECK(out.ends_with(",\"data\":" + *event.data + "}"));
  const json::object shown = body(std::string_view(out).substr(1));
  CHECK(shown.at("id").as_string() == event.id.text());
  CHECK(shown.at("key").as_string() == "a\"b\n");
  CHECK(shown.at("sequence").as_int64() == 9);
  CHECK(shown.at("channels").as_array().size() == 2);
  CHECK(shown.at("traceparent").is_null());
  CHECK(shown.at("deliver_at").as_string() == to_rfc3339(start + 5s));

  std::string without;
  append_event_json(without, event, false);
  CHECK_FALSE(body(without).contains("data"));
  event.data = nullptr;
  event.sequence.reset();
  event.application = {};
  std::string erased;
  append_event_json(erased, event, true);
  CHECK(body(erased).at("data").is_null());
  CHECK(body(erased).at("sequence").is_null());
  CHECK(body(erased).at("application_id").is_null());
}

TEST_CASE("delivery: both forms of its id, and a next attempt only while pending") {
  Delivery delivery;
  delivery.id = DeliveryId{1};
  delivery.due_at = start;
  json::object shown = to_api(delivery);
  CHECK(shown.at("uuid").as_string() == to_uuid(delivery.id));
  CHECK(shown.at("status").as_string() == "pending");
  CHECK(shown.at("next_attempt_at").as_string() == to_rfc3339(start));
  CHECK(shown.at("last_attempt_id").is_null());
  CHECK(shown.at("last_error_class").is_null());
  delivery.state = DeliveryState::exhausted;
  delivery.attempts = 7;
  delivery.last_result = env::ExchangeResult::timed_out;
  delivery.last_attempt = AttemptId{3};
  delivery.replay_of = DeliveryId{9};
  shown = to_api(delivery);
  CHECK(shown.at("next_attempt_at").is_null());
  CHECK(shown.at("last_error_class").as_string() == "timed_out");
  CHECK(shown.at("replay_of").as_string() == DeliveryId{9}.text());
}

TEST_CASE("attempt: whatever bytes a peer answers, the answer is JSON in UTF-8") {
  Attempt attempt;
  attempt.id = AttemptId{1};
  attempt.number = 2;
  attempt.status = 500;
  attempt.response_headers = {{"Server", "caf\xe9"}};
  attempt.response_body = "\xff\x00x";
  attempt.detail = "\xfe";
  attempt.timings.total_ms = 12;
  const json::object shown = to_api(attempt);
  const std::string text = json::serialize(shown);
  CHECK(is_utf8(text));
  CHECK(text::check_json(text).has_value());
  const json::object& response = shown.at("response").as_object();
  CHECK(response.at("body_encoding").as_string() == "base64");
  CHECK(from_base64(response.at("body").as_string()) == attempt.response_body);
  CHECK(response.at("headers").as_array()[0].as_object().at("value").as_string() == "caf\\xe9");
  CHECK(shown.at("timings").as_object().at("dns_ms").is_null());
  CHECK(shown.at("timings").as_object().at("total_ms").as_int64() == 12);

  attempt.response_body = "plain";
  CHECK(to_api(attempt).at("response").as_object().at("body").as_string() == "plain");
  attempt.status = 0;
  attempt.result = env::ExchangeResult::dns_failed;
  CHECK(to_api(attempt).at("response").is_null());
  CHECK(to_api(attempt).at("error_class").as_string() == "dns_failed");
}

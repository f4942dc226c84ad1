// Slack: the Events API (JSON), slash commands and interactivity (forms). An answer is expected
// within 3 s; retried at once, after 1 min and 5 min with the same event_id.

#include <array>
#include <utility>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/form.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view signature_header = "X-Slack-Signature";
constexpr std::string_view timestamp_header = "X-Slack-Request-Timestamp";
constexpr std::string_view version = "v0=";
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

constexpr std::array slack_fields{
    Field{.name = "signing_secret",
          .plural = "signing_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The app's signing secret: Basic Information > App Credentials."},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a request's timestamp may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
};

constexpr std::array<std::string_view, 5> samples{"message", "app_mention", "slash_command",
                                                  "block_actions", "url_verification"};

constexpr std::string_view instructions =
    R"(1. At api.slack.com, open **Your Apps →** the app **→ Basic Information → App Credentials** and set the **Signing Secret** here as `signing_secret`.
2. **Event Subscriptions**: switch them on; Request URL: `{url}`. Slack checks it at once; the source must be saved first.
3. Subscribe to bot events, such as `message.channels` and `app_mention`, and save.
4. For commands and buttons, give the same URL under **Slash Commands** and **Interactivity & Shortcuts**.
)";

std::string mac_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  return crypto::hmac(crypto::Digest::sha256, secret,
                      "v0:" + std::string(timestamp) + ":" + std::string(body));
}

/// Slack's look at the certificate of a command's URL comes without a signature: it is answered,
/// and nothing else happens.
bool is_unsigned_ssl_check(const Incoming& request) {
  if (request.header_count(signature_header) > 0 || request.content_type() != form_type)
    return false;
  return ("&" + std::string(request.body) + "&").contains("&ssl_check=1&");
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (is_unsigned_ssl_check(request)) {
    steps.check(false, "a signature",
                "ssl_check without a signature: answered 200, and nothing else is done");
    return std::move(steps).refused(Reply{});
  }
  if (!has_secret(steps, settings, "signing_secret")) return std::move(steps).refused();
  const auto timestamp = single_header(steps, request, timestamp_header);
  if (!timestamp) return std::move(steps).refused();
  const auto at = unix_seconds(*timestamp);
  if (!steps.check(at.has_value(), "the timestamp",
                   "X-Slack-Request-Timestamp is not a number of unix seconds"))
    return std::move(steps).refused();
  const auto header = single_header(steps, request, signature_header);
  if (!header) return std::move(steps).refused();
  const auto mac =
      header->starts_with(version) ? from_lower_hex(header->substr(version.size())) : std::nullopt;
  if (!steps.check(mac.has_value() && mac->size() == 32, "v0=<64 lower-case hexadecimal digits>",
                   "X-Slack-Signature is not v0= and 64 lower-case hexadecimal digits"))
    return std::move(steps).refused();
  bool matches = false;
  for (const auto& secret : settings.all("signing_secret"))
    matches |= crypto::equal_in_constant_time(mac_of(secret, *timestamp, request.body), *mac);
  if (!steps.check(matches, "HMAC-SHA256 of \"v0:\", timestamp, ':' and body",
                   "X-Slack-Signature is not the HMAC-SHA256 of timestamp and body under the "
                   "signing secret"))
    return std::move(steps).refused();
  if (!is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

std::optional<Reply> challenge(const Settings&, const Incoming& request) {
  if (request.content_type() == form_type) {
    const auto form = text::parse_form(request.body);
    if (form && form->value("ssl_check") == "1") return Reply{};
    return std::nullopt;
  }
  const auto body = text::parse_payload(request.body);
  if (!body || !body->is_object()) return std::nullopt;
  const auto& given = body->get_object();
  const auto* text = given.if_contains("challenge");
  if (text_member(given, "type") != "url_verification" || text == nullptr || !text->is_string())
    return std::nullopt;
  return Reply{.content_type = "application/json",
               .body = json_text(json::object{{"challenge", *text}})};
}

void finish(Parsed& parsed, NormalisedEvent event, const std::string& id, const Incoming& request) {
  parsed.key_is_digest = id.empty();
  parsed.idempotency_key = id.empty() ? body_digest(request.body) : id;
  event.fields["provider_event_id"] = *parsed.idempotency_key;
  parsed.events.push_back(std::move(event));
}

void copy_texts(json::object& fields, const json::object& from,
                std::initializer_list<std::pair<std::string_view, std::string_view>> names) {
  for (const auto& [field, name] : names)
    if (auto text = text_member(from, name); !text.empty()) fields[field] = text;
}

/// `user` is an id, or an object with one.
void add_actor(json::object& fields, const json::object& from) {
  if (auto id = text_member(from, "user"); !id.empty()) fields["actor"] = id;
  if (const auto* user = object_member(from, "user"))
    if (auto id = text_member(*user, "id"); !id.empty()) fields["actor"] = id;
}

void add_inner_event(Parsed& parsed, NormalisedEvent& event, const json::object& given) {
  const auto* inner = object_member(given, "event");
  if (inner == nullptr) {
    parsed.faults.push_back({.pointer = "/event",
                             .code = given.contains("event") ? "type" : "required",
                             .detail = "takes an object"});
    return;
  }
  event.provider_event = text_member(*inner, "type");
  if (event.provider_event.empty())
    parsed.faults.push_back(
        {.pointer = "/event/type", .code = "required", .detail = "takes text that is not empty"});
  add_actor(event.fields, *inner);
  copy_texts(event.fields, *inner,
             {{"text", "text"},
              {"channel", "channel"},
              {"subtype", "subtype"},
              {"ts", "ts"},
              {"thread_ts", "thread_ts"}});
}

Parsed parse_event(const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the body is not a JSON object");
  const auto& given = body->get_object();
  Parsed parsed;
  NormalisedEvent event;
  std::string id = text_member(given, "event_id");
  event.fields["provider_event_id"] = nullptr;
  event.fields["timestamp"] = number_member(given, "event_time");
  copy_texts(event.fields, given, {{"team", "team_id"}});
  event.provider_event = required_text(parsed, given, "type");
  if (event.provider_event == "event_callback") {
    id = required_text(parsed, given, "event_id");
    add_inner_event(parsed, event, given);
  } else if (event.provider_event == "url_verification") {
    required_text(parsed, given, "challenge");
  }
  if (parsed.faults.empty()) finish(parsed, std::move(event), id, request);
  return parsed;
}

/// A button, a menu, a shortcut or a dialog.
Parsed parse_interaction(std::string_view payload, const Incoming& request) {
  const auto body = text::parse_payload(payload);
  if (!body) return unreadable("the field payload is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the field payload is not a JSON object");
  const auto& given = body->get_object();
  Parsed parsed;
  NormalisedEvent event;
  event.fields["provider_event_id"] = nullptr;
  event.provider_event = required_text(parsed, given, "type");
  add_actor(event.fields, given);
  copy_texts(event.fields, given, {{"callback_id", "callback_id"}});
  if (parsed.faults.empty())
    finish(parsed, std::move(event), text_member(given, "trigger_id"), request);
  return parsed;
}

Parsed parse_command(const text::Form& form, const Incoming& request) {
  Parsed parsed;
  const auto command = form.value("command");
  if (command.empty()) {
    parsed.faults.push_back({.pointer = "/command",
                             .code = "required",
                             .detail = "the form has neither a command nor a payload"});
    return parsed;
  }
  NormalisedEvent event;
  event.provider_event = "slash_command:" + std::string(command);
  event.fields["provider_event_id"] = nullptr;
  for (const auto& [field, name] : {std::pair{"actor", "user_id"},
                                    {"text", "text"},
                                    {"channel", "channel_id"},
                                    {"team", "team_id"},
                                    {"response_url", "response_url"}})
    if (const auto value = form.value(name); !value.empty()) event.fields[field] = value;
  finish(parsed, std::move(event), std::string(form.value("trigger_id")), request);
  return parsed;
}

Parsed parse(const Settings&, const Incoming& request) {
  if (request.content_type() != form_type) return parse_event(request);
  const auto form = text::parse_form(request.body);
  if (!form) return unreadable("the form cannot be read: " + form.error().what);
  for (const auto& field : form->fields())
    if (!is_utf8(field.value)) return unreadable("the form is not UTF-8");
  if (const auto payload = form->first("payload")) return parse_interaction(*payload, request);
  return parse_command(*form, request);
}

std::string sample_form(std::string_view event, const std::string& unique) {
  if (event == "block_actions") {
    const std::string payload = json_text(
        json::object{{"type", "block_actions"},
                     {"user", {{"id", "U0ADA"}}},
                     {"trigger_id", "333.444." + unique},
                     {"actions", json::array{{{"action_id", "close"}, {"value", "T-1"}}}}});
    return text::write_form(std::array{text::FormField{"payload", payload}});
  }
  return text::write_form(std::array{
      text::FormField{"team_id", "T0EXAMPLE"}, text::FormField{"channel_id", "C0EXAMPLE"},
      text::FormField{"user_id", "U0ADA"}, text::FormField{"command", "/ticket"},
      text::FormField{"text", "new The printer is on fire"},
      text::FormField{"trigger_id", "111.222." + unique}});
}

std::string sample_event(const SampleOrder& order) {
  const std::string unique(order.unique);
  if (order.event == "url_verification")
    return json_text(json::object{{"challenge", unique}, {"type", "url_verification"}});
  const auto at = order.now.unix_seconds();
  return json_text(json::object{{"team_id", "T0EXAMPLE"},
                                {"api_app_id", "A0EXAMPLE"},
                                {"event",
                                 {{"type", order.event},
                                  {"channel", "C0EXAMPLE"},
                                  {"user", "U0ADA"},
                                  {"text", "The printer is on fire"},
                                  {"ts", std::to_string(at) + ".000100"}}},
                                {"type", "event_callback"},
                                {"event_id", "Ev" + unique},
                                {"event_time", at}});
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  const bool is_form = order.event == "slash_command" || order.event == "block_actions";
  if (!order.body.empty())
    made.body = order.body;
  else
    made.body = is_form ? sample_form(order.event, std::string(order.unique)) : sample_event(order);
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  const auto mac = mac_of(settings.text("signing_secret"), timestamp, made.body);
  made.headers = {{"Content-Type", std::string(is_form ? form_type : "application/json")},
                  {"User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)"},
                  {std::string(timestamp_header), timestamp},
                  {std::string(signature_header), std::string(version) + to_hex(mac)}};
  return made;
}

}  // namespace

const Provider slack{
    .name = "slack",
    .title = "Slack",
    .carries = "messages, mentions, slash commands and buttons of a workspace",
    .fields = slack_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .challenge = challenge,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

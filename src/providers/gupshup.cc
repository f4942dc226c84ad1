// Gupshup: WhatsApp messages and statuses, in its own form (v2) or passed on from Meta (v3).
// Documents: "What is a webhook", "Message events", "Set subscription API v3". Gupshup signs
// nothing: what it can do is send a header of our choice, credentials, or a token in the URL, and
// none of these covers the body or the time.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/basic_auth.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/query.h"
#include "providers/whatsapp_cloud.h"
#include "text/form.h"
#include "text/headers.h"

namespace posthorn::providers {
namespace {

std::string header_problem(std::string_view text) {
  return text::is_token(text) ? "" : "takes the name of a header";
}

std::string value_problem(std::string_view text) {
  const bool is_plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return is_plain && trim(text) == text ? "" : "takes printable ASCII without space around it";
}

std::string username_problem(std::string_view text) {
  return text.find(':') == text.npos ? "" : "takes no colon: it ends the name";
}

constexpr std::array<std::string_view, 3> modes{"header", "basic", "url_token"};

constexpr std::array gupshup_fields{
    Field{.name = "mode",
          .kind = FieldKind::choice,
          .help = "How Gupshup shows that a call is its own: header, basic or url_token.",
          .fallback = "header",
          .choices = modes},
    Field{.name = "header",
          .help = "Mode header: the name of the header of the subscription.",
          .fallback = "X-Posthorn-Token",
          .problem = header_problem},
    Field{.name = "value",
          .plural = "values",
          .kind = FieldKind::secret,
          .help = "Modes header and url_token: the whole value, such as `Bearer …`.",
          .problem = value_problem},
    Field{
        .name = "param", .help = "Mode url_token: the name of the parameter.", .fallback = "token"},
    Field{.name = "username", .help = "Mode basic: the user.", .problem = username_problem},
    Field{.name = "password",
          .plural = "passwords",
          .kind = FieldKind::secret,
          .help = "Mode basic: the password."},
};

constexpr std::array<std::string_view, 8> sample_names{
    "text", "image", "enqueued", "sent", "delivered", "read", "failed", "v3_delivered",
};

constexpr std::string_view set_up =
    R"(1. Make a long random text and set it here as `value` (mode `header`, header `X-Posthorn-Token`).
2. Subscription API (v3), or the **Webhooks** page of your app: callback URL `{url}`, with the
   header in `meta`: `{"headers": {"X-Posthorn-Token": "<value>"}}`. Subscribe to messages and all
   message events.
3. Where no header can be set: mode `url_token`, and the URL `{url}?token=<value>`.

Gupshup calls the URL at once to check it, waits 10 s for a 2xx, and tries again after a failure.
)";

void check(const Settings& settings, std::vector<model::Fault>& faults) {
  const auto& mode = settings.text("mode");
  const auto require = [&](std::string_view name) {
    if (!settings.has(name))
      faults.push_back({.pointer = "/" + std::string(name),
                        .code = "required",
                        .detail = "is missing: the mode is " + mode});
  };
  if (mode != "basic") require("value");
  if (mode == "basic") require("username");
  if (mode == "basic") require("password");
}

bool header_passes(Steps& steps, const Settings& settings, const Incoming& request) {
  const auto& name = settings.text("header");
  const auto value = single_header(steps, request, name);
  return value && steps.check(!value->empty() && any_secret_equals(settings.all("value"), *value),
                              "the header has the value",
                              name + " is not the source's value (letter case counts)");
}

bool credentials_pass(Steps& steps, const Settings& settings, const Incoming& request) {
  const auto header = single_header(steps, request, "Authorization");
  if (!header) return false;
  const auto given = basic_credentials(*header);
  if (!steps.check(given.has_value(), "Basic credentials",
                   "Authorization is not Basic with the base64 of user:password"))
    return false;
  // Both are always compared, so that the time does not tell which one is wrong.
  const bool user_fits = any_secret_equals(settings.all("username"), given->username);
  const bool password_fits = any_secret_equals(settings.all("password"), given->password);
  return steps.check(user_fits && password_fits && !settings.text("username").empty(),
                     "user and password fit", "the user or the password is not the source's");
}

bool url_token_passes(Steps& steps, const Settings& settings, const Incoming& request) {
  const auto& name = settings.text("param");
  const auto token = only_parameter(request.query(), name);
  if (!steps.check(token.has_value(), "the parameter " + name + " is there once",
                   "the URL's parameter " + name + " is missing or came more than once"))
    return false;
  return steps.check(!token->empty() && any_secret_equals(settings.all("value"), *token),
                     "the parameter has the value",
                     "the URL's parameter " + name + " is not the source's value");
}

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  const auto& mode = settings.text("mode");
  if (!has_secret(steps, settings, mode == "basic" ? "password" : "value"))
    return std::move(steps).refused();
  const bool passed = mode == "basic"    ? credentials_pass(steps, settings, request)
                      : mode == "header" ? header_passes(steps, settings, request)
                                         : url_token_passes(steps, settings, request);
  return passed ? std::move(steps).verified() : std::move(steps).refused();
}

void add_media(json::object& fields, const PayloadObject& content) {
  const auto url = content.optional_text("url");
  if (!url) return;
  json::object media{{"url", *url}};
  set(media, "content_type", content.optional_text("contentType"));
  set(media, "filename", content.optional_text("name"));
  fields["media"] = json::array{std::move(media)};
}

/// Texts, captions, and the titles of the buttons and list entries that were chosen.
std::optional<std::string> text_of(const PayloadObject& content) {
  for (const auto name : {"text", "caption", "title", "emoji"})
    if (auto text = content.optional_text(name)) return text;
  return std::nullopt;
}

void add_message(const PayloadObject& root, const PayloadObject& message, Parsed& parsed) {
  const auto id = message.id("id");
  const auto type = message.text("type");
  const auto content = message.optional_object("payload");
  const bool is_reaction = type == "reaction";
  auto event = make_event({.type = is_reaction ? "message.reaction" : "message.inbound",
                           .key = id + ":received",
                           .message_id = id,
                           .status = "received",
                           .from = message.id("source"),
                           .text = content ? text_of(*content) : std::nullopt,
                           .timestamp = root.seconds_or_milliseconds("timestamp")});
  event.fields["message_type"] = type;
  if (const auto sender = message.optional_object("sender"))
    set(event.fields, "from_name", sender->optional_text("name"));
  if (content) {
    add_media(event.fields, *content);
    set(event.fields, "payload", content->optional_text("postbackText"));
    if (type == "location") event.fields["location"] = content->given();
  }
  if (const auto context = message.optional_object("context")) {
    auto replied = context->optional_id("gsId");
    if (!replied) replied = context->optional_id("id");
    set(event.fields, is_reaction ? "reaction_to" : "reply_to", std::move(replied));
  }
  set(event.fields, "app", root.optional_text("app"));
  if (root.faults() == 0) add_event(parsed, std::move(event));
}

/// The id of `enqueued` and `failed` is Gupshup's own. What comes later has WhatsApp's id, with
/// Gupshup's beside it as gsId until a week after sending.
void add_status(const PayloadObject& root, const PayloadObject& status, Parsed& parsed) {
  const auto id = status.id("id");
  const auto gupshup_id = status.optional_id("gsId");
  const auto word = status.text("type");
  const auto details = status.optional_object("payload");
  const std::string own = gupshup_id.value_or(id);
  auto event = make_event({.type = "message.status",
                           .key = own + ":" + word,
                           .message_id = own,
                           .status = whatsapp_status(word),
                           .to = status.optional_id("destination")});
  if (details) event.fields["timestamp"] = details->seconds_or_milliseconds("ts");
  if (event.fields["timestamp"].is_null())
    event.fields["timestamp"] = root.seconds_or_milliseconds("timestamp");
  event.fields["provider_status"] = word;
  const bool is_own_id = !gupshup_id && (word == "enqueued" || word == "failed");
  if (!is_own_id) event.fields["whatsapp_message_id"] = id;
  if (details) {
    if (is_own_id)
      set(event.fields, "whatsapp_message_id", details->optional_id("whatsappMessageId"));
    set(event.fields, "error_code", details->optional_id("code"));
    set(event.fields, "reason", details->optional_text("reason"));
  }
  set(event.fields, "app", root.optional_text("app"));
  if (root.faults() == 0) add_event(parsed, std::move(event));
}

Parsed parse(const Settings&, const Incoming& request) {
  Parsed parsed;
  const auto body = read_object(request, parsed);
  if (!body) return parsed;
  PayloadFaults faults(parsed);
  const PayloadObject root(*body, faults);
  if (root.has("entry")) {
    read_whatsapp_cloud(root, WhatsappSender::gupshup, parsed);
  } else {
    // Events of the user, the account or a template are kept as requests and give no event.
    const auto type = root.text("type");
    if (type == "message" || type == "message-event") {
      if (const auto payload = root.object("payload")) {
        if (type == "message")
          add_message(root, *payload, parsed);
        else
          add_status(root, *payload, parsed);
      }
    }
  }
  take_key_of_only_event(parsed);
  return parsed;
}

json::object sample_body(std::string_view name, const std::string& unique, Instant now) {
  json::object payload{{"id", "ABEG" + unique}};
  json::object body{{"app", "PosthornDemo"}, {"timestamp", now.unix_ms}, {"version", 2}};
  if (name == "text" || name == "image") {
    payload["source"] = "15550106001";
    payload["type"] = name;
    if (name == "image")
      payload["payload"] = {{"caption", "This is what it looks like"},
                            {"url", "https://example.com/1.jpg"},
                            {"contentType", "image/jpeg"}};
    else
      payload["payload"] = {{"text", "Hi, where is order 1042?"}};
    payload["sender"] = {{"phone", "15550106001"}, {"name", "Ada Lovelace"}};
    body["type"] = "message";
  } else {
    payload["type"] = name;
    payload["destination"] = "15550106001";
    if (name == "failed")
      payload["payload"] = {{"code", 1002}, {"reason", "Number Does Not Exists On WhatsApp"}};
    else
      payload["payload"] = {{"ts", now.unix_seconds()}};
    if (name != "failed" && name != "enqueued") payload["gsId"] = "gs-" + unique;
    body["type"] = "message-event";
  }
  body["payload"] = std::move(payload);
  return body;
}

json::object sample_body_v3(const std::string& unique, Instant now) {
  json::object value{{"messaging_product", "whatsapp"},
                     {"metadata", {{"display_phone_number", "15550106999"}}}};
  value["statuses"] = json::array{{{"gs_id", "gs-" + unique},
                                   {"id", "wamid." + unique},
                                   {"recipient_id", "15550106001"},
                                   {"status", "delivered"},
                                   {"timestamp", std::to_string(now.unix_seconds())}}};
  json::object change{{"field", "messages"}};
  change["value"] = std::move(value);
  json::object entry{{"id", "11250555010"}};
  entry["changes"] = json::array{std::move(change)};
  json::object body{{"object", "whatsapp_business_account"}, {"gs_app_id", "gs-app"}};
  body["entry"] = json::array{std::move(entry)};
  return body;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  PH_TRY(const auto name, chosen_sample(sample_names, order));
  const std::string unique(order.unique);
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"}};
  const auto& mode = settings.text("mode");
  if (mode == "basic") {
    made.headers.emplace_back(
        "Authorization",
        "Basic " + to_base64(settings.text("username") + ":" + settings.text("password")));
  } else if (mode == "header") {
    made.headers.emplace_back(settings.text("header"), settings.text("value"));
  } else {
    const auto end = std::min(made.url.find('#'), made.url.size());
    const bool has_query = made.url.substr(0, end).find('?') != std::string::npos;
    made.url.insert(end, (has_query ? "&" : "?") + text::percent_encode(settings.text("param")) +
                             "=" + text::percent_encode(settings.text("value")));
  }
  if (!order.body.empty())
    made.body = order.body;
  else
    made.body = json_text(name == "v3_delivered" ? sample_body_v3(unique, order.now)
                                                 : sample_body(name, unique, order.now));
  return made;
}

}  // namespace

const Provider gupshup{
    .name = "gupshup",
    .title = "Gupshup",
    .carries = "WhatsApp messages, and the statuses of those that were sent",
    .fields = gupshup_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .check = check,
};

}  // namespace posthorn::providers

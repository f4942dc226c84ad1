// GitHub: repository, organisation and app webhooks. One POST, one event, never retried by itself;
// X-GitHub-Delivery is the same when it is redelivered by hand. The headers are not signed.

#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/form.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view signature_header = "X-Hub-Signature-256";
constexpr std::string_view prefix = "sha256=";

constexpr std::array github_fields{
    Field{.name = "secret",
          .plural = "secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The webhook's secret, as typed into GitHub's Secret field."},
};

constexpr std::array<std::string_view, 5> samples{
    "issues.opened", "issue_comment.created", "pull_request.closed", "push", "ping",
};

constexpr std::string_view instructions =
    R"(1. In the repository or organisation, open **Settings → Webhooks → Add webhook**.
2. Payload URL: `{url}`
3. Content type: `application/json`
4. Secret: a long random text; set the same text here as `secret`.
5. Choose the events and press **Add webhook**. GitHub sends a `ping` at once.

GitHub does not retry by itself: what failed is redelivered on the webhook's page, **Recent Deliveries**.
)";

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!has_secret(steps, settings, "secret")) return std::move(steps).refused();
  const auto header = single_header(steps, request, signature_header);
  if (!header) return std::move(steps).refused();
  const auto mac =
      header->starts_with(prefix) ? from_lower_hex(header->substr(prefix.size())) : std::nullopt;
  if (!steps.check(mac.has_value() && mac->size() == 32,
                   "sha256=<64 lower-case hexadecimal digits>",
                   "X-Hub-Signature-256 is not sha256= and 64 lower-case hexadecimal digits"))
    return std::move(steps).refused();
  if (!steps.check(
          any_mac_matches(crypto::Digest::sha256, settings.all("secret"), request.body, *mac),
          "HMAC-SHA256 of the body",
          "X-Hub-Signature-256 is not the HMAC-SHA256 of the body under the secret"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

/// The payload: the body itself, or the field `payload` of a form.
Result<json::value> payload_of(const Incoming& request) {
  if (request.content_type() != "application/x-www-form-urlencoded")
    return text::parse_payload(request.body);
  PH_TRY(const auto form, text::parse_form(request.body));
  const auto payload = form.first("payload");
  if (!payload) return fail(Errc::invalid, "the form has no field \"payload\"");
  return text::parse_payload(*payload);
}

void add_subject(json::object& fields, const json::object& given) {
  for (const auto name : {"issue", "pull_request", "discussion"}) {
    const auto* object = object_member(given, name);
    if (object == nullptr) continue;
    if (auto number = id_member(*object, "number"); !number.empty()) fields["object_id"] = number;
    if (auto title = text_member(*object, "title"); !title.empty()) fields["subject"] = title;
    if (auto url = text_member(*object, "html_url"); !url.empty()) fields["url"] = url;
    return;
  }
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = payload_of(request);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the body is not a JSON object");
  const auto& given = body->get_object();
  Parsed parsed;
  parsed.key_is_unsigned = true;
  const auto id = required_header(parsed, request, "X-GitHub-Delivery");
  const auto name = required_header(parsed, request, "X-GitHub-Event");
  NormalisedEvent event;
  event.provider_event = name;
  if (given.contains("action")) {
    const auto action = required_text(parsed, given, "action");
    event.provider_event += "." + action;
  }
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = id;
  event.fields["provider_event_id"] = id;
  if (const auto* sender = object_member(given, "sender"))
    if (auto login = text_member(*sender, "login"); !login.empty()) event.fields["actor"] = login;
  add_subject(event.fields, given);
  if (const auto* comment = object_member(given, "comment"))
    if (auto text = text_member(*comment, "body"); !text.empty()) event.fields["text"] = text;
  if (const auto* repository = object_member(given, "repository"))
    if (auto full_name = text_member(*repository, "full_name"); !full_name.empty())
      event.fields["repository"] = full_name;
  parsed.events.push_back(std::move(event));
  return parsed;
}

json::object sample_payload(std::string_view event, const SampleOrder& order) {
  json::object payload;
  const json::object issue{{"number", 12},
                           {"title", "Crash on save"},
                           {"state", "open"},
                           {"html_url", "https://github.com/example/desk/issues/12"}};
  if (event == "issues.opened") payload = {{"action", "opened"}, {"issue", issue}};
  if (event == "issue_comment.created")
    payload = {{"action", "created"},
               {"issue", issue},
               {"comment", {{"id", 99}, {"body", "It crashes here too."}}}};
  if (event == "pull_request.closed")
    payload = {{"action", "closed"},
               {"number", 7},
               {"pull_request", {{"number", 7}, {"title", "Fix the crash"}, {"merged", true}}}};
  if (event == "push")
    payload = {{"ref", "refs/heads/main"},
               {"before", "0000000000000000000000000000000000000000"},
               {"after", std::string(order.unique) + "000000000000000000000000"},
               {"commits", json::array()}};
  if (event == "ping") payload = {{"zen", "Keep it logically awesome."}, {"hook_id", 1}};
  payload["repository"] = {{"id", 1}, {"full_name", "example/desk"}};
  payload["sender"] = {{"login", "octocat"}, {"id", 1}};
  return payload;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  made.body =
      order.body.empty() ? json_text(sample_payload(order.event, order)) : std::string(order.body);
  const auto mac = crypto::hmac(crypto::Digest::sha256, settings.text("secret"), made.body);
  made.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "GitHub-Hookshot/" + std::string(order.unique.substr(0, 7))},
                  {"X-GitHub-Delivery", uuid_like(order.unique)},
                  {"X-GitHub-Event", std::string(order.event.substr(0, order.event.find('.')))},
                  {"X-GitHub-Hook-ID", "1"},
                  {std::string(signature_header), std::string(prefix) + to_hex(mac)}};
  return made;
}

}  // namespace

const Provider github{
    .name = "github",
    .title = "GitHub",
    .carries = "issues, comments, pull requests, pushes and everything else of a repository",
    .fields = github_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = 25U << 20,
};

}  // namespace posthorn::providers

// Linear: issues, comments, projects and the rest of a workspace. Retried after 1 min, 1 h and 6 h.
// Of its times only `webhookTimestamp` of the body is signed; the id is in a header, unsigned.

#include <array>
#include <cmath>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view signature_header = "Linear-Signature";

constexpr std::array linear_fields{
    Field{.name = "signing_secret",
          .plural = "signing_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The webhook's signing secret, lin_wh_..., as Linear shows it."},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that webhookTimestamp may differ from now.",
          .fallback = "60",
          .min = 1,
          .max = 86'400},
};

constexpr std::array<std::string_view, 4> samples{"Issue.create", "Issue.update", "Comment.create",
                                                  "Project.update"};

constexpr std::string_view instructions =
    R"(1. In Linear, open **Settings → API → Webhooks → New webhook**.
2. URL: `{url}`; choose the teams and the data change events, and create it.
3. Copy the webhook's **signing secret** (`lin_wh_…`) here as `signing_secret`.
)";

/// Milliseconds of now minus webhookTimestamp; nullopt when that is no number.
std::optional<double> age_ms(std::string_view body, Instant now) {
  const auto payload = text::parse_payload(body);
  if (!payload || !payload->is_object()) return std::nullopt;
  const auto* at = payload->get_object().if_contains("webhookTimestamp");
  if (at == nullptr || !at->is_number()) return std::nullopt;
  return static_cast<double>(now.unix_ms) - at->to_number<double>();
}

bool timestamp_is_fresh(Steps& steps, std::string_view body, Instant now, std::int64_t tolerance) {
  const auto age = age_ms(body, now);
  if (!steps.check(age.has_value(), "webhookTimestamp in the body",
                   "the body has no number webhookTimestamp (milliseconds)"))
    return false;
  const std::string most = std::to_string(tolerance) + " s";
  return steps.check(std::abs(*age) <= static_cast<double>(tolerance) * 1000,
                     "webhookTimestamp is at most " + most + " off",
                     "webhookTimestamp is more than " + most + " in the " +
                         (*age < 0 ? "future" : "past") +
                         ": an old request, a wrong clock, or seconds instead of milliseconds");
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "signing_secret")) return std::move(steps).refused();
  const auto header = single_header(steps, request, signature_header);
  if (!header) return std::move(steps).refused();
  const auto mac = from_lower_hex(*header);
  if (!steps.check(mac.has_value() && mac->size() == 32, "64 lower-case hexadecimal digits",
                   "Linear-Signature is not 64 lower-case hexadecimal digits"))
    return std::move(steps).refused();
  if (!steps.check(any_mac_matches(crypto::Digest::sha256, settings.all("signing_secret"),
                                   request.body, *mac),
                   "HMAC-SHA256 of the body",
                   "Linear-Signature is not the HMAC-SHA256 of the body under the signing secret"))
    return std::move(steps).refused();
  if (!timestamp_is_fresh(steps, request.body, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the body is not a JSON object");
  const auto& given = body->get_object();
  Parsed parsed;
  parsed.key_is_unsigned = true;
  const auto id = required_header(parsed, request, "Linear-Delivery");
  const auto type = required_text(parsed, given, "type");
  const auto action = required_text(parsed, given, "action");
  if (!parsed.faults.empty()) return parsed;
  NormalisedEvent event;
  event.provider_event = type + "." + action;
  event.fields["provider_event_id"] = id;
  event.fields["timestamp"] = seconds_of(text_member(given, "createdAt"));
  if (const auto* actor = object_member(given, "actor"))
    if (auto name = text_member(*actor, "name"); !name.empty()) event.fields["actor"] = name;
  if (const auto* data = object_member(given, "data")) {
    if (auto object_id = id_member(*data, "id"); !object_id.empty())
      event.fields["object_id"] = object_id;
    for (const auto& [field, name] : {std::pair{"subject", "title"}, {"text", "body"}})
      if (auto text = text_member(*data, name); !text.empty()) event.fields[field] = text;
  }
  if (auto url = text_member(given, "url"); !url.empty()) event.fields["url"] = url;
  parsed.idempotency_key = id;
  parsed.events.push_back(std::move(event));
  return parsed;
}

json::object sample_data(std::string_view type, const std::string& unique) {
  if (type == "Comment")
    return {{"id", "com-" + unique}, {"body", "It crashes here too."}, {"issueId", "iss-1"}};
  if (type == "Project") return {{"id", "prj-" + unique}, {"name", "Autumn"}};
  return {{"id", "iss-" + unique}, {"title", "Crash on save"}, {"number", 5}};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  const std::string unique(order.unique);
  const auto dot = order.event.find('.');
  const auto type = order.event.substr(0, dot);
  const auto action = dot == order.event.npos ? "" : order.event.substr(dot + 1);
  made.body = order.body.empty()
                  ? json_text(json::object{{"action", action},
                                           {"actor", {{"id", "u-1"}, {"name", "Ada Lovelace"}}},
                                           {"createdAt", to_rfc3339(order.now)},
                                           {"data", sample_data(type, unique)},
                                           {"type", type},
                                           {"organizationId", "org-1"},
                                           {"webhookTimestamp", order.now.unix_ms},
                                           {"webhookId", "wh-1"}})
                  : std::string(order.body);
  const auto mac = crypto::hmac(crypto::Digest::sha256, settings.text("signing_secret"), made.body);
  made.headers = {{"Content-Type", "application/json; charset=utf-8"},
                  {"Linear-Delivery", uuid_like(unique)},
                  {"Linear-Event", std::string(type)},
                  {"Linear-Timestamp", std::to_string(order.now.unix_ms)},
                  {std::string(signature_header), to_hex(mac)}};
  return made;
}

}  // namespace

const Provider linear{
    .name = "linear",
    .title = "Linear",
    .carries = "issues, comments, projects and cycles of a workspace",
    .fields = linear_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = 5U << 20,
};

}  // namespace posthorn::providers

// email_status: Posthorn's own JSON for what became of sent mail, from any mail system. Document:
// docs/providers.md.

#include <algorithm>
#include <array>

#include "mime/header.h"
#include "providers/own_mail.h"
#include "providers/payload.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t items_max = 500;

constexpr std::array<std::string_view, 4> sample_names{"delivered", "bounced", "opened", "batch"};

constexpr std::string_view set_up =
    R"(1. Make a long random secret and set it here as `secret`; the mail system gets the same.
2. Let it POST JSON to `{url}`, with `Content-Type: application/json`: one object, or a list of up to 500.
   `{"id": "st-1", "event": "delivered", "message_id": "<id of the mail>", "recipient": "ada@example.com", "timestamp": "2026-11-21T08:00:00Z"}`
3. `event` is one of processed, delivered, deferred, bounced, failed, dropped, opened, clicked, complained, unsubscribed.
4. Let it sign the exact bytes that it sends: `X-Webhook-Signature: sha256=<hex of HMAC-SHA256(secret, body)>`.
5. A 202 means that it is stored. On anything else, send the same body again: an `id` counts once.
)";

struct EventKind {
  std::string_view event, type;
};
/// `failed` is what mail systems say of mail that will never arrive: a bounce without a class.
constexpr std::array event_kinds{
    EventKind{"processed", "email.processed"},   EventKind{"delivered", "email.delivered"},
    EventKind{"deferred", "email.deferred"},     EventKind{"bounced", "email.bounced"},
    EventKind{"failed", "email.bounced"},        EventKind{"dropped", "email.dropped"},
    EventKind{"opened", "email.opened"},         EventKind{"clicked", "email.clicked"},
    EventKind{"complained", "email.complained"}, EventKind{"unsubscribed", "email.unsubscribed"},
};
constexpr std::array<std::string_view, 4> bounce_classes{"hard", "soft", "block", "unknown"};

/// One status; nothing when something in it is wrong.
void add_event(Parsed& parsed, const PayloadObject& given) {
  const auto before = given.faults();
  NormalisedEvent event;
  const std::string id = given.id("id");
  event.idempotency_key = id;
  event.provider_event = given.text("event");
  const auto kind =
      std::ranges::find(event_kinds, std::string_view(event.provider_event), &EventKind::event);
  if (kind != event_kinds.end()) event.type = kind->type;
  auto& fields = event.fields;
  fields["provider_event_id"] = id;
  const auto message_id = mime::read_message_ids(given.text("message_id"));
  fields["provider_message_id"] =
      message_id.empty() ? given.optional_text("message_id").value_or("") : message_id.front();
  fields["recipient"] = given.text("recipient");
  const auto time = given.text("timestamp");
  fields["timestamp"] = seconds_of(time);
  if (!time.empty() && fields["timestamp"].is_null())
    given.fault("timestamp", "format", "takes an RFC 3339 time, such as 2026-11-21T08:00:00Z");
  const auto bounce_class = given.optional_text("bounce_class");
  if (bounce_class && std::ranges::find(bounce_classes, *bounce_class) == bounce_classes.end())
    given.fault("bounce_class", "not_allowed", "takes one of hard, soft, block, unknown");
  if (event.type == "email.bounced") fields["bounce_class"] = bounce_class.value_or("unknown");
  set(fields, "reason", given.optional_text("reason"));
  set(fields, "url", given.optional_text("url"));
  if (given.faults() == before) parsed.events.push_back(std::move(event));
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  Parsed parsed;
  PayloadFaults faults(parsed);
  if (body->is_object()) {
    add_event(parsed, PayloadObject(body->get_object(), faults));
    take_key_of_only_event(parsed);
    return parsed;
  }
  if (!body->is_array()) return unreadable("the body is neither a JSON object nor a list of them");
  const auto& list = body->get_array();
  if (list.size() > items_max) {
    faults.add("", "too_many", "takes at most 500 statuses in one call");
    return parsed;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = "/" + std::to_string(i);
    if (list[i].is_object())
      add_event(parsed, PayloadObject(list[i].get_object(), faults, place));
    else
      faults.add(place, "type", "takes an object, not " + model::shown(list[i]));
  }
  return parsed;
}

json::object status(std::string_view event, const std::string& unique, Instant now) {
  json::object made{{"id", "st-" + unique},
                    {"event", event},
                    {"message_id", unique + "@desk.example.com"},
                    {"recipient", "ada@example.com"},
                    {"timestamp", to_rfc3339(now)}};
  if (event == "bounced") {
    made["bounce_class"] = "hard";
    made["reason"] = "550 5.1.1 user unknown";
  }
  return made;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  const std::string unique(order.unique);
  json::value body = status(order.event, unique, order.now);
  if (order.event == "batch")
    body = json::array{status("delivered", unique + "-1", order.now),
                       status("opened", unique + "-2", order.now)};
  return own_mail::sample(settings, order, json_text(body), "application/json");
}

}  // namespace

const Provider email_status{
    .name = "email_status",
    .title = "Mail status (Posthorn's own JSON)",
    .carries = "what became of sent mail, from any mail system",
    .fields = own_mail::fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = own_mail::verify,
    .parse = parse,
    .reply = own_mail::accepted,
    .sample = sample,
    .check = own_mail::check,
};

}  // namespace posthorn::providers

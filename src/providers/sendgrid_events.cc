// SendGrid's Event Webhook: a list of events for each call, signed with ECDSA. Retried for about a
// day; the same event may come in several calls.

#include <algorithm>
#include <array>

#include "providers/list.h"
#include "providers/payload.h"
#include "providers/sendgrid.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array sendgrid_fields{
    Field{.name = "public_key",
          .plural = "public_keys",
          .kind = FieldKind::public_key,
          .required = true,
          .help = "The verification key: Settings, Mail Settings, Event Webhooks, Signature "
                  "Verification.",
          .problem = sendgrid::problem_of_public_key},
    sendgrid::tolerance_field,
    sendgrid::private_key_field,
};

constexpr std::array<std::string_view, 8> sample_names{
    "delivered", "bounce", "open", "click", "deferred", "dropped", "spamreport", "unsubscribe"};

constexpr std::string_view set_up =
    R"(1. Open SendGrid: **Settings → Mail Settings → Event Webhooks → Create new webhook**.
2. Post URL: `{url}`
3. Choose the actions to be posted and switch **Signed Event Webhook** on.
4. Save, open the webhook again, and set the **verification key** here as `public_key`.
)";

struct EventKind {
  std::string_view event, type;
};
constexpr std::array event_kinds{
    EventKind{"processed", "email.processed"},
    EventKind{"deferred", "email.deferred"},
    EventKind{"delivered", "email.delivered"},
    EventKind{"open", "email.opened"},
    EventKind{"click", "email.clicked"},
    EventKind{"bounce", "email.bounced"},
    EventKind{"dropped", "email.dropped"},
    EventKind{"spamreport", "email.complained"},
    EventKind{"unsubscribe", "email.unsubscribed"},
    EventKind{"group_unsubscribe", "email.unsubscribed"},
};

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!sendgrid::is_signed(steps, settings, request, now)) return std::move(steps).refused();
  return std::move(steps).verified();
}

std::string_view bounce_class(std::string_view kind) {
  if (kind == "bounce") return "hard";
  return kind == "blocked" ? "block" : "unknown";
}

/// One event; nothing when something in it is wrong.
void add_event(Parsed& parsed, const PayloadObject& given, const std::string& fallback_id) {
  const auto before = given.faults();
  NormalisedEvent event;
  event.provider_event = given.text("event");
  const auto kind =
      std::ranges::find(event_kinds, std::string_view(event.provider_event), &EventKind::event);
  if (kind != event_kinds.end()) event.type = kind->type;
  const bool is_generic = event.type == "generic";
  const auto id = given.optional_text("sg_event_id");
  auto& fields = event.fields;
  fields["provider_event_id"] = event.idempotency_key = id.value_or(fallback_id);
  set(fields, "provider_message_id", given.optional_text("sg_message_id"));
  set(fields, "recipient",
      is_generic ? given.optional_text("email") : std::optional(given.text("email")));
  fields["timestamp"] = given.seconds("timestamp");
  if (event.type == "email.bounced") {
    const auto bounce = given.optional_text("type");
    fields["bounce_class"] = bounce_class(bounce.value_or(""));
  }
  const bool is_deferred = event.type == "email.deferred";
  set(fields, "reason", given.optional_text(is_deferred ? "response" : "reason"));
  set(fields, "url", given.optional_text("url"));
  set(fields, "user_agent", given.optional_text("useragent"));
  set(fields, "ip", given.optional_text("ip"));
  if (given.faults() == before) parsed.events.push_back(std::move(event));
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_array()) return unreadable("the body is not a JSON list of events");
  Parsed parsed;
  PayloadFaults faults(parsed);
  const std::string digest = body_digest(request.body);
  std::size_t index = 0, with_id = 0;
  for (const auto& one : body->get_array()) {
    const std::string place = "/" + std::to_string(index);
    if (!one.is_object()) {
      faults.add(place, "type", "takes an object, not " + model::shown(one));
    } else {
      with_id += one.get_object().contains("sg_event_id") ? 1U : 0U;
      add_event(parsed, PayloadObject(one.get_object(), faults, place),
                digest + "#" + std::to_string(index));
    }
    ++index;
  }
  parsed.key_is_digest = index > 0 && with_id == 0;
  return parsed;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  const std::string unique(order.unique), event(order.event);
  json::object one{{"email", "ada@example.com"},
                   {"timestamp", order.now.unix_seconds()},
                   {"smtp-id", "<" + unique + "@geopod-ismtpd-1>"},
                   {"event", event},
                   {"category", json::array{"desk"}},
                   {"sg_event_id", "evt" + unique},
                   {"sg_message_id", unique + ".recvd-5f7c-1-68E77"}};
  if (event == "bounce") {
    one["type"] = "bounce";
    one["status"] = "5.1.1";
    one["reason"] = "550 5.1.1 user unknown";
  }
  if (event == "dropped") one["reason"] = "Bounced Address";
  if (event == "deferred") one["response"] = "451 4.7.1 try again later";
  if (event == "delivered") one["response"] = "250 2.0.0 OK";
  if (event == "click") one["url"] = "https://example.com/help";
  if (event == "click" || event == "open") one["useragent"] = "Mozilla/5.0";
  made.body = order.body.empty() ? json_text(json::array{one}) + "\r\n" : std::string(order.body);
  made.headers = {{"Content-Type", "application/json;charset=utf-8"},
                  {"User-Agent", "SendGrid Event API"}};
  if (auto done = sendgrid::sign(made, settings, order.now); !done)
    return fail(std::move(done).error());
  return made;
}

}  // namespace

const Provider sendgrid_events{
    .name = "sendgrid_events",
    .title = "SendGrid events",
    .carries = "what became of sent mail: deliveries, bounces, opens, clicks, complaints",
    .fields = sendgrid_fields,
    .instructions = set_up,
    .samples = sample_names,
    .verify = verify,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

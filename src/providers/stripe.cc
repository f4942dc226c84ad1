// Stripe: events of payments, invoices, disputes and subscriptions. One POST, one event; retried
// for three days, in any order.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array stripe_fields{
    Field{.name = "signing_secret",
          .plural = "signing_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The endpoint's signing secret, whsec_..., as Stripe shows it."},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a signature's timestamp may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
};

constexpr std::array<std::string_view, 8> samples{
    "invoice.payment_failed",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "invoice.paid",
    "charge.refunded",
    "charge.dispute.created",
    "customer.created",
    "customer.subscription.deleted",
};

constexpr std::string_view instructions =
    R"(1. Open the Stripe dashboard: **Developers → Webhooks → Add endpoint**.
2. Endpoint URL: `{url}`
3. Select the events to send, such as `invoice.payment_failed` and `charge.refunded`, and save.
4. On the endpoint's page, reveal the **signing secret** (`whsec_…`) and set it here as `signing_secret`.
)";

/// `t=<unix seconds>,v1=<hex>[,v1=…][,v0=…]`, items in any order; v0 is a test scheme and ignored.
struct Signature {
  std::string_view timestamp;
  std::vector<std::string> macs;
};

Signature read_signature(std::string_view header) {
  Signature signature;
  while (!header.empty()) {
    const auto item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    const auto name = trim(item.substr(0, item.find('=')));
    const auto value = item.find('=') == item.npos ? "" : trim(item.substr(item.find('=') + 1));
    if (name == "t") signature.timestamp = value;
    if (name == "v1" && value == to_lower_ascii(value))
      if (auto mac = from_hex(value)) signature.macs.push_back(*std::move(mac));
  }
  return signature;
}

std::string mac_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  return crypto::hmac(crypto::Digest::sha256, secret,
                      std::string(timestamp) + "." + std::string(body));
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "signing_secret")) return std::move(steps).refused();
  const auto header = single_header(steps, request, "Stripe-Signature");
  if (!header) return std::move(steps).refused();
  const auto signature = read_signature(*header);
  const auto at = unix_seconds(signature.timestamp);
  if (!steps.check(at.has_value(),
                   "the timestamp t=", "Stripe-Signature has no timestamp t=<unix seconds>"))
    return std::move(steps).refused();
  if (!steps.check(!signature.macs.empty(), "a v1 signature",
                   "Stripe-Signature has no v1=<64 lower-case hexadecimal digits>"))
    return std::move(steps).refused();
  bool matches = false;
  for (const auto& secret : settings.all("signing_secret")) {
    const auto expected = mac_of(secret, signature.timestamp, request.body);
    for (const auto& mac : signature.macs) matches |= crypto::equal_in_constant_time(expected, mac);
  }
  if (!steps.check(matches, "HMAC-SHA256 of timestamp, '.' and body",
                   "no v1 signature is the HMAC-SHA256 of timestamp and body under the secret"))
    return std::move(steps).refused();
  if (!is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

struct EventKind {
  std::string_view event, type;
};
constexpr std::array event_kinds{
    EventKind{"payment_intent.succeeded", "payment.succeeded"},
    EventKind{"invoice.paid", "payment.succeeded"},
    EventKind{"payment_intent.payment_failed", "payment.failed"},
    EventKind{"invoice.payment_failed", "payment.failed"},
    EventKind{"charge.failed", "payment.failed"},
    EventKind{"charge.refunded", "payment.refunded"},
    EventKind{"charge.dispute.created", "payment.disputed"},
    EventKind{"customer.subscription.deleted", "payment.subscription_cancelled"},
    EventKind{"checkout.session.completed", "payment.checkout_completed"},
};

/// The amount that the event is about, in minor units, by the kind of object.
json::value amount_of(std::string_view event, const json::object& object) {
  if (event == "charge.refunded") return number_member(object, "amount_refunded");
  if (event == "invoice.paid") return number_member(object, "amount_paid");
  for (const auto name : {"amount_due", "amount", "amount_total"})
    if (object.contains(name)) return number_member(object, name);
  return nullptr;
}

std::string reason_of(const json::object& object) {
  for (const auto name : {"last_payment_error", "last_finalization_error"})
    if (const auto* error = object_member(object, name)) return text_member(*error, "message");
  if (auto message = text_member(object, "failure_message"); !message.empty()) return message;
  return text_member(object, "reason");
}

std::string email_of(const json::object& object) {
  for (const auto name : {"customer_email", "receipt_email"})
    if (auto email = text_member(object, name); !email.empty()) return email;
  for (const auto name : {"billing_details", "customer_details"})
    if (const auto* details = object_member(object, name))
      if (auto email = text_member(*details, "email"); !email.empty()) return email;
  return {};
}

void add_payment(json::object& fields, std::string_view event, const json::object& object) {
  if (auto amount = amount_of(event, object); !amount.is_null())
    fields["amount"] = std::move(amount);
  if (auto currency = text_member(object, "currency"); !currency.empty())
    fields["currency"] = upper_case(currency);
  if (auto reason = reason_of(object); !reason.empty()) fields["reason"] = reason;
  if (auto email = email_of(object); !email.empty()) fields["customer_email"] = email;
  if (auto customer = text_member(object, "customer"); !customer.empty())
    fields["customer_id"] = customer;
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the body is not a JSON object");
  const auto& given = body->get_object();
  Parsed parsed;
  NormalisedEvent event;
  const std::string id = required_text(parsed, given, "id");
  event.provider_event = required_text(parsed, given, "type");
  if (!parsed.faults.empty()) return parsed;
  const auto kind =
      std::ranges::find(event_kinds, std::string_view(event.provider_event), &EventKind::event);
  if (kind != event_kinds.end()) event.type = kind->type;
  parsed.idempotency_key = id;
  event.fields["provider_event_id"] = id;
  event.fields["timestamp"] = number_member(given, "created");
  const auto* data = object_member(given, "data");
  if (const auto* object = data ? object_member(*data, "object") : nullptr) {
    if (auto object_id = text_member(*object, "id"); !object_id.empty())
      event.fields["object_id"] = object_id;
    if (event.type != "generic") add_payment(event.fields, event.provider_event, *object);
  }
  if (const auto* live = given.if_contains("livemode"); live && live->is_bool())
    event.fields["livemode"] = *live;
  parsed.events.push_back(std::move(event));
  return parsed;
}

json::object sample_object(std::string_view event, const std::string& unique) {
  if (event.starts_with("invoice."))
    return {{"id", "in_" + unique},
            {"object", "invoice"},
            {"amount_due", 1500},
            {"amount_paid", event == "invoice.paid" ? 1500 : 0},
            {"currency", "usd"},
            {"customer", "cus_" + unique},
            {"customer_email", "ada@example.com"}};
  if (event.starts_with("payment_intent."))
    return {{"id", "pi_" + unique},
            {"object", "payment_intent"},
            {"amount", 2000},
            {"currency", "eur"},
            {"receipt_email", "ada@example.com"},
            {"last_payment_error",
             event == "payment_intent.payment_failed"
                 ? json::value{{"code", "card_declined"}, {"message", "Your card was declined."}}
                 : json::value(nullptr)}};
  if (event == "charge.refunded")
    return {{"id", "ch_" + unique}, {"object", "charge"},
            {"amount", 5000},       {"amount_refunded", 5000},
            {"currency", "usd"},    {"billing_details", {{"email", "ada@example.com"}}}};
  if (event == "charge.dispute.created")
    return {{"id", "dp_" + unique}, {"object", "dispute"},      {"amount", 700},
            {"currency", "usd"},    {"charge", "ch_" + unique}, {"reason", "fraudulent"}};
  if (event == "customer.subscription.deleted")
    return {{"id", "sub_" + unique}, {"object", "subscription"}, {"customer", "cus_" + unique}};
  return {{"id", "cus_" + unique}, {"object", "customer"}, {"email", "ada@example.com"}};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  const std::string unique(order.unique);
  made.body = order.body;
  if (made.body.empty())
    text::append_json(made.body,
                      json::object{{"id", "evt_" + unique},
                                   {"object", "event"},
                                   {"created", order.now.unix_seconds()},
                                   {"data", {{"object", sample_object(order.event, unique)}}},
                                   {"livemode", false},
                                   {"pending_webhooks", 1},
                                   {"type", order.event}});
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  made.headers = {{"Content-Type", "application/json; charset=utf-8"},
                  {"User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"},
                  {"Stripe-Signature",
                   "t=" + timestamp + ",v1=" +
                       to_hex(mac_of(settings.text("signing_secret"), timestamp, made.body))}};
  return made;
}

}  // namespace

const Provider stripe{
    .name = "stripe",
    .title = "Stripe",
    .carries = "payments, invoices, refunds, disputes and subscriptions",
    .fields = stripe_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

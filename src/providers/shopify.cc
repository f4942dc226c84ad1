// Shopify: orders, customers, refunds and the privacy topics of a shop. Retried 8 times within 4 h
// with the original payload. What names the event (topic, ids) is in headers, which are not signed.

#include <array>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/money.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

constexpr std::array shopify_fields{
    Field{.name = "client_secret",
          .plural = "client_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The app's client secret (shpss_...), or the signing secret that Settings > "
                  "Notifications > Webhooks shows."},
};

constexpr std::array<std::string_view, 5> samples{
    "orders/paid",      "orders/create", "refunds/create", "order_transactions/create",
    "customers/update",
};

constexpr std::string_view instructions =
    R"(1. In the Shopify admin, open **Settings → Notifications → Webhooks → Create webhook**; or subscribe with your app.
2. Event: such as *Order payment*; format: JSON; URL: `{url}`
3. Set the signing secret shown below the list of webhooks (for an app: its client secret) here as `client_secret`.
4. After a client secret was rotated, Shopify may sign with the old one for up to an hour: give both as `client_secrets`.
)";

/// The headers of a webhook; "X-" in front, or not for the newer events.
struct Names {
  std::string_view hmac, topic, shop, version, id, event_id, triggered_at;
};
constexpr Names webhook_names{
    "X-Shopify-Hmac-Sha256", "X-Shopify-Topic",    "X-Shopify-Shop-Domain", "X-Shopify-API-Version",
    "X-Shopify-Webhook-Id",  "X-Shopify-Event-Id", "X-Shopify-Triggered-At"};
constexpr Names event_names{"shopify-hmac-sha256", "shopify-topic",      "shopify-shop-domain",
                            "shopify-api-version", "shopify-webhook-id", "shopify-event-id",
                            "shopify-triggered-at"};

bool has_event_names(const Incoming& request) {
  return request.header_count(webhook_names.hmac) == 0 &&
         request.header_count(event_names.hmac) > 0;
}

bool has_its_headers(Steps& steps, const Incoming& request) {
  const bool newer = has_event_names(request);
  const Names& names = newer ? event_names : webhook_names;
  for (const auto name : {names.topic, names.shop, names.version, names.id}) {
    const auto value = single_header(steps, request, name);
    if (!value) return false;
    if (!steps.check(!value->empty(), std::string(name) + " is not empty",
                     std::string(name) + " is empty"))
      return false;
  }
  return !newer || single_header(steps, request, names.event_id).has_value();
}

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!has_secret(steps, settings, "client_secret")) return std::move(steps).refused();
  const Names& names = has_event_names(request) ? event_names : webhook_names;
  const auto header = single_header(steps, request, names.hmac);
  if (!header || !has_its_headers(steps, request)) return std::move(steps).refused();
  const auto mac = from_base64(*header);
  if (!steps.check(mac.has_value() && mac->size() == 32, "base64 of 32 bytes",
                   std::string(names.hmac) + " is not the base64 of 32 bytes"))
    return std::move(steps).refused();
  if (!steps.check(!request.body.empty(), "a body", "the body is empty"))
    return std::move(steps).refused();
  if (!steps.check(
          any_mac_matches(crypto::Digest::sha256, settings.all("client_secret"), request.body,
                          *mac),
          "HMAC-SHA256 of the body",
          std::string(names.hmac) + " is not the HMAC-SHA256 of the body under the client secret"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

/// "199.00" of `object[name]` in minor units. Missing or null: nothing; anything else is a fault.
void add_amount(Parsed& parsed, json::object& fields, const json::object& object,
                std::string_view name, std::string_view currency) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return;
  const auto amount =
      value->is_string() ? minor_units(value->get_string(), currency) : std::nullopt;
  if (amount)
    fields["amount"] = *amount;
  else
    parsed.faults.push_back({.pointer = "/" + std::string(name),
                             .code = "format",
                             .detail = "takes an amount as text, such as \"199.00\""});
}

void add_refund(Parsed& parsed, json::object& fields, const json::object& given) {
  const auto* transactions = given.if_contains("transactions");
  const auto* list = transactions != nullptr ? transactions->if_array() : nullptr;
  if (list == nullptr) return;
  std::int64_t sum = 0;
  std::string currency;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* one = (*list)[i].if_object();
    if (one == nullptr) continue;
    if (auto status = text_member(*one, "status"); !status.empty() && status != "success") continue;
    const auto paid_in = upper_case(text_member(*one, "currency"));
    const auto amount = minor_units(text_member(*one, "amount"), paid_in);
    if (!amount || (!currency.empty() && currency != paid_in) ||
        __builtin_add_overflow(sum, *amount, &sum)) {
      parsed.faults.push_back({.pointer = "/transactions/" + std::to_string(i),
                               .code = "format",
                               .detail = "takes an amount as text and the refund's one currency"});
      return;
    }
    currency = paid_in;
  }
  if (currency.empty()) return;
  fields["amount"] = sum;
  fields["currency"] = currency;
}

void add_money(Parsed& parsed, NormalisedEvent& event, const json::object& given) {
  if (event.type == "payment.refunded") return add_refund(parsed, event.fields, given);
  const auto currency = upper_case(text_member(given, "currency"));
  add_amount(parsed, event.fields, given,
             event.type == "payment.succeeded" ? "total_price" : "amount", currency);
  if (!currency.empty()) event.fields["currency"] = currency;
  if (auto reason = text_member(given, "message"); !reason.empty()) event.fields["reason"] = reason;
}

std::string type_of(std::string_view topic, const json::object& given) {
  if (topic == "orders/paid") return "payment.succeeded";
  if (topic == "refunds/create") return "payment.refunded";
  if (topic == "order_transactions/create" && text_member(given, "status") == "failure")
    return "payment.failed";
  return "generic";
}

std::string email_of(const json::object& given) {
  if (auto email = text_member(given, "email"); !email.empty()) return email;
  const auto* customer = object_member(given, "customer");
  return customer != nullptr ? text_member(*customer, "email") : std::string();
}

Parsed parse(const Settings&, const Incoming& request) {
  const auto body = text::parse_payload(request.body);
  if (!body) return unreadable("the body is not JSON: " + body.error().what);
  if (!body->is_object()) return unreadable("the body is not a JSON object");
  const auto& given = body->get_object();
  const Names& names = has_event_names(request) ? event_names : webhook_names;
  Parsed parsed;
  parsed.key_is_unsigned = true;
  NormalisedEvent event;
  const auto id = required_header(parsed, request, names.id);
  event.provider_event = required_header(parsed, request, names.topic);
  event.type = type_of(event.provider_event, given);
  event.fields["provider_event_id"] = id;
  event.fields["timestamp"] = seconds_of(request.header(names.triggered_at).value_or(""));
  if (auto object_id = id_member(given, "id"); !object_id.empty())
    event.fields["object_id"] = object_id;
  if (event.type != "generic") add_money(parsed, event, given);
  if (auto email = email_of(given); !email.empty()) event.fields["customer_email"] = email;
  for (const auto& [field, name] : {std::pair{"shop", names.shop}, {"event_id", names.event_id}})
    if (const auto value = request.header(name); value && !value->empty() && is_utf8(*value))
      event.fields[field] = *value;
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = id;
  parsed.events.push_back(std::move(event));
  return parsed;
}

json::object sample_payload(std::string_view topic, std::int64_t id) {
  if (topic == "refunds/create")
    return {{"id", id},
            {"order_id", 1003},
            {"note", "broken"},
            {"transactions", json::array{{{"id", 1},
                                          {"amount", "5.05"},
                                          {"currency", "EUR"},
                                          {"kind", "refund"},
                                          {"status", "success"}}}}};
  if (topic == "order_transactions/create")
    return {{"id", id},       {"order_id", 1004},    {"amount", "12.00"},    {"currency", "USD"},
            {"kind", "sale"}, {"status", "failure"}, {"message", "Declined"}};
  if (topic == "customers/update")
    return {{"id", id}, {"email", "ada@example.com"}, {"first_name", "Ada"}, {"last_name", "L."}};
  return {{"id", id},
          {"name", "#9999"},
          {"email", "ada@example.com"},
          {"total_price", "199.00"},
          {"currency", "USD"},
          {"financial_status", topic == "orders/paid" ? "paid" : "pending"}};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  std::int64_t id = 0;  // 15 digits: as long as Shopify's, and unlike from call to call.
  const auto digits = order.unique.substr(0, 12);
  std::from_chars(digits.data(), digits.data() + digits.size(), id, 16);
  made.body =
      order.body.empty() ? json_text(sample_payload(order.event, id)) : std::string(order.body);
  const auto mac = crypto::hmac(crypto::Digest::sha256, settings.text("client_secret"), made.body);
  made.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "Shopify-Captain-Hook"},
                  {std::string(webhook_names.topic), std::string(order.event)},
                  {std::string(webhook_names.hmac), to_base64(mac)},
                  {std::string(webhook_names.shop), "example.myshopify.com"},
                  {std::string(webhook_names.version), "2025-07"},
                  {std::string(webhook_names.id), uuid_like(order.unique)},
                  {std::string(webhook_names.event_id), uuid_like("e" + std::string(order.unique))},
                  {std::string(webhook_names.triggered_at), to_rfc3339(order.now)}};
  return made;
}

}  // namespace

const Provider shopify{
    .name = "shopify",
    .title = "Shopify",
    .carries = "orders, payments, refunds and customers of a shop",
    .fields = shopify_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .body_bytes_max = 4U << 20,
};

}  // namespace posthorn::providers

// Shopify: orders by the time of their last change, through GraphQL. What a webhook's id would have
// been cannot be known, so an order stands for webhooks by topic: orders/create, orders/paid and
// orders/cancelled once for each order, orders/updated once for each time of change. The body has
// the webhook's names, but only the members that are asked for here.

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"
#include "text/json_payload.h"

namespace posthorn::ingest::pollers {
namespace {

constexpr std::array<std::string_view, 4> topics{"orders/create", "orders/paid", "orders/cancelled",
                                                 "orders/updated"};

constexpr std::string_view query =
    "query($q:String!,$n:Int!,$a:String){orders(first:$n,after:$a,query:$q,sortKey:UPDATED_AT)"
    "{nodes{id legacyResourceId name email createdAt updatedAt cancelledAt cancelReason "
    "displayFinancialStatus displayFulfillmentStatus "
    "totalPriceSet{shopMoney{amount currencyCode}} customer{id email} "
    "transactions(first:20){kind status processedAt}} pageInfo{hasNextPage endCursor}}}";

std::string shop_problem(std::string_view text) {
  constexpr std::string_view suffix = ".myshopify.com";
  const bool good = text.size() > suffix.size() && text.ends_with(suffix) &&
                    is_made_of(text.substr(0, text.size() - suffix.size()), "-");
  return good ? std::string() : "takes the shop's own domain, such as example.myshopify.com";
}
std::string version_problem(std::string_view text) {
  return text.size() == 7 && text[4] == '-' && is_made_of(text, "-")
             ? std::string()
             : "takes an API version such as 2026-07";
}
std::string topic_problem(std::string_view text) {
  return std::ranges::find(topics, text) != topics.end()
             ? std::string()
             : "takes orders/create, orders/paid, orders/cancelled or orders/updated";
}
std::string token_problem(std::string_view text) {
  return is_made_of(text, "_-") ? std::string() : "takes an access token such as shpat_…";
}

constexpr std::array shopify_fields{
    Field{.name = "shop",
          .kind = FieldKind::text,
          .required = true,
          .help = "The shop's own domain (example.myshopify.com).",
          .problem = shop_problem},
    Field{.name = "access_token",
          .kind = FieldKind::secret,
          .required = true,
          .help = "An app's Admin API access token (shpat_...) that may read orders.",
          .problem = token_problem},
    Field{.name = "topics",
          .kind = FieldKind::texts,
          .help = "What the source's webhooks are set up for; none: orders/create and orders/paid.",
          .problem = topic_problem},
    Field{.name = "api_version",
          .kind = FieldKind::text,
          .help = "The Admin API's version.",
          .fallback = "2026-07",
          .problem = version_problem},
};

std::string base_url(const Settings& settings) { return "https://" + settings.text("shop"); }
std::string account(const Settings& settings) { return settings.text("shop"); }

/// Orders that changed before cannot be told from those that webhooks brought.
json::object begin(const Situation& situation) {
  const auto now = situation.now.unix_seconds();
  return {{"since", now}, {"floor", now}};
}

std::string path_of(const Settings& settings) {
  return "/admin/api/" + settings.text("api_version") + "/graphql.json";
}

Request request(const Situation& situation, const json::object& cursor) {
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  const auto after = text_in(page, "after");
  const auto moment = to_rfc3339(Instant{from * 1000}).substr(0, 19) + "Z";
  const json::object variables{{"q", "updated_at:>='" + moment + "'"},
                               {"n", situation.page_size},
                               {"a", after.empty() ? json::value(nullptr) : json::value(after)}};
  return {.method = "POST",
          .path = path_of(situation.settings),
          .headers = {{"X-Shopify-Access-Token", situation.settings.text("access_token")},
                      {"Content-Type", "application/json"}},
          .body = text::json_text(json::object{{"query", query}, {"variables", variables}})};
}

double number_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  boost::system::error_code failed;
  const double number = value != nullptr ? value->to_number<double>(failed) : 0;
  return failed ? 0 : number;
}

/// How long until the query can be paid for.
Millis restored_in(const json::object& answer) {
  const auto* extensions = object_in(answer, "extensions");
  const auto* cost = extensions != nullptr ? object_in(*extensions, "cost") : nullptr;
  const auto* status = cost != nullptr ? object_in(*cost, "throttleStatus") : nullptr;
  if (status == nullptr) return 2s;
  const double missing =
      number_in(*cost, "requestedQueryCost") - number_in(*status, "currentlyAvailable");
  const double seconds = std::ceil(missing / std::max(1.0, number_in(*status, "restoreRate")));
  return std::chrono::seconds(static_cast<std::int64_t>(std::clamp(seconds, 1.0, 3600.0)));
}

std::optional<Refusal> refusal_in(const json::object& answer, const Answer& raw) {
  const auto* errors = array_in(answer, "errors");
  if (errors == nullptr || errors->empty()) return std::nullopt;
  for (const auto& one : *errors) {
    const auto* error = one.if_object();
    if (error == nullptr) continue;
    const auto* extensions = object_in(*error, "extensions");
    if (text_in(*error, "message") == "Throttled" ||
        (extensions != nullptr && text_in(*extensions, "code") == "THROTTLED"))
      return Refusal{.what = "the provider's rate limit is reached: Throttled",
                     .wait = restored_in(answer)};
  }
  return Refusal{.what = "Shopify refuses the query: " + error_text(raw), .restart = true};
}

/// When the last of the payments succeeded, once the order is paid for; 0: it is not.
std::int64_t paid_at(const json::object& order) {
  if (text_in(order, "displayFinancialStatus") != "PAID") return 0;
  std::int64_t at = 0;
  if (const auto* transactions = array_in(order, "transactions"))
    for (const auto& one : *transactions) {
      const auto* transaction = one.if_object();
      if (transaction == nullptr || text_in(*transaction, "status") != "SUCCESS") continue;
      const auto kind = text_in(*transaction, "kind");
      if (kind == "SALE" || kind == "CAPTURE")
        at = std::max(at, seconds_of(text_in(*transaction, "processedAt")));
    }
  // What costs nothing is paid without a payment.
  return at != 0 ? at : seconds_of(text_in(order, "createdAt"));
}

std::int64_t happened_at(std::string_view topic, const json::object& order) {
  if (topic == "orders/create") return seconds_of(text_in(order, "createdAt"));
  if (topic == "orders/paid") return paid_at(order);
  if (topic == "orders/cancelled") return seconds_of(text_in(order, "cancelledAt"));
  return seconds_of(text_in(order, "updatedAt"));
}

std::string key_of(std::string_view topic, const std::string& id, std::int64_t updated_at) {
  return std::string(topic) + ":" + id +
         (topic == "orders/updated" ? ":" + std::to_string(updated_at) : "");
}

json::value lower(const json::object& order, std::string_view name) {
  const auto text = to_lower_ascii(text_in(order, name));
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value given(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? *value : json::value(nullptr);
}

json::object body_of(const json::object& order) {
  json::object body{{"id", whole_in(order, "legacyResourceId")},
                    {"admin_graphql_api_id", given(order, "id")},
                    {"name", given(order, "name")},
                    {"email", given(order, "email")},
                    {"created_at", given(order, "createdAt")},
                    {"updated_at", given(order, "updatedAt")},
                    {"cancelled_at", given(order, "cancelledAt")},
                    {"cancel_reason", lower(order, "cancelReason")},
                    {"financial_status", lower(order, "displayFinancialStatus")},
                    {"fulfillment_status", lower(order, "displayFulfillmentStatus")}};
  if (const auto* price = object_in(order, "totalPriceSet"))
    if (const auto* money = object_in(*price, "shopMoney")) {
      body["total_price"] = given(*money, "amount");
      body["currency"] = given(*money, "currencyCode");
    }
  if (const auto* customer = object_in(order, "customer"))
    body["customer"] = {{"admin_graphql_api_id", given(*customer, "id")},
                        {"email", given(*customer, "email")}};
  return body;
}

Item item_of(const Situation& situation, std::string_view topic, const json::object& order) {
  const auto at = happened_at(topic, order);
  auto key =
      key_of(topic, id_in(order, "legacyResourceId"), seconds_of(text_in(order, "updatedAt")));
  return {.key = key,
          .url = std::string(situation.base_url) + path_of(situation.settings),
          .headers = {{"Content-Type", "application/json"},
                      {"X-Shopify-Topic", std::string(topic)},
                      {"X-Shopify-Shop-Domain", situation.settings.text("shop")},
                      {"X-Shopify-API-Version", situation.settings.text("api_version")},
                      {"X-Shopify-Webhook-Id", "poll:" + key},
                      {"X-Shopify-Triggered-At", to_rfc3339(Instant{at * 1000})}},
          .body = text::json_text(body_of(order))};
}

std::expected<Step, Refusal> read(const Situation& situation, const json::object& cursor,
                                  const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* object = body->if_object();
  if (object == nullptr) return unexpected_form("no orders");
  if (auto refusal = refusal_in(*object, answer)) return std::unexpected(*std::move(refusal));
  const auto* data = object_in(*object, "data");
  const auto* orders = data != nullptr ? object_in(*data, "orders") : nullptr;
  const auto* nodes = orders != nullptr ? array_in(*orders, "nodes") : nullptr;
  const auto* info = orders != nullptr ? object_in(*orders, "pageInfo") : nullptr;
  if (nodes == nullptr || info == nullptr) return unexpected_form("no orders");
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  auto newest = whole_in(page, "newest");
  std::vector<std::string> wanted = situation.settings.all("topics");
  if (wanted.empty()) wanted = {"orders/create", "orders/paid"};
  Step step{.items = {}, .cursor = cursor, .more = false, .note = {}};
  for (const auto& one : *nodes) {
    const auto* order = one.if_object();
    if (order == nullptr || whole_in(*order, "legacyResourceId") <= 0)
      return unexpected_form("an order without an id");
    newest = std::max(newest, seconds_of(text_in(*order, "updatedAt")));
    for (const auto& topic : wanted)
      if (happened_at(topic, *order) >= from)
        step.items.push_back(item_of(situation, topic, *order));
  }
  const auto* next = info->if_contains("hasNextPage");
  const auto end = text_in(*info, "endCursor");
  step.more = next != nullptr && next->is_bool() && next->get_bool() && !end.empty();
  if (step.more)
    step.cursor["page"] = {{"after", end}, {"from", from}, {"newest", newest}};
  else
    step.cursor = finished(situation, std::move(step.cursor), newest);
  return step;
}

std::string twin_key(const providers::Incoming& webhook) {
  auto topic = webhook.header("X-Shopify-Topic");
  if (!topic) topic = webhook.header("shopify-topic");
  if (!topic || std::ranges::find(topics, *topic) == topics.end()) return {};
  const auto body = text::parse_payload(webhook.body);
  if (!body || !body->is_object()) return {};
  const auto id = id_in(body->get_object(), "id");
  const auto updated = seconds_of(text_in(body->get_object(), "updated_at"));
  if (id.empty() || (*topic == "orders/updated" && updated == 0)) return {};
  return key_of(*topic, id, updated);
}

}  // namespace

const Poller shopify{
    .provider = "shopify",
    .what = "orders of the shop",
    .fields = shopify_fields,
    .base_url = base_url,
    .account = account,
    .begin = begin,
    .request = request,
    .read = read,
    .twin_key = twin_key,
    .page_size = 50,
};

}  // namespace posthorn::ingest::pollers

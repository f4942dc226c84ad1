// Stripe: GET /v1/events, newest first, 1 to 100 a page, kept for 30 days. Without a filter it
// lists every event of the account; with delivery_success=false those that some endpoint did not
// get, or did not get yet.

#include <algorithm>
#include <array>

#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"
#include "text/form.h"

namespace posthorn::ingest::pollers {
namespace {

std::string type_problem(std::string_view text) {
  return is_made_of(text, "._*") ? std::string()
                                 : "takes an event type, such as \"invoice.payment_failed\"";
}

std::string key_problem(std::string_view text) {
  return is_made_of(text, "_-") || (text.size() <= 512 && is_made_of(text.substr(0, 128), "_-"))
             ? std::string()
             : "takes a key such as rk_live_… or sk_live_…";
}

constexpr std::array stripe_fields{
    Field{.name = "api_key",
          .kind = FieldKind::secret,
          .required = true,
          .help = "A restricted key (rk_...) that may read Events; Developers > API keys.",
          .problem = key_problem},
    Field{.name = "types",
          .kind = FieldKind::texts,
          .help = "The event types to look for, at most 20; none: all. Name those that the webhook "
                  "is set up for.",
          .problem = type_problem},
    Field{.name = "only_undelivered",
          .kind = FieldKind::boolean,
          .help = "Only events that Stripe knows some endpoint did not get.",
          .fallback = "true"},
};

void check(const Settings& settings, model::Faults& faults) {
  if (settings.all("types").size() > 20) faults.add("/types", "too_many", "takes at most 20 types");
}

std::string base_url(const Settings&) { return "https://api.stripe.com"; }

/// Test and live mode of one account have events of their own, told apart by the key's prefix.
std::string account(const Settings& settings) {
  const auto& key = settings.text("api_key");
  return key.find("_test_") != key.npos ? "test" : "live";
}

Request request(const Situation& situation, const json::object& cursor) {
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  std::vector<text::FormField> query{{"limit", std::to_string(situation.page_size)},
                                     {"created[gte]", std::to_string(from)}};
  if (situation.settings.boolean("only_undelivered"))
    query.push_back({"delivery_success", "false"});
  const auto& types = situation.settings.all("types");
  for (std::size_t i = 0; i < types.size(); ++i)
    query.push_back({"types[" + std::to_string(i) + "]", types[i]});
  if (!page.empty()) query.push_back({"starting_after", text_in(page, "after")});
  return {.path = "/v1/events?" + text::write_form(query),
          .headers = {{"Authorization", "Bearer " + situation.settings.text("api_key")}},
          .body = {}};
}

std::expected<Step, Refusal> read(const Situation& situation, const json::object& cursor,
                                  const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* list = body->if_object();
  const auto* events = list != nullptr ? array_in(*list, "data") : nullptr;
  if (events == nullptr) return unexpected_form("no list \"data\"");
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  auto newest = whole_in(page, "newest");
  Step step;
  std::string last;
  for (const auto& one : *events) {
    const auto* event = one.if_object();
    const auto id = event != nullptr ? text_in(*event, "id") : std::string();
    if (id.empty()) return unexpected_form("an event without an id");
    newest = std::max(newest, whole_in(*event, "created"));
    step.items.push_back({.key = id,
                          .url = std::string(situation.base_url) + "/v1/events/" + id,
                          .headers = {{"Content-Type", "application/json"}},
                          .body = text::json_text(one)});
    last = id;
  }
  std::ranges::reverse(step.items);
  const auto* more = list->if_contains("has_more");
  step.more = more != nullptr && more->is_bool() && more->get_bool() && !last.empty();
  step.cursor = cursor;
  if (step.more)
    step.cursor["page"] = {{"after", last}, {"from", from}, {"newest", newest}};
  else
    step.cursor = finished(situation, std::move(step.cursor), newest);
  return step;
}

}  // namespace

const Poller stripe{
    .provider = "stripe",
    .what = "events of the account that an endpoint did not get",
    .fields = stripe_fields,
    .base_url = base_url,
    .account = account,
    .begin = begin_window,
    .request = request,
    .read = read,
    .check = check,
};

}  // namespace posthorn::ingest::pollers

// Telegram: getUpdates instead of a webhook. An update is confirmed by asking for the ones behind
// it, and kept for 24 hours until then. It fails (409) while a webhook is set.

#include <algorithm>
#include <array>

#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"

namespace posthorn::ingest::pollers {
namespace {

std::string token_problem(std::string_view text) {
  const auto colon = text.find(':');
  const bool good =
      colon != text.npos && colon > 0 &&
      std::ranges::all_of(text.substr(0, colon), [](char c) { return c >= '0' && c <= '9'; }) &&
      text.size() > colon + 1 && is_made_of(text.substr(colon + 1), "_-");
  return good ? std::string()
              : "takes the bot's token as BotFather gave it, such as 110201543:AAH…";
}

std::string update_problem(std::string_view text) {
  return is_made_of(text, "_") ? std::string() : "takes a kind of update, such as \"message\"";
}

constexpr std::array telegram_fields{
    Field{.name = "bot_token",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The bot's token, as BotFather gave it.",
          .problem = token_problem},
    Field{.name = "long_poll_seconds",
          .kind = FieldKind::integer,
          .help = "How long Telegram may wait for an update before it answers; it is then asked "
                  "again at once. 0: it is asked once in interval_seconds.",
          .fallback = "25",
          .max = 50},
    Field{.name = "allowed_updates",
          .kind = FieldKind::texts,
          .help =
              "The kinds of updates to get, such as \"message\" and \"message_reaction\"; none: "
              "as Telegram does by itself.",
          .problem = update_problem},
};

std::string base_url(const Settings&) { return "https://api.telegram.org"; }

/// In front of the colon stands the bot's id, which is no secret.
std::string account(const Settings& settings) {
  const auto& token = settings.text("bot_token");
  return token.substr(0, token.find(':'));
}

json::object begin(const Situation&) { return {}; }

Request request(const Situation& situation, const json::object& cursor) {
  const auto seconds = situation.settings.integer("long_poll_seconds");
  json::object body{{"limit", std::min(situation.page_size, 100)}, {"timeout", seconds}};
  if (const auto* offset = cursor.if_contains("offset")) body["offset"] = *offset;
  if (const auto& kinds = situation.settings.all("allowed_updates"); !kinds.empty())
    body["allowed_updates"] = json::array(kinds.begin(), kinds.end());
  return {.method = "POST",
          .path = "/bot" + situation.settings.text("bot_token") + "/getUpdates",
          .headers = {{"Content-Type", "application/json"}},
          .body = text::json_text(body),
          .patience = std::chrono::seconds(seconds + 15)};
}

std::expected<Step, Refusal> read(const Situation& situation, const json::object& cursor,
                                  const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* object = body->if_object();
  const auto* updates = object != nullptr ? array_in(*object, "result") : nullptr;
  if (updates == nullptr) return unexpected_form("no list \"result\"");
  Step step{.items = {}, .cursor = cursor, .more = !updates->empty(), .note = {}};
  std::int64_t offset = whole_in(cursor, "offset");
  for (const auto& one : *updates) {
    const auto* update = one.if_object();
    const auto id = update != nullptr ? whole_in(*update, "update_id") : 0;
    if (id <= 0) return unexpected_form("an update without an update_id");
    offset = std::max(offset, id + 1);
    step.items.push_back({.key = std::to_string(id),
                          .url = std::string(situation.base_url) + "/getUpdates",
                          .headers = {{"Content-Type", "application/json"}},
                          .body = text::json_text(one)});
  }
  if (offset > 0) step.cursor["offset"] = offset;
  return step;
}

std::optional<Refusal> refused(const Answer& answer) {
  const auto words = error_text(answer);
  if (answer.status == 409) {
    if (words.find("webhook") != words.npos)
      return Refusal{.what =
                         "Telegram gives no updates while a webhook is set: delete it "
                         "(deleteWebhook) or switch polling off"};
    return Refusal{.what = "another program asks for the updates of this bot: " + words};
  }
  if (answer.status == 401 || answer.status == 404)
    return Refusal{.what = "Telegram does not know the bot's token: " + words};
  if (answer.status != 429) return std::nullopt;
  Refusal refusal{.what = "the provider's rate limit is reached: " + words};
  if (const auto body = json_of(answer); body && body->is_object())
    if (const auto* parameters = object_in(body->get_object(), "parameters"))
      if (const auto seconds = whole_in(*parameters, "retry_after"); seconds > 0)
        refusal.wait = std::chrono::seconds(std::min<std::int64_t>(seconds, 86'400));
  return refusal;
}

}  // namespace

const Poller telegram{
    .provider = "telegram",
    .what = "updates of the bot, instead of a webhook",
    .fields = telegram_fields,
    .base_url = base_url,
    .account = account,
    .begin = begin,
    .request = request,
    .read = read,
    .refused = refused,
    .long_polls = true,
};

}  // namespace posthorn::ingest::pollers

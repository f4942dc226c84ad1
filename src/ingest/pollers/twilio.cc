// Twilio: the account's messages, newest first, filtered by day. What came in is a message, what
// went out a status, each in the form of the callback that it stands for. Where a message has
// media, their list is asked for.

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"
#include "text/form.h"

namespace posthorn::ingest::pollers {
namespace {

bool is_sid(std::string_view text, std::string_view prefix) {
  return text.size() == 34 && text.starts_with(prefix) && from_hex(text.substr(2)).has_value();
}

std::string account_problem(std::string_view text) {
  return is_sid(text, "AC") ? std::string() : "takes AC and 32 hexadecimal digits";
}
std::string key_problem(std::string_view text) {
  return is_sid(text, "SK") ? std::string() : "takes SK and 32 hexadecimal digits";
}
std::string number_problem(std::string_view text) {
  return is_made_of(text, "+") ? std::string() : "takes a number such as +15555550199";
}

constexpr std::array twilio_fields{
    Field{.name = "account_sid",
          .kind = FieldKind::text,
          .required = true,
          .help = "The account's SID (AC...), as the console shows it under Account Info.",
          .problem = account_problem},
    Field{.name = "api_key_sid",
          .kind = FieldKind::text,
          .help = "An API key (SK...) to ask with; without one the source's auth_token serves.",
          .problem = key_problem},
    Field{.name = "api_key_secret", .kind = FieldKind::secret, .help = "The API key's secret."},
    Field{.name = "phone_number",
          .kind = FieldKind::text,
          .help = "Only messages to and from this number of yours; none: all of the account.",
          .problem = number_problem},
    Field{.name = "statuses",
          .kind = FieldKind::boolean,
          .help = "Also the statuses of the messages that were sent.",
          .fallback = "true"},
};

void check(const Settings& settings, model::Faults& faults) {
  if (settings.text("api_key_sid").empty() != settings.text("api_key_secret").empty())
    faults.add("/api_key_secret", "required", "takes an API key's SID and its secret, or neither");
}

std::string base_url(const Settings&) { return "https://api.twilio.com"; }

std::string account(const Settings& settings) { return settings.text("account_sid"); }

std::string account_path(const Settings& settings) {
  return "/2010-04-01/Accounts/" + settings.text("account_sid");
}

const json::object* first_waiting(const json::object& cursor) {
  const auto* waiting = array_in(page_of(cursor), "waiting");
  return waiting != nullptr && !waiting->empty() ? waiting->front().if_object() : nullptr;
}

std::string authorization(const Situation& situation) {
  const auto& key = situation.settings.text("api_key_sid");
  return "Basic " + to_base64(key.empty() ? account(situation.settings) + ":" +
                                                situation.source.text("auth_token")
                                          : key + ":" + situation.settings.text("api_key_secret"));
}

Request request(const Situation& situation, const json::object& cursor) {
  std::string path;
  if (const auto* message = first_waiting(cursor)) {
    path = account_path(situation.settings) + "/Messages/" + text_in(*message, "sid") +
           "/Media.json?PageSize=100";
  } else if (auto next = text_in(page_of(cursor), "next"); !next.empty()) {
    path = std::move(next);
  } else {
    const Instant from{window_of(situation, cursor).from * 1000};
    path = account_path(situation.settings) +
           "/Messages.json?DateSent%3E=" + to_rfc3339(from).substr(0, 10) +
           "&PageSize=" + std::to_string(situation.page_size);
  }
  return {.path = std::move(path),
          .headers = {{"Authorization", authorization(situation)}, {"Accept", "application/json"}},
          .body = {}};
}

/// "Sat, 21 Nov 2026 08:00:00 +0000", which but for its zone is HTTP's date; 0 for anything else.
std::int64_t seconds_of_date(std::string date) {
  if (!date.ends_with(" +0000")) return 0;
  date.replace(date.size() - 5, 5, "GMT");
  const auto at = parse_http_date(date);
  return at ? at->unix_seconds() : 0;
}

/// The newest of the moments that it has.
std::int64_t changed_at(const json::object& message) {
  std::int64_t at = 0;
  for (const auto name : {"date_created", "date_sent", "date_updated"})
    at = std::max(at, seconds_of_date(text_in(message, name)));
  return at;
}

bool is_inbound(const json::object& message) { return text_in(message, "direction") == "inbound"; }

/// Whether the source would have been called for it.
bool is_wanted(const Situation& situation, const json::object& message) {
  constexpr std::string_view whatsapp = "whatsapp:";
  const bool inbound = is_inbound(message);
  if (!inbound && !situation.settings.boolean("statuses")) return false;
  const auto ours = text_in(message, inbound ? "to" : "from");
  const auto theirs = text_in(message, inbound ? "from" : "to");
  const bool on_whatsapp = ours.starts_with(whatsapp) || theirs.starts_with(whatsapp);
  if (on_whatsapp != (situation.provider == "twilio_whatsapp")) return false;
  if (!on_whatsapp && (ours + theirs).find(':') != std::string::npos) return false;
  const auto& number = situation.settings.text("phone_number");
  return number.empty() || ours == number || ours == std::string(whatsapp) + number;
}

std::vector<text::FormField> form_of(const json::object& message) {
  const auto sid = text_in(message, "sid");
  std::vector<text::FormField> form{{"MessageSid", sid}, {"SmsSid", sid}};
  const auto add = [&](std::string_view field, std::string_view member) {
    if (auto value = id_in(message, member); !value.empty())
      form.push_back({std::string(field), std::move(value)});
  };
  add("AccountSid", "account_sid");
  add("MessagingServiceSid", "messaging_service_sid");
  add("From", "from");
  add("To", "to");
  if (is_inbound(message)) {
    form.push_back({"SmsStatus", "received"});
    form.push_back({"Body", text_in(message, "body")});
    add("NumSegments", "num_segments");
    add("NumMedia", "num_media");
  } else {
    add("MessageStatus", "status");
    add("SmsStatus", "status");
    add("ErrorCode", "error_code");
    add("ChannelStatusMessage", "error_message");
  }
  return form;
}

Item item_of(const Situation& situation, const json::object& message,
             const std::vector<text::FormField>& form) {
  const auto sid = text_in(message, "sid");
  return {.key = sid + ":" + (is_inbound(message) ? "received" : text_in(message, "status")),
          .url = std::string(situation.base_url) + account_path(situation.settings) + "/Messages/" +
                 sid + ".json",
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
          .body = text::write_form(form)};
}

Step settled(const Situation& situation, Step step) {
  const auto& page = page_of(step.cursor);
  const auto* waiting = array_in(page, "waiting");
  step.more = (waiting != nullptr && !waiting->empty()) || !text_in(page, "next").empty();
  if (!step.more) {
    const auto newest = whole_in(page, "newest");
    step.cursor = finished(situation, std::move(step.cursor), newest);
  }
  return step;
}

/// Only what the next question needs, so that the cursor stays small.
json::object shortened(const json::object& message) {
  json::object kept;
  for (const auto name : {"sid", "account_sid", "messaging_service_sid", "from", "to", "direction",
                          "body", "num_segments", "num_media"})
    if (const auto* value = message.if_contains(name)) kept[name] = *value;
  return kept;
}

std::expected<Step, Refusal> read_list(const Situation& situation, const json::object& cursor,
                                       const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* list = body->if_object();
  const auto* messages = list != nullptr ? array_in(*list, "messages") : nullptr;
  if (messages == nullptr) return unexpected_form("no list \"messages\"");
  const auto& page = page_of(cursor);
  const auto from = page.empty() ? window_of(situation, cursor).from : whole_in(page, "from");
  auto newest = whole_in(page, "newest");
  bool any_in_window = false;
  json::array waiting;
  Step step{.items = {}, .cursor = cursor, .more = false, .note = {}};
  for (const auto& one : *messages) {
    const auto* message = one.if_object();
    if (message == nullptr || !is_made_of(text_in(*message, "sid"), "") ||
        text_in(*message, "sid").empty())
      return unexpected_form("a message without a sid");
    const auto sid = text_in(*message, "sid");
    const auto at = changed_at(*message);
    newest = std::max(newest, at);
    if (at < from) continue;
    any_in_window = true;
    if (!is_wanted(situation, *message)) continue;
    if (!is_inbound(*message) || whole_in(*message, "num_media") == 0) {
      step.items.push_back(item_of(situation, *message, form_of(*message)));
    } else if (!is_seen(cursor, sid)) {
      auto kept = shortened(*message);
      kept["at"] = at;
      waiting.push_back(std::move(kept));
    }
  }
  std::ranges::reverse(step.items);
  std::ranges::reverse(waiting);
  // A page that is not of these messages would be asked with our credentials.
  auto next = any_in_window ? text_in(*list, "next_page_uri") : std::string();
  if (!next.empty() && !next.starts_with(account_path(situation.settings) + "/Messages.json?"))
    return unexpected_form("a next_page_uri that is none of this account's messages");
  step.cursor["page"] = {{"next", std::move(next)},
                         {"from", from},
                         {"newest", newest},
                         {"waiting", std::move(waiting)}};
  return settled(situation, std::move(step));
}

Step without_first(const json::object& cursor) {
  const auto sid = text_in(*first_waiting(cursor), "sid");
  const auto at = whole_in(*first_waiting(cursor), "at");
  Step step{.items = {}, .cursor = cursor, .more = false, .note = {}};
  auto& waiting = step.cursor["page"].get_object()["waiting"].get_array();
  waiting.erase(waiting.begin());
  remember(step.cursor, sid, at);
  return step;
}

std::expected<Step, Refusal> read_media(const Situation& situation, const json::object& cursor,
                                        const Answer& answer) {
  const auto body = json_of(answer);
  if (!body) return std::unexpected(body.error());
  const auto* list = body->if_object();
  const auto* media = list != nullptr ? array_in(*list, "media_list") : nullptr;
  if (media == nullptr) return unexpected_form("no list \"media_list\"");
  const auto message = *first_waiting(cursor);
  auto form = form_of(message);
  int number = 0;
  for (const auto& one : *media) {
    const auto* part = one.if_object();
    auto uri = part != nullptr ? text_in(*part, "uri") : std::string();
    if (!uri.starts_with('/')) continue;
    if (uri.ends_with(".json")) uri.resize(uri.size() - 5);
    const auto at = std::to_string(number++);
    form.push_back({"MediaUrl" + at, std::string(situation.base_url) + uri});
    form.push_back({"MediaContentType" + at, text_in(*part, "content_type")});
  }
  Step step = without_first(cursor);
  step.items.push_back(item_of(situation, message, form));
  return settled(situation, std::move(step));
}

std::optional<Step> give_up(const Situation& situation, const json::object& cursor) {
  if (first_waiting(cursor) == nullptr) return std::nullopt;
  const auto sid = text_in(*first_waiting(cursor), "sid");
  auto step = settled(situation, without_first(cursor));
  step.note = "message " + sid + " was left out";
  return step;
}

std::expected<Step, Refusal> read(const Situation& situation, const json::object& cursor,
                                  const Answer& answer) {
  return first_waiting(cursor) != nullptr ? read_media(situation, cursor, answer)
                                          : read_list(situation, cursor, answer);
}

constexpr Poller for_channel(std::string_view provider, std::string_view what) {
  return {
      .provider = provider,
      .what = what,
      .fields = twilio_fields,
      .base_url = base_url,
      .account = account,
      .begin = begin_window,
      .request = request,
      .read = read,
      .give_up = give_up,
      .check = check,
  };
}

}  // namespace

constinit const Poller twilio_sms =
    for_channel("twilio_sms", "messages of the account and their statuses");
constinit const Poller twilio_whatsapp =
    for_channel("twilio_whatsapp", "WhatsApp messages of the account and their statuses");

}  // namespace posthorn::ingest::pollers

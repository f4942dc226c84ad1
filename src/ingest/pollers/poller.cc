#include "ingest/pollers/poller.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/bytes.h"
#include "ingest/pollers/list.h"
#include "ingest/pollers/parts.h"
#include "text/url.h"

namespace posthorn::ingest::pollers {
namespace {

constexpr std::array<const Poller*, 6> pollers{&github,   &shopify,    &stripe,
                                               &telegram, &twilio_sms, &twilio_whatsapp};

std::string url_problem(std::string_view text) {
  if (const auto url = text::parse_url(text); !url) return url.error().what;
  if (text.ends_with('/') || text.find_first_of("?#") != text.npos)
    return "takes a base URL without a slash at its end, a query and a fragment, such as "
           "https://api.example.com";
  return {};
}

constexpr std::array common_fields{
    Field{.name = "enabled",
          .kind = FieldKind::boolean,
          .help = "Whether it polls; switched on again it goes on where it stood.",
          .fallback = "true"},
    Field{.name = "interval_seconds",
          .kind = FieldKind::integer,
          .help = "Seconds from the end of one look to the next.",
          .fallback = "300",
          .min = 10,
          .max = 86'400},
    Field{.name = "lookback_seconds",
          .kind = FieldKind::integer,
          .help = "How far behind the newest that was seen a look begins: what shows up late, or "
                  "by another clock, is found all the same.",
          .fallback = "3600",
          .min = 60,
          .max = 604'800},
    Field{.name = "base_url",
          .kind = FieldKind::text,
          .help = "Where the provider's API is, when it is not at its usual place (a proxy).",
          .problem = url_problem},
};

/// Until when a rate limit holds; nullopt when the answer does not say.
std::optional<Millis> wait_of(const Answer& answer, Instant now) {
  constexpr std::int64_t day = 86'400;
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end || value < 0) return std::nullopt;
    return value;
  };
  const auto told = trim(answer.header("Retry-After"));
  if (const auto seconds = number(told)) return std::chrono::seconds(std::min(*seconds, day));
  if (const auto at = parse_http_date(told); at && *at > now) return *at - now;
  if (answer.header("X-RateLimit-Remaining") != "0") return std::nullopt;
  const auto reset = number(answer.header("X-RateLimit-Reset"));
  if (!reset || *reset <= now.unix_seconds()) return std::nullopt;
  return std::chrono::seconds(std::min(*reset - now.unix_seconds(), day));
}

}  // namespace

std::string_view Answer::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (equal_ignoring_case_ascii(known, name)) return value;
  return {};
}

std::span<const Poller* const> registry() { return pollers; }

const Poller* find_poller(std::string_view provider) {
  const auto found = std::ranges::find(pollers, provider, &Poller::provider);
  return found == pollers.end() ? nullptr : *found;
}

std::span<const Field> fields_of(const Poller& poller) {
  static const auto all = [] {
    std::map<std::string_view, std::vector<Field>> made;
    for (const auto* one : pollers) {
      auto& fields = made[one->provider];
      fields.assign(common_fields.begin(), common_fields.end());
      fields.insert(fields.end(), one->fields.begin(), one->fields.end());
    }
    return made;
  }();
  return all.at(poller.provider);
}

Settings read_settings(const Poller& poller, const json::object& given, model::Faults& faults,
                       std::string_view pointer) {
  model::Faults found;
  auto settings = Settings::read(fields_of(poller), given, found);
  if (found.empty() && poller.check != nullptr) poller.check(settings, found);
  for (const auto& fault : found.all())
    faults.add(std::string(pointer) + fault.pointer, fault.code, fault.detail);
  return settings;
}

std::string base_url_of(const Poller& poller, const Settings& settings) {
  const auto& given = settings.text("base_url");
  return given.empty() ? poller.base_url(settings) : given;
}

Refusal refusal_of(const Answer& answer, Instant now) {
  const auto words = error_text(answer);
  const auto said = words.empty() ? std::string() : ": " + words;
  const auto wait = wait_of(answer, now);
  if (answer.status == 429 || (answer.status == 403 && wait))
    return {.what = "the provider's rate limit is reached" + said, .wait = wait};
  if (answer.status == 401 || answer.status == 403)
    return {.what = "the provider refuses the credentials (" + std::to_string(answer.status) + ")" +
                    said,
            .wait = wait};
  const bool gone = answer.status == 400 || answer.status == 404 || answer.status == 410;
  return {.what = "the provider answered " + std::to_string(answer.status) + said,
          .wait = wait,
          .restart = gone};
}

json::object restarted(json::object cursor) {
  cursor.erase("page");
  return cursor;
}

}  // namespace posthorn::ingest::pollers

#pragma once
// What can be asked of a provider when its webhooks may have been lost: one descriptor and pure
// functions. A poller is one file and one line in poller.cc.
//
// A poll is a conversation that the cursor alone remembers: request() makes the next question of
// it, read() makes of the answer what was found and the next cursor. The caller keeps the items
// first and the cursor afterwards, so that an item is found again rather than lost. All functions
// are pure, never throw for what a peer says, and may be called from any thread.

#include <boost/json.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "providers/provider.h"
#include "providers/settings.h"

namespace posthorn::ingest::pollers {

namespace json = boost::json;
using providers::Field;
using providers::FieldKind;
using providers::Settings;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// What a question is made of; views and references that live until the call returns.
struct Situation {
  const Settings& settings;  ///< Of the poll.
  const Settings& source;    ///< The source's own.
  std::string_view provider;
  std::string_view base_url;  ///< Without a slash at its end.
  Instant now;                ///< Wall clock.
  Millis lookback;            ///< How far behind the newest that was seen a look begins.
  int page_size = 100;
};

struct Request {
  std::string method = "GET";
  std::string path;  ///< Behind the base URL; may hold a secret (Telegram), so it is never shown.
  Headers headers;
  std::string body;
  Millis patience{30'000};
};

struct Answer {
  int status = 0;
  Headers headers;
  std::string_view body;  ///< Whole.

  /// The first header of that name (case does not matter); empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// One thing that a webhook would have brought, in the webhook's form without its signature.
struct Item {
  std::string key;  ///< What the poller knows it by: the same however often it is found.
  std::string url;  ///< Where it was found, without secrets.
  Headers headers;
  std::string body;
};

/// What a 2xx answer means.
struct Step {
  std::vector<Item> items;  ///< In the order they happened, as far as one answer tells.
  json::object cursor;
  bool more = false;  ///< There is more to ask at once.
  std::string note;   ///< What had to be left out, for people; empty: nothing.
};

/// The answer is of no use.
struct Refusal {
  std::string what;  ///< For people, without secrets.
  std::optional<Millis> wait =
      std::nullopt;      ///< How long the provider asks to be left alone; none: not said.
  bool restart = false;  ///< The page that was asked for is gone: forget it (restarted()).
};

struct Poller {
  std::string_view provider;
  std::string_view what;  ///< One line: what it finds.
  std::span<const Field> fields;
  /// Where the provider's API is, unless the settings say otherwise.
  std::string (*base_url)(const Settings& settings) = nullptr;
  /// Whose things the cursor counts: with another text it begins anew. No secrets.
  std::string (*account)(const Settings& settings) = nullptr;
  /// The cursor of the first poll.
  json::object (*begin)(const Situation& situation) = nullptr;
  Request (*request)(const Situation& situation, const json::object& cursor) = nullptr;
  /// Of a 2xx answer.
  std::expected<Step, Refusal> (*read)(const Situation& situation, const json::object& cursor,
                                       const Answer& answer) = nullptr;
  /// What another answer means in this provider's words; nullopt: what it means everywhere
  /// (refusal_of). May be null.
  std::optional<Refusal> (*refused)(const Answer& answer) = nullptr;
  /// What follows when the one thing that was asked for is gone or too large: it is left out;
  /// nullopt when a list was asked for. May be null.
  std::optional<Step> (*give_up)(const Situation& situation, const json::object& cursor) = nullptr;
  /// What only several fields together can show. May be null.
  void (*check)(const Settings& settings, model::Faults& faults) = nullptr;
  /// The Item::key that this poller would give to what a webhook brought, where the webhook's own
  /// key says nothing of it; empty: nothing it would find. May be null: the webhook's key serves.
  std::string (*twin_key)(const providers::Incoming& webhook) = nullptr;
  int page_size = 100;
  bool long_polls = false;  ///< Its answers may take long by design, and it asks again at once.
};

/// Every poller.
std::span<const Poller* const> registry();
/// nullptr when the provider has nothing to poll.
const Poller* find_poller(std::string_view provider);

/// The fields that every poll has (enabled, interval_seconds, lookback_seconds, base_url), then its
/// own.
std::span<const Field> fields_of(const Poller& poller);
/// Checked settings of a poll. Every fault is added below `pointer`.
Settings read_settings(const Poller& poller, const json::object& given, model::Faults& faults,
                       std::string_view pointer = "");
/// The given base URL, or the provider's.
std::string base_url_of(const Poller& poller, const Settings& settings);

/// What an answer outside 2xx means, whoever gives it: 429 and the 403 of a rate limit (Retry-After
/// and X-RateLimit-Reset say for how long), refused credentials, a page that is gone, a fault of
/// the provider's.
Refusal refusal_of(const Answer& answer, Instant now);

/// The cursor without the page it was on: the look begins anew.
json::object restarted(json::object cursor);

}  // namespace posthorn::ingest::pollers

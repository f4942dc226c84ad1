#pragma once
// What a provider is to Posthorn: one descriptor and pure functions over one received request. A
// provider is one file and one line in registry.cc; nothing else in the tree knows its name.
//
// The order of calls is the promise: verify() sees raw bytes and nothing is parsed before it says
// yes; then challenge(), then parse(), then reply(). All are pure: same input, same answer; they
// never throw for bad input, never call out, and may be called from any thread at once.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/faults.h"
#include "providers/settings.h"

namespace posthorn::providers {

namespace json = boost::json;

/// One received request, as the provider made it. Views; what they look at outlives the call.
struct Incoming {
  std::string_view method = "POST";  ///< Upper case.
  /// As the provider called it: the source's configured public base URL and the target as received,
  /// never made from `Host`.
  std::string_view url;
  std::span<const std::pair<std::string_view, std::string_view>> headers;  ///< Values trimmed.
  std::string_view body;                                                   ///< Raw bytes.

  /// The first header of that name (case does not matter).
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] int header_count(std::string_view name) const;
  /// Of the URL, as received, without '?'; empty when there is none.
  [[nodiscard]] std::string_view query() const;
  /// The essence of Content-Type in lower case ("application/json"); empty when absent or
  /// malformed.
  [[nodiscard]] std::string content_type() const;
};

/// What the caller is answered.
struct Reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// One step of a verification, for people: "the MAC of body and timestamp". Secrets are never in
/// it.
struct Step {
  std::string what;
  bool passed = false;
  std::string detail;  ///< Why not, what was compared; may be empty.
};

/// A token that the provider says is used once: remembered until it could no longer pass.
struct OneTimeToken {
  std::string text;
  Instant until;
};

struct Verification {
  bool verified = false;
  std::string reason;       ///< Why not, one sentence for people; empty when verified.
  std::vector<Step> steps;  ///< In their order; the last one failed when it is not verified.
  /// Where the refusal must not be answered 401 (406 for Mailgun, 503 for unsigned Vonage, 403).
  std::optional<Reply> refusal;
  std::vector<OneTimeToken> tokens;
};

/// Makes a Verification step by step: `if (!steps.check(ok, "the signature header", "…")) return
/// std::move(steps).refused();`
class Steps {
 public:
  /// Notes the step and gives back `passed`. `detail` says what is wrong; it is kept when it
  /// failed.
  bool check(bool passed, std::string_view what, std::string_view detail = {});
  /// Refused, with the detail of the last failed step as the reason.
  [[nodiscard]] Verification refused() &&;
  [[nodiscard]] Verification refused(Reply refusal) &&;
  [[nodiscard]] Verification verified() &&;

 private:
  std::vector<Step> steps_;
};

/// What a request says, in the terms of tests/cases/README.md.
struct NormalisedEvent {
  std::string type = "generic";  ///< "payment.failed", "message.inbound", …
  std::string provider_event;    ///< The provider's own name; empty: it names none.
  /// Same key, same event, however often it comes. Empty: the request's key counts.
  std::string idempotency_key;
  /// The other normalised fields, in the order that people read them (provider_event_id, timestamp,
  /// from, …). Times are unix seconds (fractions where the provider gives them) or null.
  json::object fields;
};

/// A side effect that must follow: `http_get` an address through the egress guard,
/// `mark_unsubscribed` a topic.
struct Action {
  std::string type;
  std::string url;    ///< Of http_get.
  std::string topic;  ///< Of mark_unsubscribed.
};

struct Parsed {
  std::vector<NormalisedEvent> events;
  /// Of the whole request; none: each event has its own (a batch), or there is nothing to repeat.
  std::optional<std::string> idempotency_key;
  /// The key is only a hash of the body: it counts for 24 hours.
  bool key_is_digest = false;
  /// The key travels outside of what is signed (GitHub, Shopify, Linear): the same body under
  /// another key within 24 hours is a duplicate too.
  bool key_is_unsigned = false;
  std::optional<Action> action;
  /// It verifies but cannot be read at all: why ("the body is not JSON: line 1, …"). No events
  /// then.
  std::string unreadable;
  /// Fields that are relied on and are missing or wrong. Their event is not produced.
  std::vector<model::Fault> faults;
};

/// What to make a sample request of (posthorn trigger).
struct SampleOrder {
  std::string_view url;  ///< Where it will be sent, as the provider would call it.
  /// One of Provider::samples; empty: the first (make_sample() fills it in).
  std::string_view event;
  std::string_view unique;  ///< 16 hexadecimal digits that differ from call to call: ids, tokens.
  Instant now;
  std::string_view body = {};  ///< Sent instead of the template's, signed like it; empty: none.
};

/// A correctly signed request.
struct Sample {
  std::string method = "POST";
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

struct Provider {
  std::string_view name;     ///< "stripe": lower case, in URLs, event names and the API.
  std::string_view title;    ///< "Stripe".
  std::string_view carries;  ///< One line: what it sends ("payments, invoices, disputes").
  std::span<const Field> fields;
  /// What to click and paste at the provider, as Markdown; `{url}` stands for the source's address,
  /// `{verify_token}` and the like for settings that are not secret.
  std::string_view instructions;
  /// Events that sample() can make, the first by default.
  std::span<const std::string_view> samples;

  Verification (*verify)(const Settings& settings, const Incoming& request, Instant now) = nullptr;
  /// After verify() said yes: the answer to a handshake, which produces nothing else; nullopt for
  /// anything else. Of an OPTIONS call it is asked without verify(): preflights carry no signature.
  /// May be null.
  std::optional<Reply> (*challenge)(const Settings& settings, const Incoming& request) = nullptr;
  /// The address of the certificate that the call says it is signed with, once the provider's rule
  /// for such addresses has passed it; nullopt when it names none that may be fetched. What is
  /// found there is given to verify() as `settings.map("certs")`. Null: nothing is fetched.
  std::optional<std::string> (*certificate_url)(const Settings& settings,
                                                const Incoming& request) = nullptr;
  Parsed (*parse)(const Settings& settings, const Incoming& request) = nullptr;
  /// What an accepted request is answered, a duplicate too. Null: 200 without a body.
  Reply (*reply)(const Settings& settings, const Incoming& request) = nullptr;
  /// Errors: invalid (an unknown event, or settings that lack what signing needs: a private key).
  Result<Sample> (*sample)(const Settings& settings, const SampleOrder& order) = nullptr;
  /// What only several fields together can show (a secret that is not base64 although another field
  /// says so). Pointers are relative to the config. May be null.
  void (*check)(const Settings& settings, std::vector<model::Fault>& faults) = nullptr;

  std::size_t body_bytes_max = 1U << 20;  ///< 40 MiB for mail.
  int token_reused_status = 401;          ///< Of a one-time token that comes with another body.
  bool signs_url = false;                 ///< The public base URL must be right for it to verify.
  /// Anybody may send (open, web_form without a secret): shown as a warning.
  bool unverified = false;
};

/// Every provider, by name.
std::span<const Provider* const> registry();
/// nullptr when there is none of that name.
const Provider* find_provider(std::string_view name);

/// Settings::read of the provider's fields, then its check(): what the API and the cases call.
Settings read_settings(const Provider& provider, const json::object& config, model::Faults& faults,
                       std::string_view pointer = "", bool in_cases = false);

/// The provider's sample(), with the event checked: what `trigger` calls. Errors: invalid, for an
/// event that is none of its samples (any will do with a body of one's own), and those of sample().
Result<Sample> make_sample(const Provider& provider, const Settings& settings, SampleOrder order);

/// What the event is called in the log: `<provider>.<provider_event>` in lower case, '/' as '.',
/// anything outside [a-z0-9_.] as '_'; `<provider>.<type>` where the provider names none.
std::string event_name(const Provider& provider, const NormalisedEvent& event);

}  // namespace posthorn::providers

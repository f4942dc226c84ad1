#pragma once
// Where we send. A value; its stored and API forms are in model/json.h.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"
#include "base/time.h"
#include "env/http_sender.h"

namespace posthorn::model {

using env::Header;

/// How the body is written (docs/delivery.md "Formats").
enum class PayloadFormat : std::uint8_t { json, bare, xml, form, cloudevents, cloudevents_binary };

/// `none`: each delivery on its own. `key`: strictly in order for each event key.
enum class Ordering : std::uint8_t { none, key };

/// With Ordering::key, what an exhausted head does to its key: hold it until a person acts, or let
/// the next go.
enum class OnExhausted : std::uint8_t { block, skip };

/// Waits after the 1st, 2nd, ... failed attempt; steps.size() + 1 attempts in all.
struct RetryPolicy {
  std::string profile = "standard";  ///< standard, quick, patient, or custom.
  std::vector<Millis> steps{1s, 5s, 30s, 5min, 30min, 2h};  ///< 0 to 20, each at most 24 h.
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

inline constexpr std::size_t retry_steps_max = 20;
inline constexpr Millis retry_step_max{24h};

/// The named profiles (standard, quick: 1, 10, 60, 300 s, patient: 12 steps over 70 h); nullopt for
/// an unknown name.
std::optional<RetryPolicy> retry_profile(std::string_view name);

/// A signing secret with the time in which it is live.
struct EndpointSecret {
  Secret text;
  Instant created_at;
  std::optional<Instant> promote_at;  ///< Becomes the current one then; none: it already was.
  std::optional<Instant> expires_at;  ///< Signs (as a previous secret) until then; none: no end.
};

struct SigningKeyPair {
  Secret seed;             ///< 32 bytes.
  std::string public_key;  ///< 32 bytes; shown as whpk_ + base64.
};

enum class DisabledReason : std::uint8_t { none, consecutive_failures, gone, manual };

struct Endpoint {
  EndpointId id;
  WorkspaceId workspace;
  ApplicationId application;
  std::string url;
  std::string description;
  std::vector<std::string> event_types{"*"};  ///< Exact names or with `*`: "ticket.*".
  std::vector<std::string> channels;          ///< Empty: all.
  std::string filter;  ///< A payload filter as JSON text (text/filter.h); empty: none.
  std::vector<EndpointSecret> secrets;     ///< Newest last; empty: unsigned (`"secret": null`).
  std::optional<SigningKeyPair> key_pair;  ///< Adds `v1a,` signatures.
  std::vector<Header> headers;             ///< At most 20 and 8 KiB.
  RetryPolicy retry;
  Millis timeout{10'000};  ///< 1 s to 30 s.
  PayloadFormat format = PayloadFormat::json;
  Ordering ordering = Ordering::none;
  OnExhausted on_exhausted = OnExhausted::block;
  bool probing = true;
  int concurrency_max = 32;               ///< 1 to 256.
  std::optional<double> rate_per_second;  ///< None: unlimited.
  int disable_after = 10;                 ///< Consecutive counted failures; 0: never.
  Millis disable_min_span{0};             ///< Not before the run of failures is this long.
  bool enabled = true;
  DisabledReason disabled_reason = DisabledReason::none;
  std::optional<Instant> disabled_at;
  std::string metadata = "{}";  ///< The owner's own JSON object, as text.
  Instant created_at, updated_at;
  std::int64_t version = 0;  ///< Counts changes; the ETag.
};

/// The secrets that sign at `now`: first the current one, then those still overlapping.
struct LiveSecrets {
  const EndpointSecret* current = nullptr;  ///< nullptr: the endpoint is unsigned.
  std::vector<const EndpointSecret*>
      others;  ///< Newest first: previous ones in their overlap and a not yet promoted one.
  const EndpointSecret* previous =
      nullptr;  ///< The one that `X-Webhook-Signature-Previous` uses; nullptr: none.
};
/// The pointers look into `endpoint`.
LiveSecrets live_secrets(const Endpoint& endpoint, Instant now);

inline constexpr std::size_t live_secrets_max = 5;
inline constexpr Millis overlap_default{24h};
inline constexpr Millis overlap_max{30 * 24h};

struct SecretRotation {
  Secret secret;
  std::optional<Instant> promote_at{};  ///< None: the new one is current at once.
  Millis overlap = overlap_default;     ///< The others go on signing this long after that.
};

/// Adds the new secret, gives the others their end and drops those that have ended. Nothing that
/// would have ended sooner lasts longer. Error: limit when live_secrets_max are live already.
Result<> rotate_secret(Endpoint& endpoint, const SecretRotation& rotation, Instant now);

}  // namespace posthorn::model

#pragma once
// Where we receive: one address for one provider's calls, with the settings to verify them.

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"
#include "crypto/vault.h"
#include "model/faults.h"
#include "model/objects.h"
#include "providers/provider.h"

namespace posthorn::ingest {

namespace json = boost::json;

inline constexpr std::size_t sources_max = 10'000;  ///< Of one workspace.
inline constexpr Millis overlap_default{24h};
inline constexpr Millis overlap_max{30 * 24h};

/// How long a secret that verifies no more is remembered, to tell who still signs with it.
inline constexpr Millis replaced_kept{30 * 24h};
inline constexpr std::size_t replaced_max = 20;  ///< Of one source.

/// A secret that was replaced: it verifies until `until`.
struct PreviousSecret {
  std::string field;  ///< The provider's word for it, singular.
  json::value value;  ///< Text or credentials.
  Instant until;      ///< Past: it is remembered for `explain` alone.
};

struct Source {
  SourceId id;
  WorkspaceId workspace;
  ApplicationId application;                      ///< Whose endpoints get its events.
  const providers::Provider* provider = nullptr;  ///< Never null in a source that was read.
  std::string slug;                               ///< 128 random bits: /in/<slug>.
  std::string name;
  std::string description;
  json::object config;  ///< In the provider's own words; secrets in the clear.
  std::vector<PreviousSecret> previous;
  std::string public_url;  ///< Base URL as the provider sees it; empty: the installation's.
  bool paused = false;     ///< Calls are kept and answered, and worked on when it goes on.
  std::string schema;      ///< A JSON Schema that bodies must meet, as text; empty: none.
  std::string key;         ///< JSON pointer into an event's data: its ordering key; empty: none.
  bool include_payload = true;  ///< Events carry the provider's own JSON as `payload`.
  int rate_per_minute = 0;      ///< 0: unlimited.
  Millis silent_after{0};       ///< A notice when nothing came for so long; 0: never.
  json::object poll;            ///< The polling backstop's settings; empty: off.
  std::string metadata = "{}";
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

/// The config with the previous secrets that still count at `now` behind the current ones.
json::object live_config(const Source& source, Instant now);
/// When live_config changes by itself next; nullopt: never.
std::optional<Instant> next_expiry(const Source& source, Instant now);

/// `https://hooks.example.com/in/<slug>`.
std::string ingest_url(const Source& source, std::string_view installation_url);

/// What to click and paste at the provider, as Markdown, with this source's address in it and the
/// settings that are no secrets (a verify token is pasted there, so it is shown).
std::string instructions(const Source& source, std::string_view installation_url);

// -- stored: `config` and previous secrets are sealed for this source
model::Object to_object(const Source& source, const crypto::Vault& vault);
/// Errors: corrupt; unsupported, for a provider that this program does not have.
Result<Source> source_from(const model::Object& object, const crypto::Vault& vault);

// -- shown: secrets masked
json::object to_api(const Source& source, std::string_view installation_url, Instant now);

// -- read
struct SourceInput {
  Source source;
  std::optional<std::string> application;  ///< As given: the caller looks it up.
};
/// Applies the body of a POST (`base.id` is 0: `provider` is required and never changes) or of a
/// PATCH (`config` members that are there replace those of their name; null removes one).
SourceInput read_source(const json::object& input, model::Faults& faults, Source base);

struct SourceRotation {
  std::string field;
  json::value value;
  Millis overlap = overlap_default;
};
/// The body of rotate-secret: {field?, value, overlap_seconds?}. `field` may be left out where the
/// provider has one secret alone.
SourceRotation read_rotation(const json::object& input, model::Faults& faults,
                             const Source& source);
/// The new value is current; what it replaces goes on verifying for the overlap.
void rotate(Source& source, SourceRotation rotation, Instant now);
/// For a change of the config without overlap: the secrets of `before` that `source` has no more
/// are remembered, but verify nothing.
void remember_replaced(Source& source, const json::object& before, Instant now);

}  // namespace posthorn::ingest

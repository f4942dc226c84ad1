#pragma once
// Who may call the API, and what for.

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

struct ApiKey {
  ApiKeyId id;
  WorkspaceId workspace;
  std::string name;    ///< For people; may be empty.
  std::string prefix;  ///< The first 8 characters after phk_: finds the key.
  std::string hash;    ///< crypto::Vault::keyed_hash of the whole key.
  std::vector<std::string> scopes;
  std::optional<Instant> expires_at{};
  std::optional<Instant> last_used_at{};  ///< Coarse: to the hour.
  std::optional<Instant> revoked_at{};
  Instant created_at, updated_at;
  std::int64_t version = 0;

  /// Neither revoked nor expired.
  [[nodiscard]] bool is_live(Instant now) const;
};

/// Object::name is the prefix.
Object to_object(const ApiKey& key);
/// Error: corrupt.
Result<ApiKey> api_key_from(const Object& object);
/// Never the hash.
json::object to_api(const ApiKey& key);
/// Applies the body of a POST (id 0: scopes are required) or PATCH: {name, scopes, expires_at}.
/// `known_scopes`: those that a key can hold.
ApiKey read_api_key(const json::object& input, Faults& faults, ApiKey base, Instant now,
                    std::span<const std::string_view> known_scopes);

}  // namespace posthorn::model

#pragma once
// Endpoints as stored documents, as API answers, and as API input.

#include <boost/json/object.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/vault.h"
#include "env/random.h"
#include "model/endpoint.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

// -- stored

/// The whole stored object; version 0 and id 0 are for the store to give. Secrets, the key seed and
/// header values are sealed for their place: workspace, creation time and field.
Object to_object(const Endpoint& endpoint, const crypto::Vault& vault);
/// Its document alone.
std::string to_document(const Endpoint& endpoint, const crypto::Vault& vault);
/// Error: corrupt, with the field.
Result<Endpoint> endpoint_from(const Object& object, const crypto::Vault& vault);

// -- shown

/// For answers; never a secret. `signing` tells the schemes and, for each secret that is live at
/// `now`, its state (current, previous, pending), its dates and its last 4 characters (null where
/// the secret is shorter than 12). Values of sensitive headers are masked.
json::object to_api(const Endpoint& endpoint, Instant now);

// -- read

struct EndpointRules {
  /// Whether the URL may be sent to (egress/policy.h); its error's sentence becomes the fault.
  std::function<Result<>(std::string_view url)> check_url;
  env::Random& random;  ///< Makes secrets and key pairs.
  Instant now;
};

struct EndpointInput {
  Endpoint endpoint;
  /// As given, an id or uid: the caller looks it up. None: not given.
  std::optional<std::string> application;
};

/// Applies the body of a POST (`base.id` is 0: url is required, a secret is made unless one is
/// given or null) or of a PATCH (only members that are there change; the secret can only be
/// removed: see read_rotation) to `base`. Null brings back a member's default. With faults the
/// result is not to be used. Times, version and the states of disabling are left as they are.
EndpointInput read_endpoint(const json::object& input, Faults& faults, Endpoint base,
                            const EndpointRules& rules);

/// The body of rotate-secret: {secret?, grace_seconds?, promote_at?}; a secret is made unless
/// given.
SecretRotation read_rotation(const json::object& input, Faults& faults, const EndpointRules& rules);

/// "whsec_" and the base64 of 24 random bytes.
Secret make_secret(env::Random& random);
/// What is wrong with a secret's text, as the start of a sentence; empty when nothing is. 1 to 256
/// printable ASCII characters; after whsec_ the base64 of 16 to 75 bytes.
std::string secret_fault(std::string_view text);

}  // namespace posthorn::model

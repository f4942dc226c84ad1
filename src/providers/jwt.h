#pragma once
// JSON Web Tokens (RFC 7519) with a shared secret, as Vonage and MessageBird sign calls with them.
// The caller names the algorithms; what the token says of itself decides nothing. Not for use
// outside providers/.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "providers/provider.h"

namespace posthorn::providers {

enum class JwtAlgorithm : std::uint8_t { hs256, hs384, hs512 };

/// The claims of a compact token that is signed with one of the secrets under one of the
/// algorithms; nullopt and the failed step otherwise. Strict: three parts in base64url without
/// padding, `alg` written exactly so, no `crit`, no member named twice. Nothing of the claims is
/// read before the MAC holds.
std::optional<json::object> signed_claims(Steps& steps, std::string_view token,
                                          std::span<const JwtAlgorithm> allowed,
                                          const std::vector<std::string>& secrets);

/// The steps `nbf` and `exp`, each where the token has it: now < exp + leeway and nbf <= now +
/// leeway. False when one fails; a claim that is no number fails.
bool is_in_its_time(Steps& steps, const json::object& claims, Instant now,
                    std::int64_t leeway_seconds);

std::string make_jwt(JwtAlgorithm algorithm, const json::object& claims, std::string_view secret);

}  // namespace posthorn::providers

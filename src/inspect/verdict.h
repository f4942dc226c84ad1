#pragma once
// Checks the signatures of a received webhook as its receiver would, and says why not.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "env/http_sender.h"

namespace posthorn::inspect {

enum class Signature : std::uint8_t {
  not_checked = 0,  ///< No secret is known for it.
  valid = 1,
  invalid = 2,
  missing = 3,  ///< The header is not there (or there twice).
};
/// "not_checked", "valid", "invalid", "missing".
std::string_view to_string(Signature signature);

struct Verdict {
  Signature x_webhook_signature = Signature::not_checked;
  Signature webhook_signature = Signature::not_checked;
  std::string detail;  ///< Empty when nothing is wrong; else one sentence.
};

/// What a receiver knows of its sender.
struct Trust {
  std::vector<Secret> secrets;           ///< Any of them may verify.
  std::vector<std::string> public_keys;  ///< ed25519, 32 bytes each: for `v1a,`.
};

/// How far webhook-timestamp may be from `now`, as the Standard Webhooks libraries have it.
inline constexpr Millis timestamp_tolerance = 5min;

/// Pure. Each header must be there exactly once. Compared in constant time.
Verdict check_signatures(std::span<const env::Header> headers, std::string_view body,
                         const Trust& trust, Instant now);

}  // namespace posthorn::inspect

#pragma once
// Standard Webhooks (the specification of standardwebhooks.com), which Svix speaks under header
// names of its own: `v1` is an HMAC, `v1a` an ed25519 signature. Not for use outside providers/.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "providers/common.h"
#include "providers/provider.h"

namespace posthorn::providers::webhook_signature {

/// The three headers, under the names that this sender uses.
struct Names {
  std::string_view id, timestamp, signature;
};
inline constexpr Names standard_names{"webhook-id", "webhook-timestamp", "webhook-signature"};

/// `whsec_` and base64 of 24 to 64 bytes, the prefix optional; or `whpk_` and base64 of the 32
/// bytes of an ed25519 public key. Padding may be missing.
std::string problem_of_secret(std::string_view text);
/// `whsk_` and base64 of an ed25519 key: the 32-byte seed, or seed and public key.
std::string problem_of_private_key(std::string_view text);

/// secret(s), tolerance_s, and private_key, which sample() alone reads.
inline constexpr std::array fields{
    Field{.name = "secret",
          .plural = "secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The signing secret, whsec_..., or the sender's public key, whpk_...",
          .problem = problem_of_secret},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that a message's timestamp may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
    Field{.name = "private_key",
          .kind = FieldKind::secret,
          .help = "Only for `posthorn trigger` where the secret is a public key: whsk_... of a key "
                  "pair of your own.",
          .problem = problem_of_private_key},
};

/// One signature of the space-separated list must be right under one of the secrets: v1 under a
/// whsec_ secret, v1a under a whpk_ key, never the other way round.
Verification verify(const Settings& settings, const Incoming& request, Instant now, Names names);

/// The message's id is the key; `type` and `timestamp` are read from a JSON body.
Parsed parse(const Incoming& request, Names names);

/// A message of {type, timestamp, data}, signed. Errors: invalid, when there is only a public key.
Result<Sample> sample(const Settings& settings, const SampleOrder& order, Names names);

inline constexpr std::array<std::string_view, 3> samples{"ticket.created", "order.paid",
                                                         "contact.updated"};

}  // namespace posthorn::providers::webhook_signature

#pragma once
// SendGrid's signature: ECDSA P-256 over timestamp and raw body, for its event webhook and for
// inbound parse under a security policy. Not for use outside providers/.

#include <string>
#include <string_view>

#include "providers/common.h"
#include "providers/provider.h"

namespace posthorn::providers::sendgrid {

/// Of `public_key`: base64 of a SubjectPublicKeyInfo, or PEM, of P-256.
std::string problem_of_public_key(std::string_view text);

inline constexpr Field tolerance_field{
    .name = "tolerance_s",
    .kind = FieldKind::integer,
    .help = "Seconds that the signature's timestamp may differ from now; 0 switches the check off.",
    .fallback = "300",
    .max = 604'800};
inline constexpr Field private_key_field{
    .name = "private_key",
    .kind = FieldKind::secret,
    .help =
        "Only for `posthorn trigger`: the private key, in PEM, of a key pair of your own whose "
        "public key is set here too."};

/// The steps of the signature; false when one failed.
bool is_signed(Steps& steps, const Settings& settings, const Incoming& request, Instant now);

/// Adds the two headers. Errors: invalid, without a usable private_key.
Result<> sign(Sample& made, const Settings& settings, Instant now);

}  // namespace posthorn::providers::sendgrid

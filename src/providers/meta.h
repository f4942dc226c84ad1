#pragma once
// What the three products of Meta share: the signature of an app, the handshake of its webhook, and
// signed samples. Document: "Webhooks", X-Hub-Signature-256. A signature covers neither the time
// nor the URL: only the keys of the events keep a repeated call from acting twice.

#include <array>

#include "providers/payload.h"
#include "providers/provider.h"

namespace posthorn::providers {

inline constexpr std::array meta_fields{
    Field{.name = "app_secret",
          .plural = "app_secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The app's secret, as the app dashboard shows it under App settings > Basic."},
    Field{.name = "verify_token",
          .plural = "verify_tokens",
          .kind = FieldKind::public_key,
          .help = "A text of your choice that is pasted at Meta too: its handshake carries it."},
};

/// A GET is the handshake: hub.mode must be `subscribe` and hub.verify_token one of the tokens,
/// otherwise it is answered 403. Everything else must carry X-Hub-Signature-256:
/// `sha256=<lower-case hex>` of the HMAC-SHA256 of the raw body under the app secret. When that
/// fails and the body holds bytes above 0x7e, the form that Meta signs for some clients is tried
/// once: the same text with every such character as \uXXXX.
Verification verify_meta(const Settings& settings, const Incoming& request, Instant now);

/// hub.challenge, decoded, as text/plain that no browser may take for anything else.
std::optional<Reply> challenge_meta(const Settings& settings, const Incoming& request);

/// Meta sends batches of up to 3 MB.
inline constexpr std::size_t meta_body_bytes_max = 3U << 20;

/// Whether the payload's `object` is the product's; a fault otherwise: an app that points several
/// products at one address needs a source for each.
bool is_meta_object(const PayloadObject& root, std::string_view object);

/// A POST of that body, or of the order's own, signed.
Sample sign_meta(const Settings& settings, const SampleOrder& order, std::string body);

}  // namespace posthorn::providers

#pragma once
// The signature of email_inbound and email_status, Posthorn's own endpoints for mail: that of
// generic_hmac, with X-Webhook-Signature: sha256=<hex> unless the source says otherwise. Not for
// use outside providers/.

#include <array>
#include <string>
#include <string_view>

#include "providers/common.h"
#include "providers/list.h"
#include "providers/named_event.h"

namespace posthorn::providers::own_mail {

inline constexpr std::array<std::string_view, 4> algorithms{"sha256", "sha512", "sha384", "sha1"};
inline constexpr std::array<std::string_view, 2> encodings{"hex", "base64"};
inline constexpr std::array<std::string_view, 3> secret_encodings{"utf8", "base64", "hex"};

inline constexpr std::array fields{
    Field{.name = "secret",
          .plural = "secrets",
          .kind = FieldKind::secret,
          .required = true,
          .help = "A long random text that the sending system knows too."},
    Field{.name = "secret_encoding",
          .kind = FieldKind::choice,
          .help = "What the secret's text stands for: itself (utf8), or bytes in base64 or hex.",
          .fallback = "utf8",
          .choices = secret_encodings},
    Field{.name = "header",
          .help = "The header that carries the signature.",
          .fallback = "X-Webhook-Signature",
          .problem = problem_of_header_name},
    Field{.name = "prefix",
          .help = "What is written in front of the signature in that header.",
          .fallback = "sha256="},
    Field{.name = "algorithm",
          .kind = FieldKind::choice,
          .help = "The hash of the HMAC.",
          .fallback = "sha256",
          .choices = algorithms},
    Field{.name = "encoding",
          .kind = FieldKind::choice,
          .help = "How the signature is written: hex in lower case, or base64.",
          .fallback = "hex",
          .choices = encodings},
    Field{.name = "timestamp_header",
          .help = "The header with the unix seconds of sending; the signature then covers "
                  "<timestamp>.<body>.",
          .problem = problem_of_header_name},
    Field{.name = "tolerance_s",
          .kind = FieldKind::integer,
          .help = "Seconds that this timestamp may differ from now.",
          .fallback = "300",
          .min = 1,
          .max = 86'400},
};

inline Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  return generic_hmac.verify(settings, request, now);
}

inline void check(const Settings& settings, std::vector<model::Fault>& faults) {
  generic_hmac.check(settings, faults);
}

inline Reply accepted(const Settings&, const Incoming&) { return {.status = 202}; }

/// The body, signed.
inline Result<Sample> sample(const Settings& settings, SampleOrder order, std::string_view body,
                             std::string_view content_type) {
  if (order.body.empty()) order.body = body;
  auto made = generic_hmac.sample(settings, order);
  if (made)
    for (auto& [name, value] : made->headers)
      if (name == "Content-Type") value = content_type;
  return made;
}

}  // namespace posthorn::providers::own_mail

#pragma once
// The settings of a source whose sender signs with an HMAC in a header, as generic_hmac reads them.
// Not for use outside providers/.

#include <array>
#include <string_view>

#include "providers/named_event.h"
#include "providers/provider.h"

namespace posthorn::providers {

inline constexpr std::array<std::string_view, 4> hmac_algorithms{"sha256", "sha512", "sha384",
                                                                 "sha1"};
inline constexpr std::array<std::string_view, 2> hmac_encodings{"hex", "base64"};
inline constexpr std::array<std::string_view, 3> hmac_secret_encodings{"utf8", "base64", "hex"};

struct HmacFieldTexts {
  std::string_view secret_help, prefix_help;
  std::string_view
      prefix;  ///< What stands in front of the signature unless the source says otherwise.
};

constexpr std::array<Field, 8> hmac_fields(HmacFieldTexts texts) {
  return {
      Field{.name = "secret",
            .plural = "secrets",
            .kind = FieldKind::secret,
            .required = true,
            .help = texts.secret_help},
      Field{.name = "secret_encoding",
            .kind = FieldKind::choice,
            .help = "What the secret's text stands for: itself (utf8), or bytes in base64 or hex.",
            .fallback = "utf8",
            .choices = hmac_secret_encodings},
      Field{.name = "header",
            .help = "The header that carries the signature.",
            .fallback = "X-Webhook-Signature",
            .problem = problem_of_header_name},
      Field{.name = "prefix", .help = texts.prefix_help, .fallback = texts.prefix},
      Field{.name = "algorithm",
            .kind = FieldKind::choice,
            .help = "The hash of the HMAC.",
            .fallback = "sha256",
            .choices = hmac_algorithms},
      Field{.name = "encoding",
            .kind = FieldKind::choice,
            .help = "How the signature is written: hex in lower case, or base64.",
            .fallback = "hex",
            .choices = hmac_encodings},
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
}

}  // namespace posthorn::providers

#pragma once
// The secrets that a sender may use where another text was typed in here. Not for use outside
// providers/.

#include <functional>
#include <string>
#include <string_view>

namespace posthorn::providers {

struct SecretVariant {
  std::string_view code;  ///< secret_space, secret_prefix or secret_encoding.
  std::string what;       ///< "without the white space around it"; never the secret itself.
  std::string secret;
};

/// Calls `visit` with each variant, until it gives true: white space and quotes taken off, a line
/// end added; the prefix (whsec_ and the like) dropped or added; decoded from base64 or hex, or
/// taken as text where the provider decodes it. At most 24.
void visit_secret_variants(std::string_view secret,
                           const std::function<bool(const SecretVariant&)>& visit);

}  // namespace posthorn::providers

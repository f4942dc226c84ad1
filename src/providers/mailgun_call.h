#pragma once
// What one call of Mailgun carries, whichever of its three forms it has. Not for use outside
// providers/.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "providers/provider.h"
#include "text/multipart.h"

namespace posthorn::providers::mailgun_call {

/// Signature fields as the call has them; empty where it has none.
struct Signature {
  std::string timestamp, token, mac, parent_mac;
};

/// A route's form: urlencoded or multipart.
struct Form {
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<text::FormPart> files;  ///< Their bytes look into the request's body.

  /// The first value of that name; empty when there is none (case does not matter).
  [[nodiscard]] std::string_view raw(std::string_view name) const;
  /// The same in UTF-8.
  [[nodiscard]] std::string text(std::string_view name) const;
};

struct Call {
  Signature signature;
  json::value body;          ///< Of JSON; null otherwise.
  std::optional<Form> form;  ///< Of a route.
};

/// Error: invalid, when the body cannot be read as what Content-Type says.
Result<Call> read_call(const Incoming& request);

}  // namespace posthorn::providers::mailgun_call

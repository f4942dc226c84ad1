#pragma once
// A file with one request and its secret, for `posthorn sign` and `posthorn verify`.

#include <optional>
#include <string>
#include <vector>

namespace posthorn::cli {

/// {"secret": text, "request": {"method", "url", "headers": {name: text or [text]}, "body" or
/// "body_base64"}, "now": unix seconds, "id": text, "public_key": text, "name": text}; only
/// `request` with a body must be there. The method and the URL are not signed.
struct SignatureCase {
  std::optional<std::string> secret, id, public_key, at;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;
};

/// Throws CallFailed (usage) with all faults, each with its JSON pointer.
SignatureCase read_signature_case(const std::string& file);

}  // namespace posthorn::cli

#pragma once
// The bodies that a sender may have signed where another one arrived. Not for use outside
// providers/.

#include <functional>
#include <string>
#include <string_view>

namespace posthorn::providers {

struct BodyVariant {
  std::string_view code;  ///< body_line_ends or body_reserialised.
  std::string what;       ///< "with a line end behind it", "as JSON without white space".
  std::string body;
};

/// Calls `visit` with each variant that differs from the body, until it gives true: line ends
/// added, removed and exchanged, a byte order mark, '+' and %20 exchanged; and a JSON body as
/// common libraries write it (white space, escapes, order of keys; numbers stay as they are
/// written). At most 100.
void visit_body_variants(std::string_view body,
                         const std::function<bool(const BodyVariant&)>& visit);

}  // namespace posthorn::providers

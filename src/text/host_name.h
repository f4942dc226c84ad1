#pragma once
// Names of hosts as they go into DNS and TLS. Not for use outside text/.

#include <string>
#include <string_view>

#include "base/error.h"

namespace posthorn::text {

inline constexpr std::size_t host_name_bytes_max = 253;
inline constexpr std::size_t host_label_bytes_max = 63;

/// The lower-case A-label form without the trailing dot. Invalid, with the rule broken and what was
/// given: an empty or overlong label, a character outside letters, digits, hyphen and underscore, a
/// numeric last label, a label that UTS-46 would change, an A-label that does not decode.
/// Upper-case ASCII is the only spelling that is changed.
Result<std::string> read_host_name(std::string_view name);

}  // namespace posthorn::text

#pragma once
// Parameters of the address that was called. Not for use outside providers/.

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::providers {

/// The decoded value of a parameter that is there exactly once (letter case counts); otherwise
/// nullopt, also when the query has more than text::form_fields_max parameters. `query` is without
/// '?'; a fragment, which no server should see, is not cut off.
std::optional<std::string> only_parameter(std::string_view query, std::string_view name);

}  // namespace posthorn::providers

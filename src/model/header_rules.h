#pragma once
// Which headers an endpoint may add to its requests.

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::model {

inline constexpr std::size_t custom_headers_max = 20;
inline constexpr std::size_t custom_header_bytes_max = 8 * 1024;  ///< Names, values and framing.

/// What stands instead of a sensitive value in answers. Sent back in an update it means "as it
/// was".
inline constexpr std::string_view masked_value = "********";

/// What is wrong with a name, as the start of a sentence ("is set by Posthorn itself"); empty when
/// nothing is. Refused are names that are no HTTP token, and those that frame, route or sign a
/// request.
std::string header_name_fault(std::string_view name);
/// The same for a value: printable ASCII and tab, no space at its ends.
std::string header_value_fault(std::string_view value);
/// Whether the value is a credential, by its name; then it is masked in answers.
bool is_sensitive_header(std::string_view name);

}  // namespace posthorn::model

#pragma once
// The Authorization header. Not for use outside providers/.

#include <optional>
#include <string_view>

#include "providers/settings.h"

namespace posthorn::providers {

/// `Basic <base64 of name:password>`, parted at the first colon; the scheme's case does not matter.
/// nullopt for anything else.
std::optional<Credentials> basic_credentials(std::string_view authorization);

/// What follows `Bearer `; nullopt for another scheme or nothing behind it.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace posthorn::providers

#pragma once
// Basic credentials in the URL, as mail services send them. Not for use outside providers/.

#include <string>
#include <string_view>

#include "providers/provider.h"

namespace posthorn::providers {

/// The steps of the Authorization header: there once, Basic, and one of the credentials of the
/// field. False when one failed.
bool has_basic_auth(Steps& steps, const Settings& settings, const Incoming& request,
                    std::string_view field);

/// The header's value for the first credentials of the field.
std::string basic_authorization(const Settings& settings, std::string_view field);

}  // namespace posthorn::providers

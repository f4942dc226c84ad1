#pragma once
// Amounts as providers write them. Not for use outside providers/.

#include <cstdint>
#include <optional>
#include <string_view>

namespace posthorn::providers {

/// "199.00" USD as 19900, "1990" JPY as 1990, "1.234" KWD as 1234: minor units by ISO 4217 (two
/// digits for an unknown currency; upper-case codes). Digits beyond them must be zeros. nullopt for
/// anything but digits with one point and a sign, or past 64 bits.
std::optional<std::int64_t> minor_units(std::string_view amount, std::string_view currency);

}  // namespace posthorn::providers

#pragma once
// IP addresses as text: one grammar for URLs and for what a resolver or an operator gives.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::text {

/// The canonical dotted quad only: four decimal numbers without leading zeros. Network order.
std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text);
/// Any RFC 4291 text form, without brackets and without a zone. Network order.
std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text);

std::string ipv4_text(const std::array<std::uint8_t, 4>& bytes);
/// RFC 5952: lower case, the longest run of zeros shortened.
std::string ipv6_text(const std::array<std::uint8_t, 16>& bytes);

}  // namespace posthorn::text

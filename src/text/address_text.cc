#include "text/address_text.h"

#include <arpa/inet.h>

#include "base/assert.h"

namespace posthorn::text {
namespace {

// inet_pton is libc's strict reader: unlike getaddrinfo it takes no octal, hexadecimal, short or
// zoned form.
template <std::size_t size>
std::optional<std::array<std::uint8_t, size>> read(int family, std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::array<std::uint8_t, size> bytes{};
  if (inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

template <std::size_t size>
std::string write(int family, const std::array<std::uint8_t, size>& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  PH_ASSERT(inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr);
  return text.data();
}

}  // namespace

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) {
  return read<4>(AF_INET, text);
}
std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text) {
  return read<16>(AF_INET6, text);
}
std::string ipv4_text(const std::array<std::uint8_t, 4>& bytes) { return write(AF_INET, bytes); }
std::string ipv6_text(const std::array<std::uint8_t, 16>& bytes) { return write(AF_INET6, bytes); }

}  // namespace posthorn::text

#include "egress/rules.h"

#include <algorithm>

#include "base/assert.h"

namespace posthorn::egress::rules {
namespace {

template <std::size_t size>
const AddressRule* first_match(const std::array<AddressRule, size>& table, const Address& address) {
  static const auto parsed = [&table] {
    std::array<Cidr, size> cidrs;
    for (std::size_t i = 0; i < size; ++i) {
      const auto cidr = parse_cidr(table[i].cidr);
      PH_ASSERT(cidr.has_value());
      cidrs[i] = *cidr;
    }
    return cidrs;
  }();
  const auto found =
      std::ranges::find_if(parsed, [&](const Cidr& cidr) { return cidr.contains(address); });
  if (found == parsed.end()) return nullptr;
  return &table[static_cast<std::size_t>(found - parsed.begin())];
}

}  // namespace

static_assert(std::ranges::is_sorted(denied_ports));

const AddressRule* denying(const Address& address) {
  if (!address.v6) return first_match(ipv4_denied, address);
  static const Cidr allowed = *parse_cidr(ipv6_allowed.cidr);
  if (!allowed.contains(address)) return &ipv6_allowed;
  return first_match(ipv6_denied, address);
}

}  // namespace posthorn::egress::rules

#pragma once
// The built-in rules of the guard as data; policy.h applies them. Not for use outside egress/.

#include <array>
#include <cstdint>
#include <string_view>

#include "egress/policy.h"

namespace posthorn::egress::rules {

struct AddressRule {
  std::string_view cidr;
  std::string_view what;  ///< Completes "127.0.0.1 is …".
};

/// IPv4 is allowed unless it is in one of these.
inline constexpr std::array ipv4_denied{
    AddressRule{"0.0.0.0/8", "of this network"},
    AddressRule{"10.0.0.0/8", "private"},
    AddressRule{"100.64.0.0/10", "shared behind a carrier's NAT"},
    AddressRule{"127.0.0.0/8", "loopback"},
    AddressRule{"168.63.129.16/32", "Azure's platform address"},
    AddressRule{"169.254.0.0/16", "link-local (cloud metadata)"},
    AddressRule{"172.16.0.0/12", "private"},
    AddressRule{"192.0.0.0/24", "reserved for protocols"},
    AddressRule{"192.0.2.0/24", "for documentation"},
    AddressRule{"192.88.99.0/24", "of the former 6to4 relays"},
    AddressRule{"192.168.0.0/16", "private"},
    AddressRule{"198.18.0.0/15", "for benchmarks"},
    AddressRule{"198.51.100.0/24", "for documentation"},
    AddressRule{"203.0.113.0/24", "for documentation"},
    AddressRule{"224.0.0.0/4", "multicast"},
    AddressRule{"240.0.0.0/4", "reserved"},
};

/// IPv6 is denied unless it is in this …
inline constexpr AddressRule ipv6_allowed{"2000::/3", "outside the public range of IPv6"};
/// … and not in one of these.
inline constexpr std::array ipv6_denied{
    AddressRule{"2001::/23", "reserved for protocols (Teredo, ORCHID, benchmarks)"},
    AddressRule{"2001:db8::/32", "for documentation"},
    AddressRule{"2002::/16", "6to4, which wraps another address"},
    AddressRule{"3fff::/20", "for documentation"},
};

inline constexpr std::uint16_t https_port = 443;
inline constexpr std::uint16_t first_open_port = 1024;

/// Services that a request could harm, ascending.
inline constexpr std::array<std::uint16_t, 31> denied_ports{
    1719, 1720, 1723, 2049, 2375, 2376,  2379,  2380,  3306, 3659, 4045,
    4190, 5060, 5061, 5432, 6000, 6379,  6566,  6665,  6666, 6667, 6668,
    6669, 6679, 6697, 9200, 9300, 10080, 10250, 11211, 27017};

/// Names that public DNS does not serve; a name is denied when it is one or ends in one.
inline constexpr std::array<std::string_view, 19> denied_suffixes{
    "localhost", "local",     "internal", "localdomain",  "test",    "invalid", "onion",
    "alt",       "home.arpa", "lan",      "intranet",     "corp",    "home",    "private",
    "svc",       "cluster",   "consul",   "in-addr.arpa", "ip6.arpa"};

/// The rule that denies the address; nullptr when none does.
const AddressRule* denying(const Address& address);

}  // namespace posthorn::egress::rules

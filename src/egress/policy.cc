#include "egress/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "egress/refused.h"
#include "egress/rules.h"
#include "text/address_text.h"

namespace posthorn::egress {
namespace {

std::string cidr_text(const Cidr& cidr) {
  return cidr.network.text() + "/" + std::to_string(cidr.bits);
}

bool any_contains(const std::vector<Cidr>& cidrs, const Address& address) {
  return std::ranges::any_of(cidrs, [&](const Cidr& cidr) { return cidr.contains(address); });
}

bool is_loopback(const Address& address) {
  static const Cidr v4 = *parse_cidr("127.0.0.0/8");
  static const Cidr v6 = *parse_cidr("::1/128");
  return v4.contains(address) || v6.contains(address);
}

bool is_localhost(const text::Url& url) {
  if (!url.host_is_ipv4 && !url.host_is_ipv6) return url.host == "localhost";
  const auto address = parse_address(url.host);
  return address && is_loopback(*address);
}

/// The IPv4 address that a NAT64 prefix wraps (RFC 6052 2.2), for its six prefix lengths.
std::optional<Address> embedded_ipv4(const Cidr& prefix, const Address& address) {
  if (!is_nat64_prefix(prefix) || !prefix.contains(address)) return std::nullopt;
  Address inner;
  std::size_t from = static_cast<std::size_t>(prefix.bits) / 8;
  for (std::size_t i = 0; i < 4; ++i) {
    if (from == 8) ++from;  // Bits 64 to 71 are always zero.
    inner.bytes[i] = address.bytes[from++];
  }
  return inner;
}

std::optional<std::string> refused_suffix(std::string_view host) {
  for (const std::string_view suffix : rules::denied_suffixes)
    if (host == suffix || (host.ends_with(suffix) && host[host.size() - suffix.size() - 1] == '.'))
      return std::string(suffix);
  return std::nullopt;
}

Result<> check_port(const Overrides& overrides, std::uint16_t port) {
  if (std::ranges::find(overrides.allow_ports, port) != overrides.allow_ports.end()) return {};
  if (port != rules::https_port && port < rules::first_open_port)
    return refused("port " + std::to_string(port) +
                   " is not allowed: use 443 or one from 1024 to 65535");
  if (std::ranges::binary_search(rules::denied_ports, port))
    return refused("port " + std::to_string(port) +
                   " is not allowed: it belongs to a service that is not HTTP; use 443 or another "
                   "from 1024 to 65535");
  return {};
}

}  // namespace

std::string Address::text() const {
  if (v6) return text::ipv6_text(bytes);
  return text::ipv4_text({bytes[0], bytes[1], bytes[2], bytes[3]});
}

std::optional<Address> parse_address(std::string_view text) {
  Address address;
  if (const auto v4 = text::parse_ipv4(text)) {
    std::ranges::copy(*v4, address.bytes.begin());
    return address;
  }
  const auto v6 = text::parse_ipv6(text);
  if (!v6) return std::nullopt;
  address.v6 = true;
  address.bytes = *v6;
  return address;
}

bool Cidr::contains(const Address& address) const {
  if (address.v6 != network.v6) return false;
  const auto whole = static_cast<std::size_t>(bits) / 8;
  if (!std::equal(network.bytes.begin(), network.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin()))
    return false;
  if (bits % 8 == 0) return true;
  return ((network.bytes[whole] ^ address.bytes[whole]) >> (8 - bits % 8)) == 0;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto network = parse_address(text.substr(0, slash));
  if (!network) return std::nullopt;
  Cidr cidr{*network, network->v6 ? 128 : 32};
  if (slash == std::string_view::npos) return cidr;
  const std::string_view length = text.substr(slash + 1);
  int bits = 0;
  const auto read = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (read.ec != std::errc{} || read.ptr != length.data() + length.size() || bits < 0 ||
      bits > cidr.bits || (length.size() > 1 && length.front() == '0'))
    return std::nullopt;
  cidr.bits = bits;
  // Bits behind the prefix would be ignored: more likely a slip than meant.
  for (std::size_t i = 0; i < (network->v6 ? 16U : 4U); ++i) {
    const int kept = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    if ((network->bytes[i] & (0xFF >> kept)) != 0) return std::nullopt;
  }
  return cidr;
}

bool is_nat64_prefix(const Cidr& cidr) {
  static constexpr std::array lengths{32, 40, 48, 56, 64, 96};
  return cidr.network.v6 && std::ranges::find(lengths, cidr.bits) != lengths.end();
}

std::optional<std::string> Policy::denied(const Address& address) const {
  for (const Cidr& cidr : overrides_.deny)
    if (cidr.contains(address))
      return address.text() + " is in " + cidr_text(cidr) + ", which the operator denies";
  if (any_contains(overrides_.allow, address)) return std::nullopt;
  if (overrides_.allow_loopback_http && is_loopback(address)) return std::nullopt;
  if (overrides_.nat64_prefix) {
    if (const auto inner = embedded_ipv4(*overrides_.nat64_prefix, address)) {
      const auto why = denied(*inner);
      return why ? std::optional(address.text() + " leads to " + *why) : std::nullopt;
    }
  }
  if (const auto* rule = rules::denying(address))
    return address.text() + " is " + std::string(rule->what) + " (" + std::string(rule->cidr) + ")";
  return std::nullopt;
}

Result<text::Url> Policy::check_url(std::string_view given) const {
  PH_TRY(text::Url url, text::parse_url(given));
  if (overrides_.allow_loopback_http && is_localhost(url)) return url;
  if (url.scheme != "https")
    return refused("plain http is not allowed: use https://" + url.authority() + url.target);
  if (auto port = check_port(overrides_, url.port); !port) return fail(std::move(port).error());
  if (url.host_is_ipv4 || url.host_is_ipv6) {
    if (const auto why = denied(*parse_address(url.host)))
      return refused("the address " + *why + ": only public addresses are allowed");
    return url;
  }
  if (!url.host.contains('.'))
    return refused("the host \"" + url.host +
                   "\" has no dot: only full public names like hooks.example.com are allowed");
  if (const auto suffix = refused_suffix(url.host))
    return refused("names that end in ." + *suffix +
                   " are never public: only public names are allowed; got \"" + url.host + "\"");
  return url;
}

Result<> Policy::check_answer(const text::Url& url, const std::vector<Address>& answer) const {
  if (answer.empty())
    return refused("\"" + url.host + "\" has no address: it must resolve to a public one");
  const bool only_loopback = overrides_.allow_loopback_http && is_localhost(url);
  for (const Address& address : answer) {
    if (is_loopback(address) != only_loopback && !any_contains(overrides_.allow, address)) {
      // Loopback is open to a developer's "localhost" alone, which names nothing else.
      if (only_loopback)
        return refused("\"" + url.host + "\" must resolve to loopback addresses alone; got " +
                       address.text());
      if (overrides_.allow_loopback_http && is_loopback(address))
        return refused("\"" + url.host + "\" resolves to " + address.text() +
                       ", which is loopback: write localhost, or use a public address");
    }
    if (const auto why = denied(address))
      return refused("\"" + url.host + "\" resolves to an address that is not allowed: " + *why +
                     "; every address of its answer must be public");
  }
  return {};
}

}  // namespace posthorn::egress

#pragma once
// What may leave: the pure half of the egress guard. net/egress.h resolves, pins and dials by it.
// Source of the rules: tests/cases/ssrf-policy.json; the table in egress/rules.h is the only copy.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/url.h"

namespace posthorn::egress {

/// IPv4 as 4 bytes, IPv6 as 16, network order.
struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const Address&, const Address&) = default;
  /// Dotted quad or RFC 5952.
  [[nodiscard]] std::string text() const;
};
/// Canonical dotted quad or any RFC 4291 text form without zone; nullopt otherwise.
std::optional<Address> parse_address(std::string_view text);

struct Cidr {
  Address network;
  int bits = 0;
  [[nodiscard]] bool contains(const Address& address) const;
};
/// `address/bits`, or an address alone (all its bits). Bits behind the prefix must be zero.
std::optional<Cidr> parse_cidr(std::string_view text);

/// IPv6 of one of the six lengths of RFC 6052: 32, 40, 48, 56, 64 or 96 bits.
bool is_nat64_prefix(const Cidr& cidr);

/// What an operator may change, in the configuration file only.
struct Overrides {
  std::vector<Cidr> allow;  ///< Wins over the built-in denials.
  std::vector<Cidr> deny;   ///< Wins over everything.
  std::vector<std::uint16_t> allow_ports;
  bool allow_loopback_http =
      false;  ///< `--dev`: http and https to localhost and loopback addresses, any port.
  std::optional<Cidr> nat64_prefix;  ///< Judge the embedded IPv4 instead of refusing. Heeded
                                     ///< only if is_nat64_prefix.
};

/// Thread-safe: nothing changes after construction.
class Policy {
 public:
  explicit Policy(Overrides overrides = {}) : overrides_(std::move(overrides)) {}

  /// Judges the text of a URL: scheme, userinfo, fragment, host, port, and a literal address.
  /// Errors: refused or invalid, one sentence for the person who typed it.
  [[nodiscard]] Result<text::Url> check_url(std::string_view url) const;
  /// Judges a resolver's answer: refused when empty or when any address is denied (mixed answers
  /// too).
  [[nodiscard]] Result<> check_answer(const text::Url& url,
                                      const std::vector<Address>& answer) const;
  /// Why the address is denied; nullopt when it may be dialled.
  [[nodiscard]] std::optional<std::string> denied(const Address& address) const;
  [[nodiscard]] const Overrides& overrides() const { return overrides_; }

 private:
  Overrides overrides_;
};

/// The addresses that SNS may name (tests/cases/sns-url.json): `cert` a SigningCertURL, `subscribe`
/// a SubscribeURL, whose topic must be one of `allowed_topics` (none given: no topic is).
enum class SnsUrl : std::uint8_t { cert, subscribe };
Result<text::Url> check_sns_url(SnsUrl kind, std::string_view url,
                                std::span<const std::string> allowed_topics = {});

}  // namespace posthorn::egress

#pragma once
// The one parser of outgoing URLs. It accepts a single spelling of each address and repairs
// nothing, so what was vetted is what is dialled. Source of the grammar: cases/ssrf-policy.json.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace posthorn::text {

inline constexpr std::size_t url_bytes_max = 2048;

/// A parsed absolute http(s) URL.
struct Url {
  std::string scheme;  ///< "https" or "http", lower case.
  std::string host;    ///< Lower-case A-label name without trailing dot, dotted quad, or IPv6 text
                       ///< without brackets.
  bool host_is_ipv4 = false;
  bool host_is_ipv6 = false;
  std::uint16_t port = 443;
  bool port_given = false;
  std::string target;  ///< Path and query as given; at least "/".

  /// What goes into `Host:`: brackets for IPv6, the port unless it is the scheme's default.
  [[nodiscard]] std::string authority() const;
};

/// Errors: invalid, with one sentence that names the rule broken and what was given. Looks only at
/// the text (no lookup). Names are mapped by UTS-46 non-transitional and must already be in mapped
/// form. Policy on schemes, ports, suffixes and addresses is egress/policy.h's business.
Result<Url> parse_url(std::string_view text);

}  // namespace posthorn::text

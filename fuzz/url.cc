// text/url.h and the egress policy on any bytes: what is accepted has one spelling, that leads
// nowhere else.
#include "text/url.h"

#include <cstdint>

#include "base/assert.h"
#include "egress/policy.h"

namespace egress = posthorn::egress;
namespace text = posthorn::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const egress::Policy policy;
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  const auto url = text::parse_url(given);
  const auto vetted = policy.check_url(given);
  PH_ASSERT(url || !vetted);
  (void)egress::check_sns_url(egress::SnsUrl::cert, given);
  (void)egress::check_sns_url(egress::SnsUrl::subscribe, given);
  const auto cidr = egress::parse_cidr(given);
  PH_ASSERT(!cidr || cidr->contains(cidr->network));
  if (!url) {
    PH_ASSERT(!url.error().what.empty());
    return 0;
  }

  const auto again = text::parse_url(url->scheme + "://" + url->authority() + url->target);
  PH_ASSERT(again && again->host == url->host && again->port == url->port &&
            again->target == url->target && again->scheme == url->scheme);
  PH_ASSERT(url->host_is_ipv6 ||
            url->host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
                std::string::npos);
  for (const char c : url->target) PH_ASSERT(c > 0x20 && c < 0x7F && c != '#' && c != '\\');

  const auto address = egress::parse_address(url->host);
  PH_ASSERT(address.has_value() == (url->host_is_ipv4 || url->host_is_ipv6));
  if (address) PH_ASSERT(address->text() == url->host);
  if (vetted) {
    PH_ASSERT(vetted->scheme == "https" && !vetted->host.ends_with(".localhost"));
    PH_ASSERT(vetted->host.contains('.') || address);
    PH_ASSERT(!address || !policy.denied(*address));
  }
  return 0;
}

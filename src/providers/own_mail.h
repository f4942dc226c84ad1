#pragma once
// The signature of email_inbound and email_status, Posthorn's own endpoints for mail: that of
// generic_hmac, with X-Webhook-Signature: sha256=<hex> unless the source says otherwise. Not for
// use outside providers/.

#include <string>
#include <string_view>

#include "providers/hmac_fields.h"
#include "providers/list.h"

namespace posthorn::providers::own_mail {

inline constexpr auto fields =
    hmac_fields({.secret_help = "A long random text that the sending system knows too.",
                 .prefix_help = "What is written in front of the signature in that header.",
                 .prefix = "sha256="});

inline Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  return generic_hmac.verify(settings, request, now);
}

inline void check(const Settings& settings, std::vector<model::Fault>& faults) {
  generic_hmac.check(settings, faults);
}

inline Reply accepted(const Settings&, const Incoming&) { return {.status = 202}; }

/// The body, signed.
inline Result<Sample> sample(const Settings& settings, SampleOrder order, std::string_view body,
                             std::string_view content_type) {
  if (order.body.empty()) order.body = body;
  auto made = generic_hmac.sample(settings, order);
  if (made)
    for (auto& [name, value] : made->headers)
      if (name == "Content-Type") value = content_type;
  return made;
}

}  // namespace posthorn::providers::own_mail

// Svix, and the many senders that use it: Standard Webhooks under its own header names. Its library
// also takes the standard names; the branded ones win where both came.

#include "providers/list.h"
#include "providers/webhook_signature.h"

namespace posthorn::providers {
namespace {

using webhook_signature::Names;
using webhook_signature::standard_names;

constexpr Names svix_names{"svix-id", "svix-timestamp", "svix-signature"};

constexpr std::string_view instructions =
    R"(1. In the sender's webhook portal (Svix), choose **Add Endpoint**.
2. Endpoint URL: `{url}`; select the events and create it.
3. On the endpoint's page, reveal the **signing secret** (`whsec_…`) and set it here as `secret`.
4. While the secret is rotated, give both as `secrets`, the new one first.
)";

Names names_in(const Incoming& request) {
  const auto came = [&](std::string_view name) { return request.header_count(name) > 0; };
  if (came(svix_names.id) && came(svix_names.timestamp) && came(svix_names.signature))
    return svix_names;
  const bool has_standard =
      came(standard_names.id) && came(standard_names.timestamp) && came(standard_names.signature);
  return has_standard ? standard_names : svix_names;
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  return webhook_signature::verify(settings, request, now, names_in(request));
}
Parsed parse(const Settings&, const Incoming& request) {
  return webhook_signature::parse(request, names_in(request));
}
Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  return webhook_signature::sample(settings, order, svix_names);
}

}  // namespace

const Provider svix{
    .name = "svix",
    .title = "Svix",
    .carries = "events of any sender whose webhooks go out through Svix",
    .fields = webhook_signature::fields,
    .instructions = instructions,
    .samples = webhook_signature::samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

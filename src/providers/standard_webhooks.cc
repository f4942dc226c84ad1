// Standard Webhooks: any sender that follows the specification; Posthorn's own deliveries too.

#include "providers/cloudevents.h"
#include "providers/list.h"
#include "providers/webhook_signature.h"

namespace posthorn::providers {
namespace {

using webhook_signature::standard_names;

constexpr std::string_view instructions =
    R"(1. At the sender, add a webhook endpoint with the URL `{url}`.
2. Copy the endpoint's signing secret (`whsec_…`) here as `secret`. Where the sender signs with ed25519 (`v1a`), copy its public key (`whpk_…`) instead.
3. While the secret is rotated, give both as `secrets`, the new one first.
)";

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  return webhook_signature::verify(settings, request, now, standard_names);
}
Parsed parse(const Settings&, const Incoming& request) {
  return webhook_signature::parse(request, standard_names);
}
Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  return webhook_signature::sample(settings, order, standard_names);
}

}  // namespace

const Provider standard_webhooks{
    .name = "standard_webhooks",
    .title = "Standard Webhooks",
    .carries = "events of any sender that follows the Standard Webhooks specification",
    .fields = webhook_signature::fields,
    .instructions = instructions,
    .samples = webhook_signature::samples,
    .verify = verify,
    .challenge = cloudevents_challenge,
    .parse = parse,
    .sample = sample,
};

}  // namespace posthorn::providers

// Anybody may send: for looking at what a system sends, not for acting on it.

#include <array>

#include "providers/cloudevents.h"
#include "providers/common.h"
#include "providers/list.h"
#include "providers/named_event.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 1> samples{"sample.created"};

constexpr std::string_view instructions =
    R"(1. At the sender, add a webhook with the URL `{url}`.
2. Look at what arrives. Nothing is verified: whoever knows the address can send anything, so do not let rules act on it.
3. Once you know how the sender signs, make a source of its provider, or of `generic_hmac` or `generic_token`.
)";

Verification verify(const Settings&, const Incoming&, Instant) {
  Steps steps;
  steps.check(true, "nothing: an open source takes what anybody sends");
  return std::move(steps).verified();
}

Parsed parse(const Settings& settings, const Incoming& request) {
  auto parsed = parse_named_event(settings, request);
  // Calls without a body differ in their address alone.
  if (parsed.key_is_digest && request.body.empty()) {
    parsed.idempotency_key =
        body_digest(std::string(request.method) + " " + std::string(request.url));
    for (auto& event : parsed.events) event.fields["provider_event_id"] = *parsed.idempotency_key;
  }
  return parsed;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"}};
  if (auto filled = fill_named_sample(made, settings, order); !filled)
    return fail(std::move(filled).error());
  return made;
}

}  // namespace

const Provider open{
    .name = "open",
    .title = "Anybody (not verified)",
    .carries = "whatever is sent to the address, from anybody",
    .fields = named_event_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .challenge = cloudevents_challenge,
    .parse = parse,
    .sample = sample,
    .unverified = true,
};

}  // namespace posthorn::providers

#pragma once
// The handshake that a CloudEvents sender asks for before it sends (CloudEvents, HTTP webhook, 4:
// "abuse protection"): OPTIONS with WebHook-Request-Origin. Not for use outside providers/ and the
// path that receives.

#include <optional>

#include "providers/provider.h"

namespace posthorn::providers {

/// The answer to the handshake; nullopt when the request is none. It is asked without a signature
/// and proves nothing, so it must be answered before verify() and nothing may follow from it: it
/// only says that this address expects webhooks, which for a source's address is so. The origin
/// and the rate that were asked for are granted (the rate is what the sender limits itself to).
/// WebHook-Request-Callback is never called.
std::optional<Reply> cloudevents_handshake(const Incoming& request);

/// The same as a Provider::challenge.
std::optional<Reply> cloudevents_challenge(const Settings& settings, const Incoming& request);

}  // namespace posthorn::providers

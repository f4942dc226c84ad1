#include "model/endpoint.h"

#include <algorithm>

namespace posthorn::model {
namespace {

std::vector<Millis> patient_steps() {
  return {1s, 10s, 1min, 5min, 30min, 1h, 2h, 4h, 8h, 12h, 18h, 24h};
}

bool is_promoted(const EndpointSecret& secret, Instant now) {
  return !secret.promote_at || *secret.promote_at <= now;
}

bool is_expired(const EndpointSecret& secret, Instant now) {
  return secret.expires_at && *secret.expires_at <= now;
}

/// An endpoint that has secrets is never sent to unsigned, whatever its dates say.
const EndpointSecret& current_secret(const std::vector<EndpointSecret>& secrets, Instant now) {
  const EndpointSecret* expired = nullptr;
  for (auto secret = secrets.rbegin(); secret != secrets.rend(); ++secret) {
    if (!is_promoted(*secret, now)) continue;
    if (!is_expired(*secret, now)) return *secret;
    if (expired == nullptr) expired = &*secret;
  }
  return expired != nullptr ? *expired : secrets.front();
}

}  // namespace

std::optional<RetryPolicy> retry_profile(std::string_view name) {
  if (name == "standard") return RetryPolicy{};
  if (name == "quick") return RetryPolicy{"quick", {1s, 10s, 60s, 300s}};
  if (name == "patient") return RetryPolicy{"patient", patient_steps()};
  return std::nullopt;
}

LiveSecrets live_secrets(const Endpoint& endpoint, Instant now) {
  LiveSecrets live;
  if (endpoint.secrets.empty()) return live;
  live.current = &current_secret(endpoint.secrets, now);
  for (auto secret = endpoint.secrets.rbegin(); secret != endpoint.secrets.rend(); ++secret) {
    if (&*secret == live.current || is_expired(*secret, now)) continue;
    live.others.push_back(&*secret);
    if (live.previous == nullptr && is_promoted(*secret, now)) live.previous = &*secret;
  }
  return live;
}

Result<> rotate_secret(Endpoint& endpoint, const SecretRotation& rotation, Instant now) {
  std::vector<EndpointSecret> kept;
  const Instant replaced_at = rotation.promote_at.value_or(now);
  for (EndpointSecret secret : endpoint.secrets) {
    const Instant end = replaced_at + rotation.overlap;
    secret.expires_at = secret.expires_at ? std::min(*secret.expires_at, end) : end;
    if (!is_expired(secret, now)) kept.push_back(std::move(secret));
  }
  if (kept.size() >= live_secrets_max)
    return fail(Errc::limit,
                "5 secrets are live already: wait until one expires, or rotate with "
                "a shorter overlap");
  kept.push_back({rotation.secret, now, rotation.promote_at, std::nullopt});
  endpoint.secrets = std::move(kept);
  return {};
}

}  // namespace posthorn::model

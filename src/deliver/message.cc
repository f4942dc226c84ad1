#include "deliver/message.h"

#include <fmt/format.h>

#include <functional>
#include <unordered_map>

#include "base/planted.h"

namespace posthorn::deliver {

namespace {

constexpr std::string_view user_agent = "Posthorn/" POSTHORN_VERSION;

struct TransparentHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

}  // namespace

struct HmacCache::State {
  std::size_t keys_max;
  std::unordered_map<std::string, crypto::HmacKey, TransparentHash, std::equal_to<>> keys;
};

HmacCache::HmacCache(std::size_t keys_max) : state_(std::make_unique<State>()) {
  state_->keys_max = keys_max;
}
HmacCache::~HmacCache() = default;

std::string HmacCache::sign(std::string_view key, std::initializer_list<std::string_view> pieces) {
  auto& keys = state_->keys;
  auto found = keys.find(key);
  if (found == keys.end()) {
    // Rebuilding a context costs under a microsecond, so forgetting all of them needs no order.
    if (keys.size() >= state_->keys_max) keys.clear();
    found = keys.emplace(std::string(key), crypto::HmacKey(key)).first;
  }
  return found->second.sign(pieces);
}

std::string standard_webhooks_key(std::string_view secret_text) {
  constexpr std::string_view prefix = "whsec_";
  if (secret_text.starts_with(prefix)) {
    if (auto decoded = from_base64(secret_text.substr(prefix.size()))) return *std::move(decoded);
  }
  return std::string(secret_text);
}

Signatures sign(const model::Endpoint& endpoint, std::string_view webhook_id, Instant wall_now,
                std::string_view body, HmacCache& cache) {
  Signatures made;
  const auto live = model::live_secrets(endpoint, wall_now);
  const fmt::format_int seconds(wall_now.unix_seconds());
  const std::string_view timestamp(seconds.data(), seconds.size());

  const auto hex = [&](const model::EndpointSecret& secret) {
    const auto less = planted(Planted::signature_of_less) ? body.substr(1) : body;
    return "sha256=" + to_hex(cache.sign(secret.text.reveal(), {less}));
  };
  const auto add_standard = [&](const model::EndpointSecret& secret) {
    const std::string key = standard_webhooks_key(secret.text.reveal());
    made.standard += made.standard.empty() ? "v1," : " v1,";
    made.standard += to_base64(cache.sign(key, {webhook_id, ".", timestamp, ".", body}));
  };

  if (live.current) {
    made.hex_current = hex(*live.current);
    add_standard(*live.current);
    for (const auto* other : live.others) add_standard(*other);
    if (live.previous) made.hex_previous = hex(*live.previous);
  }
  if (endpoint.key_pair) {
    std::string signed_text;
    signed_text.reserve(webhook_id.size() + timestamp.size() + body.size() + 2);
    signed_text.append(webhook_id).append(".").append(timestamp).append(".").append(body);
    made.standard += made.standard.empty() ? "v1a," : " v1a,";
    made.standard += to_base64(crypto::ed25519_sign(endpoint.key_pair->seed, signed_text));
  }
  return made;
}

std::vector<env::Header> message_headers(const model::Event& event, const model::Endpoint& endpoint,
                                         DeliveryId delivery, int attempt, Instant wall_now,
                                         const Body& body, HmacCache& cache) {
  const std::string webhook_id = event.id.text();
  Signatures signatures = sign(endpoint, webhook_id, wall_now, *body.bytes, cache);

  std::vector<env::Header> headers;
  headers.reserve(12 + body.headers.size() + endpoint.headers.size());
  const auto add = [&headers](std::string_view name, std::string value) {
    headers.emplace_back(std::string(name), std::move(value));
  };
  const auto number = [](std::int64_t value) { return fmt::format_int(value).str(); };
  add("Content-Type", body.content_type);
  add("User-Agent", std::string(user_agent));
  add("X-Webhook-Event", event.type);
  add("X-Webhook-Delivery", to_uuid(delivery));
  add("X-Webhook-Attempt", number(attempt));
  if (!signatures.hex_current.empty())
    add("X-Webhook-Signature", std::move(signatures.hex_current));
  if (!signatures.hex_previous.empty())
    add("X-Webhook-Signature-Previous", std::move(signatures.hex_previous));
  add("webhook-id", webhook_id);
  add("webhook-timestamp", number(wall_now.unix_seconds()));
  if (!signatures.standard.empty()) add("webhook-signature", std::move(signatures.standard));
  add("webhook-hop", number(event.hop + 1));
  if (!event.traceparent.empty()) add("traceparent", event.traceparent);
  headers.insert(headers.end(), body.headers.begin(), body.headers.end());
  headers.insert(headers.end(), endpoint.headers.begin(), endpoint.headers.end());
  return headers;
}

}  // namespace posthorn::deliver

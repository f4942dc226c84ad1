#include "base/bytes.h"
#include "model/document.h"
#include "model/endpoint_json.h"
#include "model/header_rules.h"
#include "model/names.h"

namespace posthorn::model {
namespace {

constexpr std::size_t tail_characters = 4;
constexpr std::size_t tail_shown_from = 12;

json::value tail_of(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (text.size() < tail_shown_from) return nullptr;
  return text_of(text.substr(text.size() - tail_characters));
}

json::object shown_secret(const EndpointSecret& secret, std::string_view state) {
  return {{"state", text_of(state)},
          {"tail", tail_of(secret.text)},
          {"created_at", to_rfc3339(secret.created_at)},
          {"promote_at", shown_time(secret.promote_at)},
          {"expires_at", shown_time(secret.expires_at)}};
}

json::object shown_signing(const Endpoint& endpoint, Instant now) {
  json::array schemes, secrets;
  const LiveSecrets live = live_secrets(endpoint, now);
  if (live.current != nullptr) {
    schemes = {"x-webhook-signature", "v1"};
    secrets.push_back(shown_secret(*live.current, "current"));
  }
  if (endpoint.key_pair) schemes.emplace_back("v1a");
  for (const EndpointSecret* other : live.others) {
    const bool is_pending = other->promote_at && *other->promote_at > now;
    secrets.push_back(shown_secret(*other, is_pending ? "pending" : "previous"));
  }
  json::value public_key;
  if (endpoint.key_pair) public_key = "whpk_" + to_base64(endpoint.key_pair->public_key);
  return {{"schemes", std::move(schemes)},
          {"secrets", std::move(secrets)},
          {"public_key", std::move(public_key)}};
}

json::object shown_retry(const RetryPolicy& retry) {
  json::array steps;
  for (const Millis step : retry.steps) {
    if (step.count() % 1000 == 0)
      steps.emplace_back(step.count() / 1000);
    else
      steps.emplace_back(static_cast<double>(step.count()) / 1000);
  }
  return {{"profile", retry.profile},
          {"steps", std::move(steps)},
          {"attempts", retry.steps.size() + 1}};
}

}  // namespace

json::object to_api(const Endpoint& endpoint, Instant now) {
  json::object headers;
  for (const Header& header : endpoint.headers)
    headers[header.name] =
        text_of(is_sensitive_header(header.name) ? masked_value : std::string_view(header.value));

  json::object out;
  out["id"] = endpoint.id.text();
  out["object"] = "endpoint";
  out["workspace_id"] = endpoint.workspace.text();
  out["application_id"] = id_or_null(endpoint.application);
  out["url"] = endpoint.url;
  out["description"] = endpoint.description;
  out["event_types"] = shown_list(endpoint.event_types);
  out["channels"] = shown_list(endpoint.channels);
  out["filter"] = endpoint.filter.empty() ? json::value(nullptr) : shown_json(endpoint.filter);
  out["signing"] = shown_signing(endpoint, now);
  out["headers"] = std::move(headers);
  out["retry"] = shown_retry(endpoint.retry);
  out["timeout_ms"] = endpoint.timeout.count();
  out["format"] = text_of(to_string(endpoint.format));
  out["ordering"] = text_of(to_string(endpoint.ordering));
  out["on_exhausted"] = text_of(to_string(endpoint.on_exhausted));
  out["probing"] = endpoint.probing;
  out["concurrency"] = endpoint.concurrency_max;
  out["rate_limit"] =
      endpoint.rate_per_second ? json::value(*endpoint.rate_per_second) : json::value(nullptr);
  out["disable_after"] = endpoint.disable_after;
  out["disable_min_span_ms"] = endpoint.disable_min_span.count();
  out["enabled"] = endpoint.enabled;
  out["disabled_reason"] = endpoint.disabled_reason == DisabledReason::none
                               ? json::value(nullptr)
                               : json::value(text_of(to_string(endpoint.disabled_reason)));
  out["disabled_at"] = shown_time(endpoint.disabled_at);
  out["metadata"] = shown_json(endpoint.metadata);
  out["created_at"] = to_rfc3339(endpoint.created_at);
  out["updated_at"] = to_rfc3339(endpoint.updated_at);
  out["version"] = endpoint.version;
  return out;
}

}  // namespace posthorn::model

#include "ingest/effects.h"

#include <charconv>

#include "base/bytes.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::ingest {
namespace {

constexpr Millis digest_window{24h};
constexpr std::size_t payload_bytes_max = 256U << 10;
constexpr std::size_t key_bytes_max = 256;  // Of an event's ordering key.

/// The body when it is one JSON value, for splicing: as the provider wrote it.
std::string_view json_body(const model::ReceivedRequest& request) {
  if (!request.body || request.body->size() > payload_bytes_max) return {};
  const std::string_view body = trim(*request.body);
  if (body.empty() || (body.front() != '{' && body.front() != '[')) return {};
  return text::check_json(body) ? body : std::string_view{};
}

int hop_of(const providers::Incoming& incoming) {
  const auto text = incoming.header("webhook-hop");
  int hop = 0;
  if (text && text->size() <= 3) std::from_chars(text->data(), text->data() + text->size(), hop);
  return hop < 0 ? 0 : hop;
}

void append_member(std::string& out, std::string_view name, std::string_view json) {
  out += out.size() > 1 ? "," : "";
  text::append_json_string(out, name);
  out += ':';
  out += json;
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  std::string quoted;
  text::append_json_string(quoted, text);
  append_member(out, name, quoted);
}

std::string ordering_key(const LiveSource& live, std::string_view data) {
  if (live.source.key.empty()) return {};
  const auto parsed = text::parse_payload(data);
  if (!parsed) return {};
  const auto* value = text::at_pointer(*parsed, live.source.key);
  if (value == nullptr || value->is_null()) return {};
  std::string key;
  if (value->is_string())
    key = value->get_string();
  else
    text::append_json(key, *value);
  if (key.size() > key_bytes_max) key.resize(key_bytes_max);
  return key;
}

}  // namespace

Stored::Stored(const model::ReceivedRequest& request) {
  headers_.assign(request.headers.begin(), request.headers.end());
  incoming_ = {.method = request.method,
               .url = request.url,
               .headers = headers_,
               .body = request.body ? std::string_view(*request.body) : std::string_view{}};
}

std::vector<store::DedupeKey> dedupe_keys(const providers::Parsed& parsed,
                                          const std::vector<providers::OneTimeToken>& tokens,
                                          std::string_view body_sha256, Instant now) {
  std::vector<store::DedupeKey> keys;
  for (const auto& token : tokens)
    keys.push_back({.text = "token:" + token.text,
                    .within = token.until > now ? token.until - now : Millis{1},
                    .token = true});
  if (parsed.idempotency_key)
    keys.push_back({.text = "id:" + *parsed.idempotency_key,
                    .within = parsed.key_is_digest ? digest_window : Millis{0}});
  // One thing may be told twice in the same words under two names (Shopify's orders/create and
  // orders/paid), so the name counts too, although it is no more signed than the id is.
  if (parsed.key_is_unsigned && !parsed.events.empty())
    keys.push_back(
        {.text = "body:" + parsed.events.front().provider_event + ":" + std::string(body_sha256),
         .within = digest_window});
  return keys;
}

std::string effect_key(const model::ReceivedRequest& request, const providers::Parsed& parsed,
                       std::size_t index) {
  std::string key = request.source.text() + "/";
  const auto& own = parsed.events[index].idempotency_key;
  if (!own.empty() && !parsed.key_is_digest)
    key += own;
  else if (parsed.idempotency_key && !parsed.key_is_digest)
    key += *parsed.idempotency_key + (index == 0 ? "" : "#" + std::to_string(index));
  else
    // Nothing but the bytes tells what it is: the request itself, which was looked at for 24 hours.
    key += request.id.text() + "#" + std::to_string(index);
  if (request.forced > 0) key += "!" + request.id.text() + "." + std::to_string(request.forced);
  return key;
}

std::string event_data(const LiveSource& live, const model::ReceivedRequest& request,
                       const providers::NormalisedEvent& event, bool alone,
                       const std::optional<MessageStatus>& status) {
  constexpr std::size_t beside_payload = 512;
  // Of a batch, the other events are none of this one's business: its fields say what it is.
  std::string_view payload;
  if (live.source.include_payload && alone) payload = json_body(request);
  std::string out;
  out.reserve(beside_payload + payload.size());
  out += '{';
  append_text(out, "kind", event.type);
  append_text(out, "provider", live.source.provider->name);
  append_text(out, "provider_event", event.provider_event);
  for (const auto& field : event.fields)
    append_member(out, field.key(), text::json_text(field.value()));
  if (status) {
    append_text(out, "message_status", status->highest);
    append_member(out, "advanced", status->advanced ? "true" : "false");
  }
  append_text(out, "source_id", live.source.id.text());
  append_text(out, "request_id", request.id.text());
  append_text(out, "request_url", "/v1/requests/" + request.id.text());
  if (!payload.empty()) append_member(out, "payload", payload);
  out += '}';
  return out;
}

model::Event make_event(const LiveSource& live, const model::ReceivedRequest& request,
                        const providers::Parsed& parsed, std::size_t index,
                        const std::optional<MessageStatus>& status, Instant created_at,
                        Instant due_at) {
  const auto& normalised = parsed.events[index];
  model::Event event;
  event.workspace = live.source.workspace;
  event.application = live.source.application;
  event.type = providers::event_name(*live.source.provider, normalised);
  event.actor = "source:" + live.source.id.text();
  event.client_id = effect_key(request, parsed, index);
  event.hop = hop_of(Stored(request).incoming());
  event.created_at = created_at;
  event.due_at = due_at;
  auto data = event_data(live, request, normalised, parsed.events.size() == 1, status);
  event.key = ordering_key(live, data);
  event.data = share(std::move(data));
  return event;
}

}  // namespace posthorn::ingest

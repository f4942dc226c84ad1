#include "providers/webhook_signature.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/secret.h"
#include "text/json_payload.h"

namespace posthorn::providers::webhook_signature {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::string_view public_prefix = "whpk_";
constexpr std::string_view private_prefix = "whsk_";
constexpr std::size_t public_key_bytes = 32;

/// Key bytes; the padding may have been lost on the way here.
std::optional<std::string> key_bytes(std::string_view text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  std::string padded(text);
  while (padded.size() % 4 != 0) padded += '=';
  return from_base64(padded);
}

std::string signed_content(std::string_view id, std::string_view timestamp, std::string_view body) {
  std::string content(id);
  content.append(".").append(timestamp).append(".").append(body);
  return content;
}

/// What is behind `v1,` and `v1a,`; other versions are for other receivers.
struct Signatures {
  std::vector<std::string> macs, ed25519;
};

Signatures read_signatures(std::string_view header) {
  Signatures found;
  while (!header.empty()) {
    const auto item = header.substr(0, header.find(' '));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    const auto comma = item.find(',');
    if (comma == item.npos) continue;
    const auto version = item.substr(0, comma);
    if (version != "v1" && version != "v1a") continue;
    if (auto bytes = from_base64(item.substr(comma + 1)))
      (version == "v1" ? found.macs : found.ed25519).push_back(*std::move(bytes));
  }
  return found;
}

bool any_is_right(const std::vector<std::string>& secrets, const Signatures& signatures,
                  std::string_view content) {
  bool right = false;
  for (const auto& secret : secrets) {
    const bool is_public = secret.starts_with(public_prefix);
    const auto key = key_bytes(secret, is_public ? public_prefix : secret_prefix);
    if (!key || key->empty()) continue;
    if (!is_public) {
      const auto expected = crypto::hmac(crypto::Digest::sha256, *key, content);
      for (const auto& mac : signatures.macs)
        right |= crypto::equal_in_constant_time(expected, mac);
    } else if (key->size() == public_key_bytes) {
      for (const auto& signature : signatures.ed25519)
        right |= signature.size() == 64 && crypto::ed25519_verify(*key, signature, content);
    }
  }
  return right;
}

bool is_json(const Incoming& request) {
  const auto type = request.content_type();
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

json::object sample_data(std::string_view event, const std::string& unique) {
  if (event == "order.paid")
    return {{"id", "ord_" + unique}, {"total", "40.50"}, {"currency", "EUR"}};
  if (event == "contact.updated")
    return {{"id", "con_" + unique}, {"name", "Ada Lovelace"}, {"email", "ada@example.com"}};
  return {{"id", "tic_" + unique}, {"subject", "Printer on fire"}, {"priority", "high"}};
}

/// `v1,…` or `v1a,…`.
Result<std::string> signature_of(const Settings& settings, std::string_view content) {
  for (const auto& secret : settings.all("secret")) {
    if (secret.starts_with(public_prefix)) continue;
    const auto key = key_bytes(secret, secret_prefix);
    if (key) return "v1," + to_base64(crypto::hmac(crypto::Digest::sha256, *key, content));
  }
  const auto key = key_bytes(settings.text("private_key"), private_prefix);
  if (!key || key->size() < 32)
    return fail(
        Errc::invalid,
        "the source knows only the sender's public key (whpk_...), which cannot sign: give "
        "the private_key (whsk_...) of a key pair of your own, and its public key as secret");
  const Secret seed(key->substr(0, 32));
  return "v1a," + to_base64(crypto::ed25519_sign(seed, content));
}

}  // namespace

std::string problem_of_secret(std::string_view text) {
  if (text.starts_with(private_prefix))
    return "is a private key (whsk_...), which stays at the sender: give its public key, whpk_...";
  if (text.starts_with(public_prefix)) {
    const auto key = key_bytes(text, public_prefix);
    return key && key->size() == public_key_bytes ? ""
                                                  : "takes whpk_ and base64 of 32 bytes: the "
                                                    "sender's ed25519 public key";
  }
  const auto key = key_bytes(text, secret_prefix);
  return key && key->size() >= 24 && key->size() <= 64
             ? ""
             : "takes whsec_ and base64 of 24 to 64 bytes, copied whole and without spaces";
}

std::string problem_of_private_key(std::string_view text) {
  const auto key = key_bytes(text, private_prefix);
  return text.starts_with(private_prefix) && key && (key->size() == 32 || key->size() == 64)
             ? ""
             : "takes whsk_ and base64 of 32 or 64 bytes: an ed25519 private key";
}

Verification verify(const Settings& settings, const Incoming& request, Instant now, Names names) {
  Steps steps;
  if (!has_secret(steps, settings, "secret")) return std::move(steps).refused();
  const auto id = single_header(steps, request, names.id);
  if (!id) return std::move(steps).refused();
  if (!steps.check(!id->empty(), "an id", std::string(names.id) + " is empty"))
    return std::move(steps).refused();
  const auto timestamp = single_header(steps, request, names.timestamp);
  if (!timestamp) return std::move(steps).refused();
  const auto at = unix_seconds(*timestamp);
  if (!steps.check(at.has_value(), "the timestamp",
                   std::string(names.timestamp) + " is not a number of unix seconds"))
    return std::move(steps).refused();
  const auto header = single_header(steps, request, names.signature);
  if (!header) return std::move(steps).refused();
  const auto signatures = read_signatures(*header);
  if (!steps.check(
          !signatures.macs.empty() || !signatures.ed25519.empty(), "a signature",
          std::string(names.signature) +
              " has no \"v1,<base64>\" or \"v1a,<base64>\" (several are parted by spaces)"))
    return std::move(steps).refused();
  const auto content = signed_content(*id, *timestamp, request.body);
  if (!steps.check(any_is_right(settings.all("secret"), signatures, content),
                   "HMAC-SHA256 (v1) or ed25519 (v1a) of id, '.', timestamp, '.' and body",
                   "no signature is right under a secret of this source: v1 needs the whsec_ "
                   "secret that the sender uses, v1a its public key whpk_"))
    return std::move(steps).refused();
  if (!is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Parsed parse(const Incoming& request, Names names) {
  Parsed parsed;
  NormalisedEvent event;
  const auto id = required_header(parsed, request, names.id);
  event.fields["provider_event_id"] = id;
  event.fields["timestamp"] = nullptr;
  if (is_json(request)) {
    const auto body = text::parse_payload(request.body);
    if (!body) return unreadable("the body is not JSON: " + body.error().what);
    if (const auto* given = body->if_object()) {
      event.provider_event = given->contains("type") ? required_text(parsed, *given, "type") : "";
      event.fields["timestamp"] = seconds_of(text_member(*given, "timestamp"));
      if (const auto* data = object_member(*given, "data"))
        if (auto object_id = id_member(*data, "id"); !object_id.empty())
          event.fields["object_id"] = object_id;
    }
  }
  if (!parsed.faults.empty()) return parsed;
  parsed.idempotency_key = id;
  parsed.events.push_back(std::move(event));
  return parsed;
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order, Names names) {
  Sample made{.url = std::string(order.url)};
  const std::string unique(order.unique);
  made.body = order.body.empty()
                  ? json_text(json::object{{"type", order.event},
                                           {"timestamp", to_rfc3339(order.now)},
                                           {"data", sample_data(order.event, unique)}})
                  : std::string(order.body);
  const std::string id = "msg_" + unique;
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  PH_TRY(auto signature, signature_of(settings, signed_content(id, timestamp, made.body)));
  made.headers = {{"Content-Type", "application/json"},
                  {std::string(names.id), id},
                  {std::string(names.timestamp), timestamp},
                  {std::string(names.signature), std::move(signature)}};
  return made;
}

}  // namespace posthorn::providers::webhook_signature

#include "inspect/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::inspect {

namespace {

std::optional<std::string_view> only_header(std::span<const env::Header> headers,
                                            std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& header : headers) {
    if (!equal_ignoring_case_ascii(header.name, name)) continue;
    if (found) return std::nullopt;
    found = header.value;
  }
  return found;
}

std::string standard_key(const Secret& secret) {
  constexpr std::string_view prefix = "whsec_";
  if (secret.reveal().starts_with(prefix))
    if (auto bytes = from_base64(secret.reveal().substr(prefix.size()))) return *std::move(bytes);
  return std::string(secret.reveal());
}

void note(Verdict& verdict, std::string_view sentence) {
  if (!verdict.detail.empty()) verdict.detail += "; ";
  verdict.detail += sentence;
}

Signature check_hex(std::span<const env::Header> headers, std::string_view body, const Trust& trust,
                    Verdict& verdict) {
  if (trust.secrets.empty()) return Signature::not_checked;
  const auto given = only_header(headers, "x-webhook-signature");
  if (!given) {
    note(verdict, "X-Webhook-Signature is not there exactly once");
    return Signature::missing;
  }
  const bool verifies = std::ranges::any_of(trust.secrets, [&](const Secret& secret) {
    return crypto::equal_in_constant_time(
        "sha256=" + to_hex(crypto::hmac(crypto::Digest::sha256, secret.reveal(), body)), *given);
  });
  if (!verifies) note(verdict, "X-Webhook-Signature is not the HMAC of this body with the secret");
  return verifies ? Signature::valid : Signature::invalid;
}

/// Whether one space-separated value of webhook-signature verifies.
bool verifies(std::string_view value, std::string_view signed_text, const Trust& trust) {
  if (value.starts_with("v1,"))
    return std::ranges::any_of(trust.secrets, [&](const Secret& secret) {
      return crypto::equal_in_constant_time(
          to_base64(crypto::hmac(crypto::Digest::sha256, standard_key(secret), signed_text)),
          value.substr(3));
    });
  if (!value.starts_with("v1a,")) return false;
  const auto signature = from_base64(value.substr(4));
  return signature && std::ranges::any_of(trust.public_keys, [&](const std::string& key) {
           return crypto::ed25519_verify(key, *signature, signed_text);
         });
}

Signature check_standard(std::span<const env::Header> headers, std::string_view body,
                         const Trust& trust, Instant now, Verdict& verdict) {
  if (trust.secrets.empty() && trust.public_keys.empty()) return Signature::not_checked;
  const auto id = only_header(headers, "webhook-id");
  const auto timestamp = only_header(headers, "webhook-timestamp");
  const auto signature = only_header(headers, "webhook-signature");
  if (!id || !timestamp || !signature) {
    note(verdict,
         "webhook-id, webhook-timestamp and webhook-signature are not there exactly once each");
    return Signature::missing;
  }
  std::int64_t seconds = 0;
  const auto* const end = timestamp->data() + timestamp->size();
  const auto parsed = std::from_chars(timestamp->data(), end, seconds);
  const std::int64_t tolerance_s = timestamp_tolerance / 1s;
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < now.unix_seconds() - tolerance_s ||
      seconds > now.unix_seconds() + tolerance_s) {
    note(verdict, "webhook-timestamp is not a moment within 5 minutes of now");
    return Signature::invalid;
  }
  const auto signed_text = fmt::format("{}.{}.{}", *id, *timestamp, body);
  for (std::size_t begin = 0; begin < signature->size();) {
    const auto stop = std::min(signature->find(' ', begin), signature->size());
    if (verifies(signature->substr(begin, stop - begin), signed_text, trust))
      return Signature::valid;
    begin = stop + 1;
  }
  note(verdict, "no value of webhook-signature verifies with the secret");
  return Signature::invalid;
}

}  // namespace

std::string_view to_string(Signature signature) {
  switch (signature) {
    case Signature::valid:
      return "valid";
    case Signature::invalid:
      return "invalid";
    case Signature::missing:
      return "missing";
    case Signature::not_checked:
      break;
  }
  return "not_checked";
}

Verdict check_signatures(std::span<const env::Header> headers, std::string_view body,
                         const Trust& trust, Instant now) {
  Verdict verdict;
  verdict.x_webhook_signature = check_hex(headers, body, trust, verdict);
  verdict.webhook_signature = check_standard(headers, body, trust, now, verdict);
  return verdict;
}

}  // namespace posthorn::inspect

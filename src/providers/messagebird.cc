// MessageBird: Conversations (JSON) and the statuses of SMS (query). Signed by a JWT that lives for
// a minute, or in the older way that was withdrawn but is still sent to old accounts.

#include <algorithm>
#include <array>
#include <map>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/jwt.h"
#include "providers/list.h"
#include "providers/messagebird.h"

namespace posthorn::providers {
namespace {

constexpr std::array<std::string_view, 2> schemes{"jwt", "hmac"};

constexpr std::array messagebird_fields{
    Field{.name = "signing_key",
          .plural = "signing_keys",
          .kind = FieldKind::secret,
          .required = true,
          .help = "The signing key, as the MessageBird dashboard shows it under Developers, API "
                  "settings."},
    Field{.name = "scheme",
          .kind = FieldKind::choice,
          .help = "How calls are signed: jwt (MessageBird-Signature-JWT) or hmac (the older "
                  "MessageBird-Signature).",
          .fallback = "jwt",
          .choices = schemes},
};

constexpr std::array<std::string_view, 4> samples{
    "message.created",
    "message.updated",
    "sms.delivered",
    "sms.delivery_failed",
};

constexpr std::string_view instructions =
    R"(1. For conversations, create a webhook of the Conversations API: `POST https://conversations.messagebird.com/v1/webhooks`
   with `{"events": ["message.created", "message.updated"], "channelId": "…", "url": "{url}"}`.
2. For the statuses of SMS that you send, give `{url}` as their `reportUrl`, and a `reference`.
3. Copy the **signing key** from the dashboard (**Developers → API settings**) and set it here as `signing_key`.

MessageBird signs the address too: the public base URL of this installation must be the one in `{url}`.
)";

constexpr std::int64_t leeway_seconds = 5;
/// How long a token is remembered that does not say when it ends.
constexpr Millis endless_token_kept = 24h * 90;
constexpr std::int64_t age_seconds_max = 100;

/// Whether a claim is the SHA-256 of `data` in hexadecimal.
bool is_hash_of(const json::object& claims, std::string_view name, std::string_view data) {
  const auto given = from_hex(text_member(claims, name));
  return given && crypto::equal_in_constant_time(*given, crypto::sha256(data));
}

bool covers_request(Steps& steps, const json::object& claims, const Incoming& request) {
  if (!steps.check(text_member(claims, "iss") == "MessageBird", "the issuer is MessageBird",
                   "the token's iss is not MessageBird") ||
      !steps.check(!text_member(claims, "jti").empty(), "the claim jti",
                   "the token has no jti, so it could be used again") ||
      !steps.check(claims.contains("url_hash"), "the claim url_hash",
                   "the token has no url_hash, so the address is not covered") ||
      !steps.check(is_hash_of(claims, "url_hash", request.url),
                   "url_hash is the SHA-256 of the address",
                   "the address does not have the SHA-256 that url_hash says: check that the one "
                   "set at MessageBird is this source's, character by character"))
    return false;
  if (!claims.contains("payload_hash"))
    return steps.check(request.body.empty(), "the body is covered",
                       "there is a body, but the token has no payload_hash");
  return steps.check(is_hash_of(claims, "payload_hash", request.body),
                     "payload_hash is the SHA-256 of the body",
                     "the body does not have the SHA-256 that payload_hash says: it was changed or "
                     "written anew on its way");
}

Verification verify_jwt(Steps steps, const Settings& settings, const Incoming& request,
                        Instant now) {
  const auto token = single_header(steps, request, "MessageBird-Signature-JWT");
  if (!token) return std::move(steps).refused();
  constexpr std::array allowed{JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512};
  const auto claims = signed_claims(steps, *token, allowed, settings.all("signing_key"));
  if (!claims || !is_in_its_time(steps, *claims, now, leeway_seconds) ||
      !covers_request(steps, *claims, request))
    return std::move(steps).refused();
  auto until = now + endless_token_kept;
  if (const auto* expires = claims->if_contains("exp")) {
    // A number that lies in the future, as was checked; beyond the longest time it is cut.
    const double seconds = expires->to_number<double>() + leeway_seconds;
    until = Instant{
        static_cast<std::int64_t>(std::min(seconds * 1000, static_cast<double>(until.unix_ms)))};
  }
  auto verification = std::move(steps).verified();
  verification.tokens.push_back({text_member(*claims, "jti"), until});
  return verification;
}

struct ByCodeUnit {
  bool operator()(std::string_view a, std::string_view b) const { return less_by_code_unit(a, b); }
};

/// The query in order of names, in each of the ways in which it may have been written to be signed.
std::vector<std::string> sorted_queries(std::string_view query) {
  std::multimap<std::string, std::string_view, ByCodeUnit> sorted;  // Repeats keep their order.
  while (!query.empty()) {
    const auto piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), piece.size() + 1));
    const auto name = piece.substr(0, piece.find('='));
    if (!piece.empty()) sorted.emplace(text::decode_form_part(name), piece);
  }
  std::string as_received;
  std::vector<text::FormField> fields;
  for (const auto& [name, piece] : sorted) {
    as_received += (as_received.empty() ? "" : "&") + std::string(piece);
    const auto equals = std::min(piece.size(), piece.find('='));
    const auto value = piece.substr(std::min(piece.size(), equals + 1));
    fields.push_back({name, text::decode_form_part(value)});
    // A '+' that was not escaped stands for itself in the offset of a time.
    if (name == "statusDatetime") std::ranges::replace(fields.back().value, ' ', '+');
  }
  return {std::move(as_received), node_query(fields), text::write_form(fields)};
}

Verification verify_hmac(Steps steps, const Settings& settings, const Incoming& request,
                         Instant now) {
  const auto signature = single_header(steps, request, "MessageBird-Signature");
  if (!signature) return std::move(steps).refused();
  const auto given_at = single_header(steps, request, "MessageBird-Request-Timestamp");
  if (!given_at) return std::move(steps).refused();
  const auto at = unix_seconds(*given_at);
  const auto mac = from_base64(*signature);
  if (!steps.check(at.has_value() && *at > 0, "the timestamp",
                   "MessageBird-Request-Timestamp is not a time in unix seconds") ||
      !steps.check(mac && mac->size() == 32, "the signature is base64 of 32 bytes",
                   "MessageBird-Signature is not base64 of the 32 bytes of an HMAC-SHA256"))
    return std::move(steps).refused();
  bool matches = false;
  for (const auto& query : sorted_queries(request.query()))
    matches |= any_mac_matches(
        crypto::Digest::sha256, settings.all("signing_key"),
        std::string(*given_at) + "\n" + query + "\n" + crypto::sha256(request.body), *mac);
  if (!steps.check(matches, "HMAC-SHA256 of timestamp, sorted query and body",
                   "MessageBird-Signature is not the HMAC-SHA256 of timestamp, sorted query and "
                   "body under the signing key") ||
      !steps.check(now.unix_seconds() - *at < age_seconds_max, "the call is less than 100 s old",
                   "the call is " + std::to_string(now.unix_seconds() - *at) +
                       " s old, and 100 is too old: an old request, or a wrong clock here"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "signing_key")) return std::move(steps).refused();
  return settings.text("scheme") == "hmac" ? verify_hmac(std::move(steps), settings, request, now)
                                           : verify_jwt(std::move(steps), settings, request, now);
}

Parsed parse(const Settings&, const Incoming& request) {
  return request.body.empty() ? messagebird_calls::parse_status(request)
                              : messagebird_calls::parse_conversation(request);
}

json::object conversation_template(const SampleOrder& order, std::string_view event) {
  const std::string id = std::string(order.unique) + std::string(order.unique);
  const std::string time = to_rfc3339(order.now);
  const bool is_inbound = event == "message.created";
  const json::object message{{"id", id},
                             {"conversationId", "0244d5e7212344b4a9083f19b087aab1"},
                             {"platform", "sms"},
                             {"to", is_inbound ? "+15550105000" : "+15550103000"},
                             {"from", is_inbound ? "+15550103000" : "+15550105000"},
                             {"channelId", "8d7b220f0728c2078ebc8dee7bc4a681"},
                             {"type", "text"},
                             {"content", {{"text", "Hello"}}},
                             {"direction", is_inbound ? "received" : "sent"},
                             {"status", is_inbound ? "received" : "delivered"},
                             {"createdDatetime", time},
                             {"updatedDatetime", time}};
  return {{"type", event}, {"message", message}};
}

/// The address of a status report.
std::string status_address(const SampleOrder& order, std::string_view event) {
  const bool failed = event == "sms.delivery_failed";
  const std::string id = std::string(order.unique) + std::string(order.unique);
  const std::array fields{
      text::FormField{"id", id},
      text::FormField{"recipient", "15550103000"},
      text::FormField{"reference", "ticket-1"},
      text::FormField{"status", failed ? "delivery_failed" : "delivered"},
      text::FormField{"statusDatetime", to_rfc3339(order.now)},
      text::FormField{"statusErrorCode", failed ? "1" : "0"},
  };
  const std::string_view separator = order.url.contains('?') ? "&" : "?";
  return std::string(order.url) + std::string(separator) + node_query(fields);
}

std::pair<std::string, std::string> signature_of(const Settings& settings, const SampleOrder& order,
                                                 const Sample& made) {
  json::object claims{{"iss", "MessageBird"},
                      {"nbf", order.now.unix_seconds()},
                      {"iat", order.now.unix_seconds()},
                      {"exp", order.now.unix_seconds() + 60},
                      {"jti", uuid_like(order.unique)},
                      {"url_hash", to_hex(crypto::sha256(made.url))}};
  if (!made.body.empty()) claims["payload_hash"] = to_hex(crypto::sha256(made.body));
  return {"MessageBird-Signature-JWT",
          make_jwt(JwtAlgorithm::hs256, claims, settings.text("signing_key"))};
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url), .body = std::string(order.body)};
  if (made.body.empty()) {
    PH_TRY(const auto event, chosen_sample(samples, order));
    if (event.starts_with("sms.")) {
      made.method = "GET";
      made.url = status_address(order, event);
    } else {
      made.body = json_text(conversation_template(order, event));
    }
  }
  made.headers = {{"User-Agent", "MessageBird-Webhook/1.0"}};
  if (!made.body.empty()) made.headers.emplace_back("Content-Type", "application/json");
  if (settings.text("scheme") != "hmac") {
    made.headers.push_back(signature_of(settings, order, made));
    return made;
  }
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  const Incoming request{.url = made.url, .headers = {}, .body = made.body};
  const std::string text =
      timestamp + "\n" + sorted_queries(request.query()).front() + "\n" + crypto::sha256(made.body);
  made.headers.emplace_back("MessageBird-Request-Timestamp", timestamp);
  made.headers.emplace_back(
      "MessageBird-Signature",
      to_base64(crypto::hmac(crypto::Digest::sha256, settings.text("signing_key"), text)));
  return made;
}

}  // namespace

const Provider messagebird{
    .name = "messagebird",
    .title = "MessageBird",
    .carries = "messages of conversations, and the statuses of SMS sent",
    .fields = messagebird_fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .parse = parse,
    .sample = sample,
    .signs_url = true,
};

}  // namespace posthorn::providers

// Any sender that puts an HMAC of the body, or of "<timestamp>.<body>", into a header.

#include <array>
#include <optional>

#include "base/bytes.h"
#include "providers/cloudevents.h"
#include "providers/common.h"
#include "providers/hmac_fields.h"
#include "providers/list.h"
#include "providers/named_event.h"

namespace posthorn::providers {
namespace {

constexpr auto own_fields =
    hmac_fields({.secret_help = "The secret that the sender signs with.",
                 .prefix_help = "What is written in front of the signature in that header, such as "
                                "sha256=; nothing unless given.",
                 .prefix = ""});
constexpr auto fields = joined(own_fields, named_event_fields);

constexpr std::array<std::string_view, 1> samples{"sample.created"};

constexpr std::string_view instructions =
    R"(1. At the sender, add a webhook with the URL `{url}`.
2. Set the secret it signs with here as `secret`.
3. Read in its documentation how it signs and set `header`, `prefix`, `algorithm`, `encoding` and, where it signs a time too, `timestamp_header`.
4. Name where the event's id and name are: `id_header` or `id_json_pointer` (`id_xml_path` for XML), and `event_header` or `event_json_pointer` (`event_xml_path`).
5. Send a test. If it is refused, **explain** of the request says step by step why.
)";

crypto::Digest digest_of(const Settings& settings) {
  const auto& name = settings.text("algorithm");
  if (name == "sha1") return crypto::Digest::sha1;
  if (name == "sha384") return crypto::Digest::sha384;
  return name == "sha512" ? crypto::Digest::sha512 : crypto::Digest::sha256;
}

std::optional<std::string> key_of(const Settings& settings, std::string_view secret) {
  const auto& encoding = settings.text("secret_encoding");
  if (encoding == "base64") return from_base64(secret);
  return encoding == "hex" ? from_hex(secret) : std::string(secret);
}

/// The header's whole value.
std::string signature_of(const Settings& settings, std::string_view key, std::string_view content) {
  const auto mac = crypto::hmac(digest_of(settings), key, content);
  return settings.text("prefix") +
         (settings.text("encoding") == "base64" ? to_base64(mac) : to_hex(mac));
}

std::string signed_content(const Settings& settings, std::string_view timestamp,
                           std::string_view body) {
  if (settings.text("timestamp_header").empty()) return std::string(body);
  return std::string(timestamp) + "." + std::string(body);
}

bool any_secret_matches(const Settings& settings, std::string_view content,
                        std::string_view given) {
  bool matches = false;
  for (const auto& secret : settings.all("secret")) {
    const auto key = key_of(settings, secret);
    if (!key || key->empty()) continue;
    matches |= crypto::equal_in_constant_time(signature_of(settings, *key, content), given);
  }
  return matches;
}

Verification verify(const Settings& settings, const Incoming& request, Instant now) {
  Steps steps;
  if (!has_secret(steps, settings, "secret")) return std::move(steps).refused();
  const auto& name = settings.text("header");
  const auto header = single_header(steps, request, name);
  if (!header) return std::move(steps).refused();
  const auto& prefix = settings.text("prefix");
  if (!steps.check(header->starts_with(prefix) && header->size() > prefix.size(),
                   prefix.empty() ? "a signature" : "a signature behind " + prefix,
                   prefix.empty() ? name + " is empty"
                                  : name + " does not begin with " + prefix + " and a signature"))
    return std::move(steps).refused();
  std::string_view timestamp;
  std::optional<std::int64_t> at;
  if (!settings.text("timestamp_header").empty()) {
    const auto& timestamp_header = settings.text("timestamp_header");
    const auto value = single_header(steps, request, timestamp_header);
    if (!value) return std::move(steps).refused();
    timestamp = *value;
    at = unix_seconds(timestamp);
    if (!steps.check(at.has_value(), "the timestamp",
                     timestamp_header + " is not a number of unix seconds"))
      return std::move(steps).refused();
  }
  const std::string covered = at ? "timestamp, '.' and body" : "the body";
  const auto algorithm = "HMAC-" + upper_case(settings.text("algorithm"));
  if (!steps.check(
          any_secret_matches(settings, signed_content(settings, timestamp, request.body), *header),
          algorithm + " of " + covered + " in " + settings.text("encoding"),
          name + " is not the " + algorithm + " of " + covered + " under the secret, in " +
              settings.text("encoding")))
    return std::move(steps).refused();
  if (at && !is_fresh(steps, *at, now, settings.integer("tolerance_s")))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Parsed parse(const Settings& settings, const Incoming& request) {
  return parse_named_event(settings, request);
}

void check(const Settings& settings, std::vector<model::Fault>& faults) {
  if (settings.text("header").empty())
    faults.push_back({.pointer = "/header", .code = "too_short", .detail = "is empty"});
  for (const auto& secret : settings.all("secret")) {
    const auto key = key_of(settings, secret);
    if (key && !key->empty()) continue;
    faults.push_back({.pointer = "/secret",
                      .code = "format",
                      .detail = "is not " + settings.text("secret_encoding") +
                                ", which secret_encoding says it is"});
  }
}

Result<Sample> sample(const Settings& settings, const SampleOrder& order) {
  Sample made{.url = std::string(order.url)};
  made.headers = {{"Content-Type", "application/json"}};
  if (auto filled = fill_named_sample(made, settings, order); !filled)
    return fail(std::move(filled).error());
  const std::string timestamp = std::to_string(order.now.unix_seconds());
  if (!settings.text("timestamp_header").empty())
    made.headers.emplace_back(settings.text("timestamp_header"), timestamp);
  const auto key = key_of(settings, settings.text("secret")).value_or("");
  made.headers.emplace_back(
      settings.text("header"),
      signature_of(settings, key, signed_content(settings, timestamp, made.body)));
  return made;
}

}  // namespace

const Provider generic_hmac{
    .name = "generic_hmac",
    .title = "Any sender with an HMAC signature",
    .carries = "webhooks of any system that signs the body with a shared secret",
    .fields = fields,
    .instructions = instructions,
    .samples = samples,
    .verify = verify,
    .challenge = cloudevents_challenge,
    .parse = parse,
    .sample = sample,
    .check = check,
};

}  // namespace posthorn::providers

#include "providers/meta.h"

#include <algorithm>

#include "base/bytes.h"
#include "model/faults.h"
#include "providers/common.h"
#include "providers/query.h"

namespace posthorn::providers {
namespace {

constexpr std::string_view signature_header = "X-Hub-Signature-256";

bool is_handshake(const Incoming& request) { return request.method == "GET"; }

/// `\u` and four lower-case digits.
void append_escaped(std::string& out, unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += digits[(unit >> shift) & 0xF];
}

/// The body with every character above U+007E as \uXXXX, surrogate pairs for those above U+FFFF;
/// empty when there is none, or when the body is not UTF-8.
std::string escaped_form(std::string_view body) {
  const auto is_high = [](char c) { return static_cast<unsigned char>(c) > 0x7E; };
  if (std::ranges::none_of(body, is_high) || !is_utf8(body)) return {};
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const auto first = static_cast<unsigned char>(body[at]);
    if (first <= 0x7E) {
      out += body[at++];
      continue;
    }
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    unsigned character = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i)
      character = character << 6 | (static_cast<unsigned char>(body[at + i]) & 0x3F);
    at += length;
    if (character > 0xFFFF) {
      append_escaped(out, 0xD800 + ((character - 0x10000) >> 10));
      append_escaped(out, 0xDC00 + ((character - 0x10000) & 0x3FF));
    } else {
      append_escaped(out, character);
    }
  }
  return out;
}

Verification verify_handshake(const Settings& settings, const Incoming& request) {
  const auto refused = [](Steps steps) {
    return std::move(steps).refused(Reply{.status = 403, .body = "refused\n"});
  };
  Steps steps;
  if (!steps.check(!settings.all("verify_token").empty(), "a verify token is set",
                   "the source has no verify_token, so the handshake cannot be answered"))
    return refused(std::move(steps));
  const auto query = request.query();
  if (!steps.check(only_parameter(query, "hub.mode") == "subscribe", "hub.mode is subscribe",
                   "hub.mode is not exactly one \"subscribe\": this GET is no handshake of Meta"))
    return refused(std::move(steps));
  const auto token = only_parameter(query, "hub.verify_token");
  if (!steps.check(token.has_value(), "hub.verify_token is there once",
                   "hub.verify_token is missing or came more than once"))
    return refused(std::move(steps));
  if (!steps.check(any_secret_equals(settings.all("verify_token"), *token),
                   "hub.verify_token is the verify token",
                   "hub.verify_token is not the source's verify_token (letter case counts)"))
    return refused(std::move(steps));
  if (!steps.check(!only_parameter(query, "hub.challenge").value_or("").empty(),
                   "hub.challenge is there once",
                   "hub.challenge is missing, empty, or came more than once"))
    return refused(std::move(steps));
  return std::move(steps).verified();
}

}  // namespace

Verification verify_meta(const Settings& settings, const Incoming& request, Instant) {
  if (is_handshake(request)) return verify_handshake(settings, request);
  Steps steps;
  if (!has_secret(steps, settings, "app_secret")) return std::move(steps).refused();
  const auto header = single_header(steps, request, signature_header);
  if (!header) return std::move(steps).refused();
  constexpr std::string_view prefix = "sha256=";
  if (!steps.check(header->starts_with(prefix), "the signature begins with sha256=",
                   "X-Hub-Signature-256 does not begin with \"sha256=\""))
    return std::move(steps).refused();
  const auto mac = from_lower_hex(header->substr(prefix.size()));
  if (!steps.check(mac && mac->size() == 32, "64 lower-case hexadecimal digits",
                   "X-Hub-Signature-256 takes 64 lower-case hexadecimal digits after \"sha256=\""))
    return std::move(steps).refused();
  const auto& secrets = settings.all("app_secret");
  bool matches = any_mac_matches(crypto::Digest::sha256, secrets, request.body, *mac);
  std::string_view what = "HMAC-SHA256 of the raw body";
  if (!matches) {
    if (const auto escaped = escaped_form(request.body); !escaped.empty()) {
      what = "HMAC-SHA256 of the raw body, or of it with \\u escapes";
      matches = any_mac_matches(crypto::Digest::sha256, secrets, escaped, *mac);
    }
  }
  if (!steps.check(matches, what,
                   "the signature is not the HMAC-SHA256 of the body under the app secret: another "
                   "app's secret, or a body that was changed on its way"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

std::optional<Reply> challenge_meta(const Settings&, const Incoming& request) {
  if (!is_handshake(request)) return std::nullopt;
  return Reply{.content_type = "text/plain",
               .body = only_parameter(request.query(), "hub.challenge").value_or(""),
               .headers = {{"X-Content-Type-Options", "nosniff"}}};
}

bool is_meta_object(const PayloadObject& root, std::string_view object) {
  const auto given = root.text("object");
  if (given.empty() || given == object) return !given.empty();
  root.fault("object", "not_allowed",
             "takes \"" + std::string(object) + "\", not " + model::shown(given) +
                 ": each product of Meta needs a source of its own");
  return false;
}

Sample sign_meta(const Settings& settings, const SampleOrder& order, std::string body) {
  Sample made{.url = std::string(order.url)};
  made.body = order.body.empty() ? std::move(body) : std::string(order.body);
  const auto mac = crypto::hmac(crypto::Digest::sha256, settings.text("app_secret"), made.body);
  made.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "facebookexternalua"},
                  {std::string(signature_header), "sha256=" + to_hex(mac)}};
  return made;
}

}  // namespace posthorn::providers

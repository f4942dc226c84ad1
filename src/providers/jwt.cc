#include "providers/jwt.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "providers/common.h"
#include "text/json.h"

namespace posthorn::providers {
namespace {

struct Named {
  JwtAlgorithm algorithm;
  std::string_view name;
  crypto::Digest digest;
};
constexpr std::array known{
    Named{JwtAlgorithm::hs256, "HS256", crypto::Digest::sha256},
    Named{JwtAlgorithm::hs384, "HS384", crypto::Digest::sha384},
    Named{JwtAlgorithm::hs512, "HS512", crypto::Digest::sha512},
};

const Named& named(JwtAlgorithm algorithm) { return known[static_cast<std::size_t>(algorithm)]; }

/// Views into the token.
struct Parts {
  std::string_view header, claims, signature;
  std::string_view signed_text;  ///< header '.' claims
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == token.npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

/// An object in base64url; strict JSON, so that no two readers see different members.
std::optional<json::object> object_in(std::string_view part) {
  const auto bytes = from_base64url(part);
  if (!bytes) return std::nullopt;
  auto value = text::parse_json(*bytes);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

std::string names_of(std::span<const JwtAlgorithm> allowed) {
  std::string out;
  for (const auto one : allowed) out += (out.empty() ? "" : " or ") + std::string(named(one).name);
  return out;
}

/// A claim of time; false and a failed step when it is there and no number.
bool read_time(Steps& steps, const json::object& claims, std::string_view name,
               std::optional<double>& at) {
  const auto* value = claims.if_contains(name);
  if (value == nullptr) return true;
  if (value->is_number()) at = value->to_number<double>();
  return steps.check(at.has_value(), "the claim " + std::string(name),
                     "the token's " + std::string(name) + " is not a number");
}

}  // namespace

std::optional<json::object> signed_claims(Steps& steps, std::string_view token,
                                          std::span<const JwtAlgorithm> allowed,
                                          const std::vector<std::string>& secrets) {
  const auto parts = split(token);
  const auto header = parts ? object_in(parts->header) : std::nullopt;
  if (!steps.check(header.has_value(), "the token is a JWT",
                   "the token is not three parts of base64url with a JSON object in front"))
    return std::nullopt;
  const std::string algorithm = text_member(*header, "alg");
  const auto found =
      std::ranges::find_if(allowed, [&](JwtAlgorithm one) { return named(one).name == algorithm; });
  const std::string expected = names_of(allowed);
  if (!steps.check(
          found != allowed.end(), "the token's algorithm is " + expected,
          "the token says alg " + printable(algorithm.substr(0, 20)) + ", not " + expected))
    return std::nullopt;
  if (!steps.check(!header->contains("crit"), "the token needs no extension",
                   "the token's header has crit, which names extensions that are not known"))
    return std::nullopt;
  const auto mac = from_base64url(parts->signature);
  const std::string what = "the token's " + algorithm + " signature";
  if (!steps.check(mac && any_mac_matches(named(*found).digest, secrets, parts->signed_text, *mac),
                   what, what + " was not made with the secret of this source"))
    return std::nullopt;
  auto claims = object_in(parts->claims);
  if (!steps.check(claims.has_value(), "the token's claims",
                   "the token's claims are not a JSON object in base64url"))
    return std::nullopt;
  return claims;
}

bool is_in_its_time(Steps& steps, const json::object& claims, Instant now,
                    std::int64_t leeway_seconds) {
  std::optional<double> not_before, expires;
  if (!read_time(steps, claims, "nbf", not_before) || !read_time(steps, claims, "exp", expires))
    return false;
  const auto at = static_cast<double>(now.unix_seconds());
  const auto leeway = static_cast<double>(leeway_seconds);
  if (not_before &&
      !steps.check(*not_before <= at + leeway, "the token is valid already",
                   "the token's nbf lies in the future: a wrong clock, here or there"))
    return false;
  return !expires ||
         steps.check(at < *expires + leeway, "the token is still valid",
                     "the token's exp has passed: an old request, or a wrong clock here");
}

std::string make_jwt(JwtAlgorithm algorithm, const json::object& claims, std::string_view secret) {
  const json::object header{{"alg", named(algorithm).name}, {"typ", "JWT"}};
  const std::string text = to_base64url(json_text(header)) + "." + to_base64url(json_text(claims));
  return text + "." + to_base64url(crypto::hmac(named(algorithm).digest, secret, text));
}

}  // namespace posthorn::providers

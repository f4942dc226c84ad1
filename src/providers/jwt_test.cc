#include "providers/jwt.h"

#include <doctest/doctest.h>

#include <array>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::providers {
namespace {

constexpr Instant now{1'795'244'400'999};
constexpr std::array only_256{JwtAlgorithm::hs256};
const std::vector<std::string> secrets{"new secret", "old secret"};

std::optional<json::object> claims_of(const std::string& token) {
  Steps steps;
  return signed_claims(steps, token, only_256, secrets);
}

std::string token_of(std::string_view header, std::string_view claims) {
  const std::string text = to_base64url(header) + "." + to_base64url(claims);
  return text + "." + to_base64url(crypto::hmac(crypto::Digest::sha256, secrets[0], text));
}

TEST_CASE("signed_claims: reads the claims of a token under any of the secrets") {
  for (const auto& secret : secrets) {
    const auto claims = claims_of(make_jwt(JwtAlgorithm::hs256, {{"jti", "a"}}, secret));
    REQUIRE(claims.has_value());
    CHECK(claims->at("jti") == "a");
  }
  CHECK_FALSE(claims_of(make_jwt(JwtAlgorithm::hs256, {{"jti", "a"}}, "another")).has_value());
}

TEST_CASE("signed_claims: takes the algorithms that are named and no other, however spelled") {
  CHECK_FALSE(claims_of(make_jwt(JwtAlgorithm::hs384, {}, secrets[0])).has_value());
  CHECK_FALSE(claims_of(make_jwt(JwtAlgorithm::hs512, {}, secrets[0])).has_value());
  CHECK(claims_of(token_of(R"({"alg":"HS256"})", "{}")).has_value());
  for (const auto* const header :
       {R"({"alg":"hs256"})", R"({"alg":"none"})", R"({"alg":"RS256"})", R"({"alg":["HS256"]})",
        R"({"alg":null})", R"({})", R"([])", R"("HS256")", R"({"alg":"HS256","alg":"none"})",
        R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","crit":["exp"]})"}) {
    CAPTURE(header);
    CHECK_FALSE(claims_of(token_of(header, "{}")).has_value());
  }
}

TEST_CASE("signed_claims: refuses every other form than three parts of base64url") {
  const std::string good = token_of(R"({"alg":"HS256"})", "{}");
  REQUIRE(claims_of(good).has_value());
  const auto last = good.rfind('.');
  for (const auto& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"), good + ".",
        good + "=", " " + good, good.substr(0, last), good.substr(0, last + 1),
        good.substr(0, good.size() - 2), "Bearer " + good, good + "." + good}) {
    CAPTURE(bad);
    CHECK_FALSE(claims_of(bad).has_value());
  }
  for (const auto* const claims : {"", "[]", "12", "{", R"({"a":1,"a":2})", "\xff"}) {
    CAPTURE(claims);
    CHECK_FALSE(claims_of(token_of(R"({"alg":"HS256"})", claims)).has_value());
  }
}

TEST_CASE("is_in_its_time: the edges of exp and nbf are those of the providers' libraries") {
  const auto holds = [](const json::object& claims, std::int64_t leeway) {
    Steps steps;
    return is_in_its_time(steps, claims, now, leeway);
  };
  const std::int64_t at = now.unix_seconds();
  CHECK(holds({}, 0));
  CHECK(holds({{"exp", at + 1}}, 0));
  CHECK_FALSE(holds({{"exp", at}}, 0));
  CHECK(holds({{"exp", at - 4}}, 5));
  CHECK_FALSE(holds({{"exp", at - 5}}, 5));
  CHECK(holds({{"nbf", at}}, 0));
  CHECK_FALSE(holds({{"nbf", at + 1}}, 0));
  CHECK(holds({{"nbf", at + 5}}, 5));
  CHECK_FALSE(holds({{"nbf", at + 6}}, 5));
  CHECK(holds({{"exp", 1e300}}, 0));
  CHECK_FALSE(holds({{"exp", "1999999999"}}, 0));
  CHECK_FALSE(holds({{"exp", nullptr}}, 0));
  CHECK_FALSE(holds({{"nbf", json::array{}}}, 0));
}

}  // namespace
}  // namespace posthorn::providers

#include "providers/basic_auth.h"

#include <string>

#include "base/bytes.h"

namespace posthorn::providers {
namespace {

/// What follows the scheme and its spaces.
std::optional<std::string_view> behind(std::string_view authorization, std::string_view scheme) {
  const auto space = authorization.find(' ');
  if (space == authorization.npos) return std::nullopt;
  if (!equal_ignoring_case_ascii(authorization.substr(0, space), scheme)) return std::nullopt;
  const auto rest = trim(authorization.substr(space));
  if (rest.empty()) return std::nullopt;
  return rest;
}

}  // namespace

std::optional<Credentials> basic_credentials(std::string_view authorization) {
  const auto token = behind(authorization, "Basic");
  const auto text = token ? from_base64(*token) : std::nullopt;
  if (!text) return std::nullopt;
  const auto colon = text->find(':');
  if (colon == text->npos) return std::nullopt;
  return Credentials{.username = text->substr(0, colon), .password = text->substr(colon + 1)};
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  return behind(authorization, "Bearer");
}

}  // namespace posthorn::providers

#pragma once
// What an API key may do. A key holds a list of scope names; one route needs one scope.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace posthorn::api {

/// `open` routes need no key, `any` ones a valid key whatever its scopes. `admin` opens everything
/// in every workspace; no other scope implies another.
enum class Scope : std::uint8_t {
  open,
  any,
  admin,
  applications_read,
  applications_write,
  event_types_read,
  event_types_write,
  events_read,
  events_write,
  endpoints_read,
  endpoints_write,
  deliveries_read,
  deliveries_write,
  secrets_read,
  keys_read,
  keys_write,
  audit_read,
  bins_read,
  bins_write,
  sources_read,
  sources_write,
  requests_read,
  requests_write,
};

/// A set of scopes as bits.
using ScopeSet = std::uint32_t;
[[nodiscard]] constexpr ScopeSet bit(Scope scope) {
  return ScopeSet{1} << static_cast<unsigned>(scope);
}

/// "events:write"; the name in keys, problems and the OpenAPI document.
std::string_view to_string(Scope scope);
/// Only scopes that a key can hold: not `open` and `any`.
std::optional<Scope> scope_named(std::string_view name);
/// The names of every scope that a key can hold.
std::span<const std::string_view> grantable_names();
/// The set of these names; what is no scope is left out.
ScopeSet scopes_named(std::span<const std::string> names);

/// Whether `held` opens a route that needs `needed`.
[[nodiscard]] constexpr bool allows(ScopeSet held, Scope needed) {
  if (needed == Scope::open || needed == Scope::any) return true;
  return (held & (bit(Scope::admin) | bit(needed))) != 0;
}

}  // namespace posthorn::api

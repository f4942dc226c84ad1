#include "api/scopes.h"

#include <algorithm>

namespace posthorn::api {

namespace {

struct Named {
  Scope scope;
  std::string_view name;
};

constexpr std::array<Named, 23> names{{
    {Scope::open, "open"},
    {Scope::any, "any"},
    {Scope::admin, "admin"},
    {Scope::applications_read, "applications:read"},
    {Scope::applications_write, "applications:write"},
    {Scope::event_types_read, "event_types:read"},
    {Scope::event_types_write, "event_types:write"},
    {Scope::events_read, "events:read"},
    {Scope::events_write, "events:write"},
    {Scope::endpoints_read, "endpoints:read"},
    {Scope::endpoints_write, "endpoints:write"},
    {Scope::deliveries_read, "deliveries:read"},
    {Scope::deliveries_write, "deliveries:write"},
    {Scope::secrets_read, "secrets:read"},
    {Scope::keys_read, "keys:read"},
    {Scope::keys_write, "keys:write"},
    {Scope::audit_read, "audit:read"},
    {Scope::bins_read, "bins:read"},
    {Scope::bins_write, "bins:write"},
    {Scope::sources_read, "sources:read"},
    {Scope::sources_write, "sources:write"},
    {Scope::requests_read, "requests:read"},
    {Scope::requests_write, "requests:write"},
}};

constexpr std::size_t first_grantable = 2;

constexpr auto grantable = [] {
  std::array<std::string_view, names.size() - first_grantable> found{};
  for (std::size_t i = 0; i < found.size(); ++i) found[i] = names[i + first_grantable].name;
  return found;
}();

}  // namespace

std::string_view to_string(Scope scope) { return names[static_cast<std::size_t>(scope)].name; }

std::optional<Scope> scope_named(std::string_view name) {
  const auto found =
      std::find_if(names.begin() + first_grantable, names.end(),
                   [name](const Named& candidate) { return candidate.name == name; });
  if (found == names.end()) return std::nullopt;
  return found->scope;
}

std::span<const std::string_view> grantable_names() { return grantable; }

ScopeSet scopes_named(std::span<const std::string> names_given) {
  ScopeSet set = 0;
  for (const auto& name : names_given)
    if (const auto scope = scope_named(name)) set |= bit(*scope);
  return set;
}

}  // namespace posthorn::api

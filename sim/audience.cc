#include "sim/audience.h"

#include <fmt/format.h>

#include <algorithm>

#include "publish/publisher.h"

namespace posthorn::sim {

namespace {
/// The contract's figure, not the product's.
constexpr int hops_max = 3;
}  // namespace

std::set<EndpointId> candidates(const Truth& truth, const model::Event& event) {
  std::set<EndpointId> found;
  if (event.hop >= hops_max) return found;
  for (const auto& [id, endpoint] : truth.endpoints) {
    const bool matches =
        endpoint.spec.application == event.application &&
        std::ranges::any_of(endpoint.spec.event_types, [&event](const auto& pattern) {
          return publish::type_matches(pattern, event.type);
        });
    if (matches && !(endpoint.deleted && endpoint.deletion_told)) found.insert(id);
  }
  return found;
}

Audience audience_of(const Truth& truth, const std::set<EndpointId>& matching) {
  Audience made;
  for (const EndpointId id : matching)
    (truth.endpoints.at(id).deleted ? made.may : made.must).insert(id);
  return made;
}

std::string mismatch(const Audience& audience, std::span<const EndpointId> got) {
  std::set<EndpointId> reached;
  for (const EndpointId id : got) {
    if (!reached.insert(id).second) return fmt::format("has two deliveries for {}", id.text());
    if (!audience.must.contains(id) && !audience.may.contains(id))
      return fmt::format("has a delivery for {}, which should not get it", id.text());
  }
  for (const EndpointId id : audience.must)
    if (!reached.contains(id)) return fmt::format("has no delivery for {}", id.text());
  return {};
}

}  // namespace posthorn::sim

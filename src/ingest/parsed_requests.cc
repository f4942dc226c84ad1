#include "ingest/parsed_requests.h"

#include <functional>
#include <utility>

namespace posthorn::ingest {

ParsedRequests::Place& ParsedRequests::place_of(const SharedBytes& body) {
  // Addresses end with zeros.
  constexpr int low_bits = 4;
  return places_[(std::hash<const void*>{}(body.get()) >> low_bits) % places_count];
}

void ParsedRequests::put(SharedBytes body, LiveSourcePtr live, ParsedPtr parsed) {
  if (!body || body->size() > body_bytes_max) return;
  Place made{std::move(body), std::move(live), std::move(parsed)};
  const std::lock_guard lock(mutex_);
  std::swap(place_of(made.body), made);
}

ParsedPtr ParsedRequests::take(const SharedBytes& body, const LiveSourcePtr& live) {
  Place taken;
  const std::lock_guard lock(mutex_);
  Place& place = place_of(body);
  if (!body || place.body != body) return nullptr;
  taken = std::exchange(place, Place{});
  return taken.live == live ? std::move(taken.parsed) : nullptr;
}

}  // namespace posthorn::ingest

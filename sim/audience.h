#pragma once
// Which endpoints an event must reach (G1), beside people who delete them. Disabling and enabling
// change nothing here: what is published for a disabled endpoint is held.
//
// A deletion happens between its commit and the answer to whoever asked for it. An event that was
// published (called for, committed) wholly before or after that has one right audience; of one
// that overlaps it, both are right.

#include <set>
#include <span>
#include <string>

#include "model/event.h"
#include "sim/truth.h"

namespace posthorn::sim {

/// At the publisher's call: the endpoints that match the event, but those whose deletion had been
/// answered.
std::set<EndpointId> candidates(const Truth& truth, const model::Event& event);

/// At the event's commit; `matching`: the candidates of the call that committed it.
Audience audience_of(const Truth& truth, const std::set<EndpointId>& matching);

/// What is wrong with these deliveries, in words; empty: nothing. Each entry of `got` is the
/// endpoint of one delivery.
std::string mismatch(const Audience& audience, std::span<const EndpointId> got);

}  // namespace posthorn::sim

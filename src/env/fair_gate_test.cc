#include "env/fair_gate.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace posthorn::env {
namespace {

TEST_CASE("a gate lets one user take everything, and shares it when a second comes") {
  FairGate gate(8);
  GateShare one, other;
  std::vector<std::unique_ptr<FairGate::Pass>> passes;
  while (gate.ask(one) == FairGate::Answer::go)
    passes.push_back(std::make_unique<FairGate::Pass>(gate, one));
  CHECK(passes.size() == 8);
  CHECK(gate.ask(other) == FairGate::Answer::full);
  passes.resize(4);
  CHECK(gate.ask(other) == FairGate::Answer::go);
  passes.push_back(std::make_unique<FairGate::Pass>(gate, other));
  // Half is in use and two share it: four each.
  CHECK(gate.ask(one) == FairGate::Answer::share_used);
  CHECK(gate.ask(other) == FairGate::Answer::go);
  passes.clear();
  CHECK(gate.ask(one) == FairGate::Answer::go);
}

TEST_CASE("a gate counts by weight") {
  FairGate gate(1000);
  GateShare large, small;
  const FairGate::Pass first(gate, large, 700);
  CHECK(gate.in_flight() == 700);
  CHECK(gate.ask(large) == FairGate::Answer::go);
  {
    const FairGate::Pass second(gate, small, 10);
    CHECK(gate.ask(large) == FairGate::Answer::share_used);
    CHECK(gate.ask(small) == FairGate::Answer::go);
    const FairGate::Pass third(gate, small, 290);
    CHECK(gate.ask(small) == FairGate::Answer::full);
  }
  CHECK(gate.in_flight() == 700);
}

}  // namespace
}  // namespace posthorn::env

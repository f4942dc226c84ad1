#include "sim/audience.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace posthorn;
using sim::Audience;

namespace {

constexpr EndpointId stays{1}, goes{2}, other{3};

/// `stays` and `goes` match what is published, `other` does not.
struct People {
  sim::Truth truth;
  model::Event event;

  People() {
    for (const EndpointId id : {stays, goes, other}) {
      auto& spec = truth.endpoints[id].spec;
      spec.application = ApplicationId{1};
      spec.event_types = {id == other ? "survey.*" : "ticket.*"};
    }
    event.application = ApplicationId{1};
    event.type = "ticket.created";
  }

  void commit_deletion() { truth.endpoints[goes].deleted = true; }
  void answer_deletion() { truth.endpoints[goes].deletion_told = true; }
  [[nodiscard]] std::set<EndpointId> call() const { return candidates(truth, event); }
  [[nodiscard]] Audience commit(const std::set<EndpointId>& called) const {
    return audience_of(truth, called);
  }
};

bool is_right(const Audience& audience, std::initializer_list<EndpointId> got) {
  return mismatch(audience, std::vector(got)).empty();
}

}  // namespace

TEST_CASE("audience: without edits each endpoint that matches gets one delivery") {
  const People people;
  const auto audience = people.commit(people.call());
  CHECK(is_right(audience, {stays, goes}));
  CHECK(is_right(audience, {goes, stays}));
  CHECK(mismatch(audience, std::vector{stays}) == "has no delivery for " + goes.text());
  CHECK(mismatch(audience, std::vector{stays, goes, goes}) ==
        "has two deliveries for " + goes.text());
  CHECK(mismatch(audience, std::vector{stays, goes, other}) ==
        "has a delivery for " + other.text() + ", which should not get it");
  // As many as expected, but not those.
  CHECK_FALSE(is_right(audience, {stays, other}));
}

TEST_CASE("audience: another application and a third hop reach nobody") {
  People people;
  people.event.application = ApplicationId{2};
  CHECK(people.call().empty());
  people.event.application = ApplicationId{1};
  people.event.hop = 3;
  CHECK(people.call().empty());
}

TEST_CASE("audience: a deletion that is committed after the event takes nothing from it") {
  People people;
  const auto audience = people.commit(people.call());
  people.commit_deletion();
  people.answer_deletion();
  CHECK(is_right(audience, {stays, goes}));
  CHECK_FALSE(is_right(audience, {stays}));
}

TEST_CASE("audience: of a deletion between the call and its commit both answers are right") {
  People people;
  const auto called = people.call();
  people.commit_deletion();
  SUBCASE("and nobody was told yet") {}
  SUBCASE("and it was answered as well") { people.answer_deletion(); }
  const auto audience = people.commit(called);
  CHECK(is_right(audience, {stays, goes}));
  CHECK(is_right(audience, {stays}));
  CHECK_FALSE(is_right(audience, {goes}));
  CHECK_FALSE(is_right(audience, {stays, goes, goes}));
  CHECK_FALSE(is_right(audience, {stays, other}));
}

TEST_CASE("audience: of a deletion that was not answered at the call both answers are right") {
  People people;
  people.commit_deletion();
  const auto called = people.call();
  SUBCASE("it is answered before the event is committed") { people.answer_deletion(); }
  SUBCASE("it is answered later") {}
  const auto audience = people.commit(called);
  CHECK(is_right(audience, {stays, goes}));
  CHECK(is_right(audience, {stays}));
  CHECK_FALSE(is_right(audience, {goes}));
}

TEST_CASE("audience: what is published after a deletion was answered must not reach it") {
  People people;
  people.commit_deletion();
  people.answer_deletion();
  const auto audience = people.commit(people.call());
  CHECK(is_right(audience, {stays}));
  CHECK(mismatch(audience, std::vector{stays, goes}) ==
        "has a delivery for " + goes.text() + ", which should not get it");
}

TEST_CASE("audience: disabling and other edits under way excuse nothing") {
  People people;
  auto& edited = people.truth.endpoints[goes];
  edited.editing = true;
  edited.enabled = false;
  edited.answered_off = true;
  const auto audience = people.commit(people.call());
  CHECK(is_right(audience, {stays, goes}));
  CHECK_FALSE(is_right(audience, {stays}));
}

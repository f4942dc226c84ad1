#include "publish/publisher.h"

#include <doctest/doctest.h>

using namespace posthorn;
using publish::Match;
using publish::Routing;

namespace {

std::shared_ptr<model::Endpoint> endpoint(std::uint64_t id, std::vector<std::string> types) {
  auto made = std::make_shared<model::Endpoint>();
  made->id = EndpointId{id};
  made->workspace = WorkspaceId{1};
  made->application = ApplicationId{1};
  made->event_types = std::move(types);
  made->version = 1;
  return made;
}

model::Event event(std::string type, std::string data = "{}") {
  model::Event made;
  made.workspace = WorkspaceId{1};
  made.application = ApplicationId{1};
  made.type = std::move(type);
  made.data = share(std::move(data));
  return made;
}

}  // namespace

TEST_CASE("type_matches: a star spans any characters, everything else is exact") {
  using publish::type_matches;
  CHECK(type_matches("ticket.created", "ticket.created"));
  CHECK_FALSE(type_matches("ticket.created", "ticket.create"));
  CHECK_FALSE(type_matches("ticket.create", "ticket.created"));
  CHECK(type_matches("*", "ticket.created"));
  CHECK(type_matches("ticket.*", "ticket.created"));
  CHECK(type_matches("ticket.*", "ticket.status.changed"));
  CHECK_FALSE(type_matches("ticket.*", "tickets.created"));
  CHECK(type_matches("*.created", "ticket.created"));
  CHECK(type_matches("a*b*c", "a.b.b.c"));
  CHECK_FALSE(type_matches("a*b*c", "a.b.b.d"));
  CHECK_FALSE(type_matches("", "a"));
  CHECK(type_matches("**", ""));
}

TEST_CASE("routing: only endpoints of the same workspace and application that want the type") {
  auto other_workspace = endpoint(4, {"*"});
  other_workspace->workspace = WorkspaceId{2};
  auto other_application = endpoint(5, {"*"});
  other_application->application = ApplicationId{2};
  const Routing routing({endpoint(3, {"survey.*"}), endpoint(2, {"ticket.*", "ticket.created"}),
                         endpoint(1, {"*"}), other_workspace, other_application});
  CHECK(routing.targets(event("ticket.created")) ==
        std::vector<EndpointId>{EndpointId{1}, EndpointId{2}});
  CHECK(routing.match(*other_workspace, event("a")) == Match::other_workspace);
  CHECK(routing.match(*other_application, event("a")) == Match::other_application);
  CHECK(routing.match(*routing.endpoint(EndpointId{3}), event("a")) == Match::type);
  CHECK(routing.endpoint(EndpointId{9}) == nullptr);
}

TEST_CASE("routing: an endpoint with channels gets only events of one of them") {
  auto picky = endpoint(1, {"*"});
  picky->channels = {"eu", "us"};
  const Routing routing({picky});
  auto published = event("a");
  CHECK(routing.targets(published).empty());
  published.channels = {"us", "beta"};
  CHECK(routing.targets(published).size() == 1);
  published.channels = {"beta"};
  CHECK(routing.match(*picky, published) == Match::channel);
}

TEST_CASE(
    "routing: the payload filter decides, and a disabled endpoint still gets its deliveries") {
  auto urgent = endpoint(1, {"*"});
  urgent->filter = R"({"data.priority":"urgent"})";
  urgent->enabled = false;
  const Routing routing({urgent});
  CHECK(routing.targets(event("a", R"({"priority":"urgent"})")).size() == 1);
  CHECK(routing.targets(event("a", R"({"priority":"low"})")).empty());
  CHECK(routing.match(*urgent, event("a", R"({"priority":"low"})")) == Match::filter);
}

TEST_CASE("routing: what has been through three webhooks goes no further") {
  const Routing routing({endpoint(1, {"*"})});
  auto looping = event("a");
  looping.hop = publish::Publisher::hop_max - 1;
  CHECK(routing.targets(looping).size() == 1);
  looping.hop = publish::Publisher::hop_max;
  CHECK(routing.targets(looping).empty());
  CHECK(routing.match(*routing.endpoint(EndpointId{1}), looping) == Match::hop_limit);
}

TEST_CASE("routing table: an older version of an endpoint never replaces a newer one") {
  publish::RoutingTable table;
  auto first = endpoint(1, {"a"});
  auto second = endpoint(1, {"b"});
  second->version = 2;
  table.upsert(second);
  table.upsert(first);
  CHECK(table.current()->endpoint(EndpointId{1})->version == 2);
  table.remove(EndpointId{1});
  CHECK(table.current()->endpoints().empty());
}

TEST_CASE("routing table: what was removed does not come back with a change that comes late") {
  publish::RoutingTable table;
  table.upsert(endpoint(1, {"*"}));
  table.upsert(endpoint(2, {"*"}));
  auto late = endpoint(1, {"*"});
  late->version = 2;  // Committed before the deletion, told after it.
  table.remove(EndpointId{1});
  table.upsert(late);
  CHECK(table.current()->endpoint(EndpointId{1}) == nullptr);
  CHECK(table.current()->targets(event("a")) == std::vector<EndpointId>{EndpointId{2}});
  // Nor does it come back with a list that was read before the deletion.
  table.replace({endpoint(1, {"*"}), endpoint(2, {"*"}), endpoint(3, {"*"})});
  CHECK(table.current()->targets(event("a")) ==
        std::vector<EndpointId>{EndpointId{2}, EndpointId{3}});
}

// Lists: order, pages and filters.

#include <algorithm>

#include "store/contract/contract.h"

namespace posthorn::store::contract {

void list_event_cases(const MakeHarness& make) {
  Bench bench(make);
  const auto publish = [&](std::string type, std::string key = {}, std::uint64_t owner = 1,
                           std::uint64_t app = 1) {
    auto made = bench.event({}, std::move(key));
    made.event.type = std::move(type);
    made.event.workspace = WorkspaceId{owner};
    made.event.application = ApplicationId{app};
    bench.clock().advance(1s);
    return bench.publish_event(std::move(made)).id.value;
  };
  const auto list = [&](EventFilter filter, int limit = 3, bool oldest_first = true) {
    std::vector<std::uint64_t> ids;
    for (const auto& event :
         all_pages({.limit = limit, .oldest_first = oldest_first},
                   [&](Page page) { return bench.store().list_events(filter, page); }))
      ids.push_back(event->id.value);
    return ids;
  };
  using Ids = std::vector<std::uint64_t>;
  const Instant start = bench.now();
  publish("ticket.created", "a");       // 1
  publish("ticket.resolved", "b");      // 2
  publish("survey.created", "a", 2);    // 3
  publish("ticket.created", "", 1, 2);  // 4
  publish("ticket.status.changed");     // 5
  SUBCASE("newest first unless asked otherwise; the pages join to all") {
    CHECK(list({}, 2) == Ids{1, 2, 3, 4, 5});
    CHECK(list({}, 2, false) == Ids{5, 4, 3, 2, 1});
    CHECK(list({}, 5) == Ids{1, 2, 3, 4, 5});
    const auto page = must(bench.store().list_events({}, {.limit = 2}));
    REQUIRE(page.rows.size() == 2);
    CHECK(page.rows[0]->id == EventId{5});
    CHECK(page.next == 4);
    CHECK_FALSE(must(bench.store().list_events({}, {.limit = 5})).next.has_value());
    CHECK(must(bench.store().list_events({}, {.after = 1})).rows.empty());
    CHECK(must(bench.store().list_events({}, {.after = 5, .oldest_first = true})).rows.empty());
  }
  SUBCASE("by workspace, application and key") {
    EventFilter filter;
    filter.workspace = WorkspaceId{1};
    CHECK(list(filter, 2) == Ids{1, 2, 4, 5});
    CHECK(list(filter, 2, false) == Ids{5, 4, 2, 1});
    filter.application = ApplicationId{2};
    CHECK(list(filter) == Ids{4});
    filter.workspace = WorkspaceId{2};
    CHECK(list(filter).empty());
    EventFilter keyed;
    keyed.key = "a";
    CHECK(list(keyed, 1) == Ids{1, 3});
  }
  SUBCASE("by types, exact or with stars") {
    const auto of = [&](std::vector<std::string> types) {
      EventFilter filter;
      filter.types = std::move(types);
      return list(filter);
    };
    CHECK(of({"ticket.created"}) == Ids{1, 4});
    CHECK(of({"ticket.*"}) == Ids{1, 2, 4, 5});
    CHECK(of({"*.created", "ticket.resolved"}) == Ids{1, 2, 3, 4});
    CHECK(of({"*"}) == Ids{1, 2, 3, 4, 5});
    CHECK(of({"t*s*d"}) == Ids{2, 5});
    CHECK(of({"ticket"}).empty());
  }
  SUBCASE("by time, `since` inclusive and `until` exclusive") {
    EventFilter filter;
    filter.since = start + 1s;
    filter.until = start + 3s;
    CHECK(list(filter) == Ids{2, 3});
  }
}

void list_delivery_cases(const MakeHarness& make) {
  using model::DeliveryState;
  Bench bench(make);
  const auto publish = [&](std::string type, std::vector<EndpointId> targets,
                           std::uint64_t owner = 1) {
    auto made = bench.event(std::move(targets));
    made.event.type = std::move(type);
    made.event.workspace = WorkspaceId{owner};
    return bench.publish_event(std::move(made));
  };
  const Instant start = bench.now();
  const auto first = publish("ticket.created", {EndpointId{1}, EndpointId{2}});  // 1, 2
  publish("ticket.resolved", {EndpointId{1}});                                   // 3
  bench.clock().advance(1min);
  publish("ticket.created", {EndpointId{1}}, 2);  // 4
  bench.record(DeliveryId{1}, DeliveryState::succeeded);
  bench.record(DeliveryId{2}, DeliveryState::exhausted);
  bench.record(DeliveryId{3}, DeliveryState::pending);
  bench.replay(bench.delivery(DeliveryId{2}));  // 5
  using Ids = std::vector<DeliveryId>;
  const auto list = [&](DeliveryFilter filter, int limit = 2, bool oldest_first = true) {
    return ids_of(all_pages({.limit = limit, .oldest_first = oldest_first}, [&](Page page) {
      return bench.store().list_deliveries(filter, page);
    }));
  };
  const auto ids = [](std::initializer_list<std::uint64_t> values) {
    Ids made;
    for (const auto value : values) made.push_back(DeliveryId{value});
    return made;
  };
  SUBCASE("all, in both orders") {
    CHECK(list({}) == ids({1, 2, 3, 4, 5}));
    CHECK(list({}, 2, false) == ids({5, 4, 3, 2, 1}));
  }
  SUBCASE("by event, its later deliveries among them, in both orders") {
    DeliveryFilter filter;
    filter.event = first.id;
    CHECK(list(filter, 1) == ids({1, 2, 5}));
    CHECK(list(filter, 2, false) == ids({5, 2, 1}));
    filter.event = EventId{77};
    CHECK(list(filter).empty());
  }
  SUBCASE("by endpoint and workspace") {
    DeliveryFilter filter;
    filter.endpoint = EndpointId{1};
    CHECK(list(filter) == ids({1, 3, 4}));
    CHECK(list(filter, 2, false) == ids({4, 3, 1}));
    filter.workspace = WorkspaceId{1};
    CHECK(list(filter) == ids({1, 3}));
  }
  SUBCASE("by state; the dead letters of a workspace too") {
    DeliveryFilter filter;
    filter.states = {DeliveryState::pending};
    CHECK(list(filter) == ids({3, 4, 5}));
    filter.states = {DeliveryState::exhausted, DeliveryState::parked};
    filter.workspace = WorkspaceId{1};
    CHECK(list(filter) == ids({2}));
    CHECK(list(filter, 2, false) == ids({2}));
    filter.workspace = WorkspaceId{2};
    CHECK(list(filter).empty());
  }
  SUBCASE("by event type, last status and time") {
    DeliveryFilter filter;
    filter.event_types = {"*.created"};
    CHECK(list(filter) == ids({1, 2, 4, 5}));
    filter = {};
    filter.status_codes = {204, 404};
    CHECK(list(filter) == ids({1}));
    filter = {};
    filter.since = start + 1s;
    CHECK(list(filter) == ids({4, 5}));
    filter = {};
    filter.until = start + 1min;
    CHECK(list(filter) == ids({1, 2, 3}));
  }
  SUBCASE("attempts by position, for all or one endpoint") {
    const auto attempts = [&](std::optional<EndpointId> endpoint) {
      std::vector<std::uint64_t> found;
      for (const auto& attempt : all_pages({.limit = 1, .oldest_first = true}, [&](Page page) {
             return bench.store().list_attempts(endpoint, page);
           }))
        found.push_back(attempt.id.value);
      return found;
    };
    CHECK(attempts({}) == std::vector<std::uint64_t>{1, 2, 3});
    CHECK(attempts(EndpointId{1}) == std::vector<std::uint64_t>{1, 3});
    CHECK(must(bench.store().list_attempts({}, {.limit = 1})).rows.at(0).id == AttemptId{3});
  }
}

void list_object_cases(const MakeHarness& make) {
  using model::ObjectKind;
  Bench bench(make);
  const auto create = [&](ObjectKind kind, std::string name, std::uint64_t parent = 0,
                          std::uint64_t owner = 1) {
    Batch batch;
    batch.objects.push_back({.object = {.kind = kind,
                                        .workspace = WorkspaceId{owner},
                                        .parent = parent,
                                        .name = std::move(name)}});
    bench.apply(std::move(batch));
  };
  create(ObjectKind::event_type, "ticket.created");        // 1
  create(ObjectKind::bin, "ticket");                       // 2
  create(ObjectKind::event_type, "ticket.resolved");       // 3
  create(ObjectKind::event_type, "survey.created", 0, 2);  // 4
  create(ObjectKind::bin_capture, "", 2);                  // 5
  create(ObjectKind::bin_capture, "", 7);                  // 6
  create(ObjectKind::bin_capture, "", 2);                  // 7
  using Ids = std::vector<std::uint64_t>;
  const auto list = [&](ObjectKind kind, ObjectFilter filter, bool oldest_first = true) {
    return ids_of(all_pages({.limit = 1, .oldest_first = oldest_first}, [&](Page page) {
      return bench.store().list_objects(kind, filter, page);
    }));
  };
  SUBCASE("by kind, in both orders") {
    CHECK(list(ObjectKind::event_type, {}) == Ids{1, 3, 4});
    CHECK(list(ObjectKind::event_type, {}, false) == Ids{4, 3, 1});
    CHECK(list(ObjectKind::api_key, {}).empty());
  }
  SUBCASE("by workspace, parent and beginning of the name") {
    ObjectFilter filter;
    filter.workspace = WorkspaceId{2};
    CHECK(list(ObjectKind::event_type, filter) == Ids{4});
    filter = {};
    filter.name_prefix = "ticket.";
    CHECK(list(ObjectKind::event_type, filter) == Ids{1, 3});
    filter = {};
    filter.parent = 2;
    CHECK(list(ObjectKind::bin_capture, filter) == Ids{5, 7});
    CHECK(list(ObjectKind::bin_capture, filter, false) == Ids{7, 5});
  }
}

}  // namespace posthorn::store::contract

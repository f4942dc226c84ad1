// The log: what an event is stored as, client ids, sequences, fan-out and its expansion.

#include "store/contract/contract.h"

namespace posthorn::store::contract {

namespace {

NewEvent full_event(Bench& bench) {
  auto made = bench.event({EndpointId{7}}, "ticket-1");
  made.event.type_version = 3;
  made.event.channels = {"eu", "vip"};
  made.event.actor = "key:key_1";
  made.event.client_id = "mine-1";
  made.event.traceparent = "00-aa-bb-01";
  made.event.hop = 2;
  made.event.due_at = bench.now() + 1h;
  made.event.data = share("{\"big\": 12345678901234567890,  \"\xC3\xA9\":\"\\u0000\"}");
  made.content_digest = "digest";
  return made;
}

}  // namespace

void event_cases(const MakeHarness& make) {
  Bench bench(make);
  SUBCASE("an event is read back as it was given, also after a restart") {
    const auto made = full_event(bench);
    const auto receipt = bench.publish_event(made);
    bench.reopen();
    const auto read = bench.stored(receipt.id);
    CHECK(read->id == receipt.id);
    CHECK(read->position == receipt.position);
    CHECK(read->workspace == workspace);
    CHECK(read->application == application);
    CHECK(read->type == "ticket.created");
    CHECK(read->type_version == 3);
    CHECK(read->key == "ticket-1");
    CHECK(read->channels == made.event.channels);
    CHECK(read->actor == "key:key_1");
    CHECK(read->sequence == 1);
    CHECK(read->client_id == "mine-1");
    CHECK(read->traceparent == "00-aa-bb-01");
    CHECK(read->hop == 2);
    CHECK(read->created_at == made.event.created_at);
    CHECK(read->due_at == made.event.due_at);
    CHECK(*read->data == *made.event.data);
    CHECK(read->fan_out == 1);
    CHECK(read->first_delivery == receipt.first_delivery);
  }
  SUBCASE("a payload of any size and any bytes comes back the same") {
    for (const std::size_t size : {0U, 1U, 255U, 4096U, 262'143U, 262'145U, 1U << 20}) {
      std::string data(size, 'x');
      for (std::size_t i = 0; i < size; i += 97) data[i] = static_cast<char>(i % 256);
      auto made = bench.event({});
      made.event.data = share(data);
      const auto receipt = bench.publish_event(std::move(made));
      bench.reopen();
      CHECK(*bench.stored(receipt.id)->data == data);
    }
  }
  SUBCASE("ids and positions count up from 1 without a gap, also after a restart") {
    for (std::uint64_t n = 1; n <= 5; ++n) {
      const auto receipt = bench.publish({EndpointId{1}, EndpointId{2}});
      CHECK(receipt.id == EventId{n});
      CHECK(receipt.position == static_cast<std::int64_t>(n));
      CHECK(receipt.first_delivery == DeliveryId{2 * n - 1});
      CHECK(receipt.fan_out == 2);
      if (n == 3) bench.reopen();
    }
  }
  SUBCASE("the store gives the id, whatever the caller wrote there") {
    auto made = bench.event({});
    made.event.id = EventId{99};
    made.event.position = 98;
    made.event.sequence = 97;
    made.event.fan_out = 96;
    made.event.first_delivery = DeliveryId{95};
    const auto read = bench.stored(bench.publish_event(std::move(made)).id);
    CHECK(read->id == EventId{1});
    CHECK(read->position == 1);
    CHECK(read->sequence == std::nullopt);
    CHECK(read->fan_out == 0);
  }
  SUBCASE("a sequence counts the events of a key in a workspace, across restarts") {
    CHECK(bench.publish({}, "a").sequence == 1);
    CHECK(bench.publish({}, "b").sequence == 1);
    CHECK(bench.publish({}, "a").sequence == 2);
    CHECK(bench.publish({}).sequence == std::nullopt);
    auto other = bench.event({}, "a");
    other.event.workspace = WorkspaceId{2};
    CHECK(bench.publish_event(std::move(other)).sequence == 1);
    bench.reopen();
    CHECK(bench.publish({}, "a").sequence == 3);
  }
  SUBCASE("events() keeps the order asked and leaves out what is not there") {
    bench.publish({});
    bench.publish({});
    const auto found = must(bench.store().events({EventId{2}, EventId{9}, EventId{1}}));
    REQUIRE(found.size() == 2);
    CHECK(found[0]->id == EventId{2});
    CHECK(found[1]->id == EventId{1});
  }
}

void client_id_cases(const MakeHarness& make) {
  Bench bench(make);
  const auto named = [&](std::string client_id, std::string digest, WorkspaceId owner = workspace) {
    auto made = bench.event({EndpointId{1}}, "k");
    made.event.client_id = std::move(client_id);
    made.event.workspace = owner;
    made.content_digest = std::move(digest);
    return made;
  };
  SUBCASE("the same id with the same content gives the first receipt and writes nothing") {
    const auto first = bench.publish_event(named("a", "same"));
    bench.reopen();
    const auto again = bench.publish_event(named("a", "same"));
    CHECK(again.duplicate);
    CHECK_FALSE(again.conflict);
    CHECK(again.id == first.id);
    CHECK(again.position == first.position);
    CHECK(again.first_delivery == first.first_delivery);
    CHECK(again.fan_out == first.fan_out);
    CHECK(again.sequence == first.sequence);
    CHECK(bench.publish({}).id == EventId{2});
    CHECK(bench.due(EndpointId{1}).size() == 1);
  }
  SUBCASE("the same id with other content is a conflict, and the rest of the batch goes on") {
    const auto first = bench.publish_event(named("a", "one"));
    Batch batch;
    batch.events.push_back(named("a", "two"));
    batch.events.push_back(named("b", "two"));
    const auto applied = bench.apply(std::move(batch));
    REQUIRE(applied.events.size() == 2);
    CHECK(applied.events[0].conflict);
    CHECK_FALSE(applied.events[0].duplicate);
    CHECK(applied.events[0].id == first.id);
    CHECK_FALSE(applied.events[1].conflict);
    CHECK(applied.events[1].id == EventId{2});
    CHECK(bench.due(EndpointId{1}).size() == 2);
  }
  SUBCASE("two equal ids in one batch: the second is the duplicate") {
    Batch batch;
    batch.events.push_back(named("a", "one"));
    batch.events.push_back(named("a", "one"));
    batch.events.push_back(named("a", "other"));
    const auto applied = bench.apply(std::move(batch));
    REQUIRE(applied.events.size() == 3);
    CHECK_FALSE(applied.events[0].duplicate);
    CHECK(applied.events[1].duplicate);
    CHECK(applied.events[2].conflict);
    CHECK(applied.events[1].id == applied.events[0].id);
    CHECK(bench.due(EndpointId{1}).size() == 1);
  }
  SUBCASE("another workspace may use the same id") {
    bench.publish_event(named("a", "one"));
    CHECK_FALSE(bench.publish_event(named("a", "two", WorkspaceId{2})).conflict);
    CHECK(must(bench.store().event_by_client_id(WorkspaceId{2}, "a")) == EventId{2});
  }
  SUBCASE("an event is found by its client id") {
    bench.publish_event(named("a", "one"));
    bench.reopen();
    CHECK(must(bench.store().event_by_client_id(workspace, "a")) == EventId{1});
    CHECK(must(bench.store().event_by_client_id(workspace, "b")) == std::nullopt);
    CHECK(must(bench.store().event_by_client_id(WorkspaceId{2}, "a")) == std::nullopt);
    CHECK(must(bench.store().event_by_client_id(workspace, "")) == std::nullopt);
  }
  SUBCASE("events without a client id are never duplicates") {
    auto made = bench.event({});
    made.content_digest = "same";
    CHECK_FALSE(bench.publish_event(made).duplicate);
    CHECK_FALSE(bench.publish_event(made).duplicate);
  }
}

void fan_out_cases(const MakeHarness& make) {
  Bench bench(make);
  const auto last_of = [](const EventReceipt& receipt) {
    return DeliveryId{receipt.first_delivery.value + receipt.fan_out - 1};
  };
  SUBCASE("up to the inline limit all deliveries are there with the commit") {
    const auto receipt = bench.publish(endpoints(1, fan_out_inline_max));
    CHECK(bench.state(last_of(receipt)) == model::DeliveryState::pending);
    CHECK(bench.delivery(last_of(receipt)).endpoint == EndpointId{fan_out_inline_max});
    CHECK_FALSE(must(bench.store().expand_some()));
  }
  SUBCASE("past it the rest follows by expansion, with the ids reserved at the commit") {
    const auto large = bench.publish(endpoints(1, 250));
    const auto next = bench.publish({EndpointId{1}});
    CHECK(large.fan_out == 250);
    CHECK(next.first_delivery.value == large.first_delivery.value + 250);
    CHECK_FALSE(must(bench.store().delivery(last_of(large))).has_value());
    bench.reopen();
    CHECK(must(bench.store().expand_some()));
    CHECK_FALSE(must(bench.store().delivery(last_of(large))).has_value());
    bench.reopen();
    CHECK_FALSE(must(bench.store().expand_some()));
    CHECK_FALSE(must(bench.store().expand_some()));
    for (std::uint64_t i = 0; i < 250; ++i) {
      const auto made = bench.delivery({large.first_delivery.value + i});
      CHECK(made.endpoint == EndpointId{1 + i});
      CHECK(made.event == large.id);
      CHECK(made.due_at == bench.now());
    }
    CHECK(bench.publish({EndpointId{1}}).first_delivery.value == next.first_delivery.value + 1);
  }
  SUBCASE("expansion goes event by event, the oldest first") {
    const auto first = bench.publish(endpoints(1, 101));
    const auto second = bench.publish(endpoints(1, 102));
    CHECK(must(bench.store().expand_some()));
    CHECK(must(bench.store().delivery(last_of(first))).has_value());
    CHECK_FALSE(must(bench.store().delivery(last_of(second))).has_value());
    CHECK_FALSE(must(bench.store().expand_some()));
    CHECK(must(bench.store().delivery(last_of(second))).has_value());
  }
  SUBCASE("ids that are reserved but not yet used are not given again after a restart") {
    const auto large = bench.publish(endpoints(1, 150));
    bench.reopen();
    CHECK(bench.publish({EndpointId{1}}).first_delivery.value == large.first_delivery.value + 150);
    CHECK_FALSE(must(bench.store().expand_some()));
  }
  SUBCASE("deliveries that expansion makes lower their lanes and are told") {
    std::vector<DeliveryId> told;
    const auto token = bench.store().listen([&told](std::shared_ptr<const CommitNotice> notice) {
      for (const auto& fresh : notice->deliveries) told.push_back(fresh.id);
    });
    const auto large = bench.publish(endpoints(1, 101));
    CHECK(told.size() == fan_out_inline_max);
    CHECK_FALSE(must(bench.store().lane(EndpointId{101})).has_value());
    CHECK_FALSE(must(bench.store().expand_some()));
    REQUIRE(told.size() == 101);
    CHECK(told.back() == last_of(large));
    const auto lane = must(bench.store().lane(EndpointId{101}));
    REQUIRE(lane.has_value());
    CHECK(lane->next_due == bench.now());
  }
}

}  // namespace posthorn::store::contract

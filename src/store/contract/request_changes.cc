// What becomes of received requests: changes, the queue, lists.

#include "store/contract/contract.h"
#include "store/contract/requests.h"

namespace posthorn::store::contract {

void request_change_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  const auto id = receive_with(bench, {}).id;
  const auto named = [&](std::string client_id, std::string digest) {
    auto made = bench.event({EndpointId{1}});
    made.event.client_id = std::move(client_id);
    made.content_digest = std::move(digest);
    return made;
  };
  SUBCASE("a change says how it stands; what it leaves out stays") {
    bench.apply(batch_of(RequestChange{.request = id,
                                       .state = RequestState::received,
                                       .due_at = bench.now() + 5s,
                                       .attempts = 1,
                                       .forced = 2,
                                       .verdict = "why",
                                       .error = "no"}));
    bench.apply(batch_of(RequestChange{.request = id,
                                       .state = RequestState::parked,
                                       .due_at = {7},
                                       .attempts = 2,
                                       .processed_at = {9}}));
    bench.reopen();
    const auto read = stored_request(bench, id);
    CHECK(read.state == RequestState::parked);
    CHECK(read.due_at == bench.now() + 5s);  // Only a received one takes a new time.
    CHECK(read.attempts == 2);
    CHECK(read.forced == 2);
    CHECK(read.verdict == "why");
    CHECK(read.error.empty());
    CHECK(read.processed_at == Instant{9});
    CHECK(*read.body == "{}");
    CHECK(read.url == "https://hooks.example/in/abc");
  }
  SUBCASE("it takes its events from the batch's receipts, known ones too, and counts the new") {
    const auto known = bench.publish_event(named("known", "same"));
    auto batch = batch_of(RequestChange{.request = id, .first_event = 1, .event_count = 3});
    batch.events = {bench.event({}), named("known", "same"), named("new", "x"),
                    named("known", "other")};
    const auto applied = bench.apply(std::move(batch));
    CHECK(applied.events[1].duplicate);
    CHECK(applied.events[3].conflict);
    bench.reopen();
    auto read = stored_request(bench, id);
    CHECK(read.events == std::vector{known.id, applied.events[2].id, known.id});
    CHECK(read.events_new == 1);
    bench.apply(batch_of(RequestChange{.request = id, .only_if = RequestState::processed}));
    CHECK(stored_request(bench, id).events == read.events);
    CHECK(stored_request(bench, id).events_new == 1);
  }
  SUBCASE("in another state, or of a request that is not there: conflict, and nothing is written") {
    for (const auto& change : {RequestChange{.request = id, .only_if = RequestState::parked},
                               RequestChange{.request = RequestId{99}}}) {
      auto batch = batch_of(change);
      batch.events.push_back(named("x", "y"));
      batch.objects.push_back({.object = {.kind = model::ObjectKind::message_status, .name = "m"}});
      batch.requests.push_back(new_request(bench, {{.text = "k"}}));
      CHECK(bench.refusal(std::move(batch)) == Errc::conflict);
    }
    CHECK(stored_request(bench, id).state == RequestState::received);
    CHECK(must(bench.store().event_by_client_id(workspace, "x")) == std::nullopt);
    CHECK_FALSE(must(bench.store().object_by_name(model::ObjectKind::message_status, {}, "m")));
    CHECK_FALSE(must(bench.store().request(RequestId{2})).has_value());
    CHECK(receive_with(bench, {{.text = "k"}}).duplicate_of == RequestId{});
  }
  SUBCASE("a batch that is refused for another reason changes no request") {
    auto batch = batch_of(RequestChange{.request = id});
    batch.objects.push_back({.action = ObjectWrite::Action::replace,
                             .object = {.kind = model::ObjectKind::source, .id = 77}});
    CHECK(bench.refusal(std::move(batch)) == Errc::not_found);
    CHECK(stored_request(bench, id).state == RequestState::received);
  }
  SUBCASE("two changes of one request follow each other") {
    auto batch = batch_of(RequestChange{.request = id});
    batch.request_changes.push_back(
        {.request = id, .only_if = RequestState::processed, .state = RequestState::parked});
    bench.apply(batch);
    CHECK(stored_request(bench, id).state == RequestState::parked);
    CHECK(bench.refusal(std::move(batch)) == Errc::conflict);
  }
  SUBCASE("receipts that the batch does not have are refused") {
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 2}, {2, 0}, {1, 1}}) {
      auto batch =
          batch_of(RequestChange{.request = id, .first_event = first, .event_count = count});
      batch.events.push_back(bench.event({}));
      CHECK(bench.refusal(std::move(batch)) == Errc::invalid);
    }
    CHECK(stored_request(bench, id).state == RequestState::received);
  }
  SUBCASE("only the owner of the source's shard may change it; anybody may receive") {
    const int shard = shard_of(source);
    const auto stale = must(bench.store().lease("node", {shard}));
    const auto fresh = must(bench.store().lease("node", {shard}));
    auto batch = batch_of(RequestChange{.request = id});
    batch.epochs = stale;
    CHECK(bench.refusal(batch) == Errc::stale_epoch);
    CHECK(stored_request(bench, id).state == RequestState::received);
    auto receiving = batch_of(new_request(bench));
    receiving.epochs = stale;
    bench.apply(std::move(receiving));
    batch.epochs = fresh;
    bench.apply(std::move(batch));
    CHECK(stored_request(bench, id).state == RequestState::processed);
  }
}

void request_queue_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  const auto add = [&](std::uint64_t of, Millis due, RequestState state = RequestState::received) {
    auto made = new_request(bench);
    made.request.source = SourceId{of};
    made.request.due_at = bench.now() + due;
    made.request.state = state;
    return receive(bench, made).id;
  };
  const auto late = add(5, 9s), soon = add(5, 1s), same = add(5, 1s), other = add(7, 4s);
  add(5, 0s, RequestState::unparsed);
  add(6, 0s, RequestState::answered);
  using Ids = std::vector<RequestId>;
  SUBCASE("by due time, then id; only those of the source that wait and are due") {
    CHECK(due_requests(bench) == Ids{soon, same, late});
    CHECK(due_requests(bench, SourceId{7}) == Ids{other});
    CHECK(due_requests(bench, SourceId{6}).empty());
    CHECK(due_requests(bench, source, bench.now() + 1s) == Ids{soon, same});
    CHECK(due_requests(bench, source, bench.now() + 999ms).empty());
  }
  SUBCASE("a page continues behind the last one, and says how often it was tried") {
    bench.apply(batch_of(RequestChange{.request = soon,
                                       .state = RequestState::received,
                                       .due_at = bench.now() + 2s,
                                       .attempts = 3}));
    const auto first = must(bench.store().requests_due(source, {}, {INT64_MAX}, 2));
    REQUIRE(first.size() == 2);
    CHECK(first[0] == DueRequest{.id = same, .due_at = bench.now() + 1s, .attempts = 0});
    CHECK(first[1] == DueRequest{.id = soon, .due_at = bench.now() + 2s, .attempts = 3});
    const auto rest = must(bench.store().requests_due(source, first[1], {INT64_MAX}, 2));
    CHECK(ids_of(rest) == Ids{late});
    CHECK(must(bench.store().requests_due(source, rest[0], {INT64_MAX}, 2)).empty());
  }
  SUBCASE("what is done leaves the queue, and comes back when it is received again") {
    bench.apply(batch_of(RequestChange{.request = soon}));
    CHECK(due_requests(bench) == Ids{same, late});
    bench.reopen();
    bench.apply(batch_of(RequestChange{.request = soon,
                                       .only_if = RequestState::processed,
                                       .state = RequestState::received,
                                       .due_at = bench.now()}));
    CHECK(due_requests(bench) == Ids{soon, same, late});
  }
  SUBCASE("one that is received again without a time is due at once") {
    bench.apply(batch_of(RequestChange{.request = late, .state = RequestState::received}));
    CHECK(due_requests(bench, source, bench.now()) == Ids{late});
  }
  SUBCASE("sources with requests, by id, each with its first due time") {
    using Sources = std::vector<std::pair<SourceId, Instant>>;
    const auto list = [&](SourceId after, int limit) {
      return must(bench.store().sources_with_requests(after, limit));
    };
    const std::pair five{SourceId{5}, bench.now() + 1s}, seven{SourceId{7}, bench.now() + 4s};
    CHECK(list({}, 10) == Sources{five, seven});
    CHECK(list({}, 1) == Sources{five});
    CHECK(list(SourceId{5}, 10) == Sources{seven});
    CHECK(list(SourceId{7}, 10).empty());
    bench.apply(batch_of(RequestChange{.request = other, .state = RequestState::parked}));
    bench.reopen();
    CHECK(list({}, 10) == Sources{five});
  }
  SUBCASE("figures count them") {
    const auto stats = must(bench.store().stats());
    CHECK(stats.requests == 6);
    CHECK(stats.requests_pending == 4);
    bench.apply(batch_of(RequestChange{.request = other}));
    CHECK(must(bench.store().stats()).requests_pending == 3);
  }
}

void list_request_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  const Instant start = bench.now();
  const auto add = [&](std::uint64_t of, std::uint64_t owner, RequestState state,
                       std::vector<DedupeKey> keys = {}) {
    auto made = new_request(bench, std::move(keys));
    made.request.source = SourceId{of};
    made.request.workspace = WorkspaceId{owner};
    made.request.state = state;
    bench.clock().advance(1s);
    return receive(bench, made).id;
  };
  using Ids = std::vector<std::uint64_t>;
  const auto list = [&](RequestFilter filter, int limit = 2, bool oldest_first = true) {
    Ids ids;
    for (const auto& row :
         all_pages({.limit = limit, .oldest_first = oldest_first},
                   [&](Page page) { return bench.store().list_requests(filter, page); })) {
      CHECK(row.body == nullptr);
      CHECK(row.method == "POST");
      ids.push_back(row.id.value);
    }
    return ids;
  };
  add(5, 1, RequestState::received, {{.text = "a"}});  // 1
  add(5, 1, RequestState::refused);                    // 2
  add(6, 1, RequestState::parked);                     // 3
  add(5, 1, RequestState::received, {{.text = "a"}});  // 4: of 1
  add(7, 2, RequestState::refused);                    // 5
  add(5, 1, RequestState::received, {{.text = "a"}});  // 6: of 1
  SUBCASE("newest first unless asked otherwise; the pages join to all") {
    CHECK(list({}) == Ids{1, 2, 3, 4, 5, 6});
    CHECK(list({}, 4, false) == Ids{6, 5, 4, 3, 2, 1});
    const auto page = must(bench.store().list_requests({}, {.limit = 2}));
    CHECK(ids_of(page.rows) == std::vector{RequestId{6}, RequestId{5}});
    CHECK(page.next == 5);
    CHECK_FALSE(must(bench.store().list_requests({}, {.limit = 6})).next.has_value());
  }
  SUBCASE("by workspace and source") {
    CHECK(list({.workspace = WorkspaceId{1}}) == Ids{1, 2, 3, 4, 6});
    CHECK(list({.workspace = WorkspaceId{1}}, 3, false) == Ids{6, 4, 3, 2, 1});
    CHECK(list({.source = SourceId{5}}) == Ids{1, 2, 4, 6});
    CHECK(list({.source = SourceId{5}}, 1, false) == Ids{6, 4, 2, 1});
    CHECK(list({.workspace = WorkspaceId{2}, .source = SourceId{5}}).empty());
    CHECK(list({.source = SourceId{9}}).empty());
  }
  SUBCASE("by state, one or several") {
    CHECK(list({.states = {RequestState::refused}}, 1) == Ids{2, 5});
    CHECK(list({.states = {RequestState::refused}}, 1, false) == Ids{5, 2});
    CHECK(list({.source = SourceId{5}, .states = {RequestState::refused}}) == Ids{2});
    CHECK(list({.states = {RequestState::parked}}) == Ids{3});
    CHECK(list({.states = {RequestState::received}}) == Ids{1});
    CHECK(list({.states = {RequestState::duplicate, RequestState::parked}}) == Ids{3, 4, 6});
    CHECK(list({.states = {RequestState::answered}}).empty());
  }
  SUBCASE("duplicates of one") {
    CHECK(list({.duplicate_of = RequestId{1}}, 1) == Ids{4, 6});
    CHECK(list({.duplicate_of = RequestId{1}}, 1, false) == Ids{6, 4});
    CHECK(list({.source = SourceId{6}, .duplicate_of = RequestId{1}}).empty());
    CHECK(list({.duplicate_of = RequestId{2}}).empty());
  }
  SUBCASE("by time, `since` inclusive and `until` exclusive") {
    CHECK(list({.since = start + 1s, .until = start + 3s}) == Ids{2, 3});
    CHECK(list({.source = SourceId{5}, .since = start + 1s}) == Ids{2, 4, 6});
  }
  SUBCASE("a state that changed is the one that counts") {
    bench.apply(batch_of(RequestChange{.request = RequestId{1}, .state = RequestState::parked}));
    bench.reopen();
    CHECK(list({.states = {RequestState::parked}}) == Ids{1, 3});
    CHECK(list({.states = {RequestState::received}}).empty());
  }
}

}  // namespace posthorn::store::contract

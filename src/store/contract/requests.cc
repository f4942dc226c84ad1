// Received requests: what is kept, what makes two the same, and the queue of the worker.
#include <algorithm>

#include "store/contract/contract.h"
#include "store/contract/requests.h"

namespace posthorn::store::contract {

void request_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  SUBCASE("a request is read back as it was given, also after a restart") {
    auto made = new_request(bench, {}, std::string("\0\xff raw\r\n", 8));
    auto& given = made.request;
    given.id = RequestId{77};  // The store gives the id.
    given.origin = model::RequestOrigin::poll;
    given.headers = {{"X-A", "1"}, {"x-a", ""}, {"Host", "h"}};
    given.remote_address = "192.0.2.1";
    given.body_bytes = 100'000;
    given.body_sha256 = std::string("\0\x01", 2) + std::string(30, 's');
    given.verdict = R"({"reason":"late"})";
    given.reply_status = 202;
    given.state = RequestState::invalid;
    given.attempts = 3;
    given.forced = 2;
    given.error = "why";
    given.events = {EventId{4}, EventId{9}};
    given.events_new = 1;
    given.processed_at = bench.now() + 5s;
    const auto receipt = receive(bench, made);
    CHECK(receipt.id == RequestId{1});
    CHECK(receipt.duplicate_of == RequestId{});
    CHECK_FALSE(receipt.token_reused);
    bench.reopen();
    const auto read = stored_request(bench, receipt.id);
    CHECK(read.id == receipt.id);
    CHECK(read.source == source);
    CHECK(read.workspace == workspace);
    CHECK(read.received_at == given.received_at);
    CHECK(read.origin == given.origin);
    CHECK(read.method == given.method);
    CHECK(read.url == given.url);
    CHECK(read.headers == given.headers);
    CHECK(read.remote_address == given.remote_address);
    REQUIRE(read.body != nullptr);
    CHECK(*read.body == *given.body);
    CHECK(read.body_bytes == 100'000);
    CHECK(read.body_sha256 == given.body_sha256);
    CHECK(read.verdict == given.verdict);
    CHECK(read.reply_status == 202);
    CHECK(read.state == RequestState::invalid);
    CHECK(read.due_at == given.due_at);
    CHECK(read.attempts == 3);
    CHECK(read.forced == 2);
    CHECK(read.duplicate_of == RequestId{});
    CHECK(read.error == "why");
    CHECK(read.events == given.events);
    CHECK(read.events_new == 1);
    CHECK(read.processed_at == given.processed_at);
  }
  SUBCASE("a body of any size comes back the same") {
    for (const std::size_t size : {0U, 1U, 4096U, 262'144U, 262'145U, 1U << 20}) {
      const std::string body(size, 'x');
      const auto id = receive_with(bench, {}, body).id;
      bench.reopen();
      CHECK(*stored_request(bench, id).body == body);
    }
  }
  SUBCASE("without a body it has none") {
    auto made = new_request(bench);
    made.request.body = nullptr;
    CHECK(stored_request(bench, receive(bench, made).id).body == nullptr);
  }
  SUBCASE("ids count up from 1 without a gap, also after a restart") {
    for (std::uint64_t n = 1; n <= 4; ++n) {
      CHECK(receive_with(bench, {}).id == RequestId{n});
      if (n == 2) bench.reopen();
    }
  }
  SUBCASE("requests() keeps the order asked, with bodies, and leaves out what is not there") {
    receive_with(bench, {}, "one");
    receive_with(bench, {}, "two");
    const auto found = must(bench.store().requests({RequestId{2}, RequestId{9}, RequestId{1}}));
    REQUIRE(found.size() == 2);
    CHECK(*found[0]->body == "two");
    CHECK(*found[1]->body == "one");
    CHECK_FALSE(must(bench.store().request(RequestId{9})).has_value());
  }
  SUBCASE("a refused batch leaves no request behind") {
    auto batch = batch_of(new_request(bench, {{.text = "k"}}));
    batch.request_changes.push_back({.request = RequestId{9}});
    CHECK(bench.refusal(std::move(batch)) == Errc::conflict);
    CHECK_FALSE(must(bench.store().request(RequestId{1})).has_value());
    const auto next = receive_with(bench, {{.text = "k"}});
    CHECK(next.id == RequestId{1});
    CHECK(next.duplicate_of == RequestId{});
  }
}

void dedupe_cases(const MakeHarness& make) {
  using model::RequestState;
  Bench bench(make);
  const auto state = [&](RequestId id) { return stored_request(bench, id).state; };
  SUBCASE("the second with a key is a duplicate of the first, kept, and not due") {
    const auto first = receive_with(bench, {{.text = "a"}});
    bench.reopen();
    for (int i = 0; i < 2; ++i) {
      const auto again = receive_with(bench, {{.text = "a"}}, "other");
      CHECK(again.id > first.id);
      CHECK(again.duplicate_of == first.id);
      CHECK_FALSE(again.token_reused);
      const auto kept = stored_request(bench, again.id);
      CHECK(kept.state == RequestState::duplicate);
      CHECK(kept.duplicate_of == first.id);
      CHECK(*kept.body == "other");
    }
    CHECK(due_requests(bench) == std::vector{first.id});
  }
  SUBCASE("two in one batch: the second is the duplicate") {
    auto batch = batch_of(new_request(bench, {{.text = "a"}}));
    batch.requests.push_back(new_request(bench, {{.text = "a"}}));
    const auto receipts = bench.apply(std::move(batch)).requests;
    REQUIRE(receipts.size() == 2);
    CHECK(receipts[0].duplicate_of == RequestId{});
    CHECK(receipts[1].duplicate_of == receipts[0].id);
  }
  SUBCASE("another source may use the same text; without keys nothing is the same") {
    receive_with(bench, {{.text = "a"}});
    auto other = new_request(bench, {{.text = "a"}});
    other.request.source = SourceId{6};
    CHECK(receive(bench, other).duplicate_of == RequestId{});
    CHECK(receive_with(bench, {}).duplicate_of == RequestId{});
    CHECK(receive_with(bench, {}).duplicate_of == RequestId{});
  }
  SUBCASE("the first key that is taken decides") {
    const auto a = receive_with(bench, {{.text = "a"}});
    const auto b = receive_with(bench, {{.text = "b"}});
    CHECK(receive_with(bench, {{.text = "new"}, {.text = "b"}, {.text = "a"}}).duplicate_of ==
          b.id);
    CHECK(receive_with(bench, {{.text = "a"}, {.text = "b"}}).duplicate_of == a.id);
  }
  SUBCASE("all keys are claimed, or none") {
    const auto first = receive_with(bench, {{.text = "a"}, {.text = "b"}});
    CHECK(receive_with(bench, {{.text = "b"}}).duplicate_of == first.id);
    CHECK(receive_with(bench, {{.text = "c"}, {.text = "a"}}).duplicate_of == first.id);
    CHECK(receive_with(bench, {{.text = "c"}}).duplicate_of == RequestId{});
  }
  SUBCASE("a token with the same body is a duplicate, with another body refused") {
    const auto first = receive_with(bench, {{.text = "t", .token = true}}, "one");
    const auto same = receive_with(bench, {{.text = "t", .token = true}}, "one");
    CHECK(same.duplicate_of == first.id);
    CHECK_FALSE(same.token_reused);
    const auto other = receive_with(bench, {{.text = "t", .token = true}, {.text = "x"}}, "two");
    CHECK(other.token_reused);
    CHECK(other.duplicate_of == RequestId{});
    CHECK(state(other.id) == RequestState::refused);
    CHECK(receive_with(bench, {{.text = "x"}}).duplicate_of == RequestId{});
    CHECK(due_requests(bench).size() == 2);
  }
  SUBCASE("a token of which the body was erased still knows it") {
    const auto first = receive_with(bench, {{.text = "t", .token = true}}, "one");
    REQUIRE(wait_for(bench.store().erase_body(first.id)).has_value());
    CHECK(receive_with(bench, {{.text = "t", .token = true}}, "one").duplicate_of == first.id);
    CHECK(receive_with(bench, {{.text = "t", .token = true}}, "two").token_reused);
  }
  SUBCASE("within a time: an older first one does not count, and the key is taken over") {
    const DedupeKey key{.text = "a", .within = 10s};
    const auto first = receive_with(bench, {key});
    bench.clock().advance(10s);
    CHECK(receive_with(bench, {key}).duplicate_of == first.id);
    bench.clock().advance(1ms);
    const auto second = receive_with(bench, {key});
    CHECK(second.duplicate_of == RequestId{});
    CHECK(state(second.id) == RequestState::received);
    bench.reopen();
    bench.clock().advance(9s);
    CHECK(receive_with(bench, {key}).duplicate_of == second.id);
    // Of the key's own time, whatever the first one's was.
    CHECK(receive_with(bench, {{.text = "a"}}).duplicate_of == second.id);
  }
  SUBCASE("an old key does not count and a later one that is taken decides") {
    const auto a = receive_with(bench, {{.text = "a"}});
    bench.clock().advance(1min);
    const auto b = receive_with(bench, {{.text = "b"}});
    CHECK(receive_with(bench, {{.text = "a", .within = 1s}, {.text = "b"}}).duplicate_of == b.id);
    CHECK(receive_with(bench, {{.text = "a"}}).duplicate_of == a.id);
  }
  SUBCASE("what a duplicate is one of is never itself a duplicate") {
    const auto first = receive_with(bench, {{.text = "a"}});
    const auto second = receive_with(bench, {{.text = "b"}});
    bench.apply(batch_of(RequestChange{
        .request = second.id, .state = RequestState::duplicate, .duplicate_of = first.id}));
    const auto third = receive_with(bench, {{.text = "b"}});
    CHECK(third.duplicate_of == first.id);
    const auto fourth = receive_with(bench, {{.text = "c"}});
    bench.apply(batch_of(RequestChange{
        .request = fourth.id, .state = RequestState::duplicate, .duplicate_of = third.id}));
    CHECK(stored_request(bench, fourth.id).duplicate_of == first.id);
    // Neither at once nor by a detour of itself.
    for (const RequestId around : {first.id, third.id})
      CHECK(bench.refusal(batch_of(RequestChange{
                .request = first.id, .state = RequestState::duplicate, .duplicate_of = around})) ==
            Errc::invalid);
  }
  SUBCASE("a duplicate that need not be kept is not written, and takes no id") {
    const auto first = receive_with(bench, {{.text = "k"}});
    auto again = new_request(bench, {{.text = "k"}}, std::string(300'000, 'x'));
    again.keep_duplicate = false;
    const auto receipt = receive(bench, std::move(again));
    CHECK_FALSE(static_cast<bool>(receipt.id));
    CHECK(receipt.duplicate_of == first.id);
    auto other = new_request(bench, {{.text = "other"}});
    other.keep_duplicate = false;
    CHECK(receive(bench, std::move(other)).id == RequestId{first.id.value + 1});
  }
  SUBCASE("a key that is claimed alone makes no duplicate of its own kind") {
    // As a poller and the webhooks that it stands in for: each looks for what the other claims.
    const std::vector<DedupeKey> webhook{{.text = "hook", .looks_up = false},
                                         {.text = "poll", .claims = false}};
    const std::vector<DedupeKey> poll{{.text = "poll"}, {.text = "hook", .claims = false}};
    CHECK_FALSE(static_cast<bool>(receive_with(bench, webhook).duplicate_of));
    const auto second = receive_with(bench, webhook);
    CHECK_FALSE(static_cast<bool>(second.duplicate_of));
    CHECK(receive_with(bench, poll).duplicate_of == second.id);
  }
  SUBCASE("a key that is looked up alone finds who claimed it and claims nothing") {
    const std::vector<DedupeKey> looking{{.text = "poll", .claims = false}};
    CHECK_FALSE(static_cast<bool>(receive_with(bench, looking).duplicate_of));
    const auto polled = receive_with(bench, {{.text = "poll"}});
    CHECK_FALSE(static_cast<bool>(polled.duplicate_of));
    CHECK(receive_with(bench, looking).duplicate_of == polled.id);
  }
  SUBCASE("a request that comes refused takes no key and looks none up") {
    auto forged = new_request(bench, {{.text = "a"}});
    forged.request.state = RequestState::refused;
    receive(bench, forged);
    const auto real = receive_with(bench, {{.text = "a"}});
    CHECK(real.duplicate_of == RequestId{});
    const auto again = receive(bench, forged);
    CHECK(again.duplicate_of == RequestId{});
    CHECK(state(again.id) == RequestState::refused);
  }
  SUBCASE("a key whose request retention took is free") {
    bench.apply(batch_of(RequestChange{.request = receive_with(bench, {{.text = "a"}}).id}));
    bench.clock().advance(31 * 24h);
    while (must(bench.store().retain({}, bench.now(), 10))) {
    }
    CHECK(receive_with(bench, {{.text = "a"}}).duplicate_of == RequestId{});
  }
}

}  // namespace posthorn::store::contract

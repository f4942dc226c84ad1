// The whole path of a received request: address, verdict, row, answer, worker, events.

#include "ingest/test_world.h"

namespace posthorn::ingest {
namespace {

using model::RequestState;
using testing::World;

constexpr std::string_view secret = "whsec_testtesttesttest";

Source stripe(World& world) { return world.make_source("stripe", {{"signing_secret", secret}}); }

/// A request that needs an action of the worker: its source is asked to confirm a subscription.
void receive_confirmation(World& world) {
  const auto sns = world.make_source(
      "ses_sns", {{"topic_arns", json::array{"arn:aws:sns:eu-west-1:123456789012:ses"}},
                  {"private_key", crypto::test_private_key}});
  REQUIRE(world.send(sns, world.sample(sns, "SubscriptionConfirmation")).status == 200);
}

TEST_CASE("a signed call is kept, answered 200, and becomes one event") {
  World world;
  world.start_worker();
  const auto source = stripe(world);
  const auto answer = world.send(source, world.sample(source, "invoice.payment_failed"));
  CHECK(answer.status == 200);
  const auto events = world.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].at("type") == "stripe.invoice.payment_failed");
  CHECK(events[0].at("kind") == "payment.failed");
  CHECK(events[0].at("amount") == 1500);
  CHECK(events[0].at("source_id").as_string() == source.id.text().c_str());
  CHECK(events[0].at("payload").at("type") == "invoice.payment_failed");
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].state == RequestState::processed);
  CHECK(requests[0].events_new == 1);
  CHECK(events[0].at("request_id").as_string() == requests[0].id.text().c_str());
  CHECK(requests[0].url == "https://hooks.example.com/in/" + source.slug);
}

TEST_CASE("the same call again is a duplicate, answered like the first") {
  World world;
  world.start_worker();
  const auto source = stripe(world);
  const auto sample = world.sample(source);
  CHECK(world.send(source, sample).status == 200);
  CHECK(world.send(source, sample).status == 200);
  CHECK(world.events().size() == 1);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].state == RequestState::duplicate);
  CHECK(requests[1].duplicate_of == requests[0].id);
}

TEST_CASE("a forged call is refused with 401, kept with its reason, and makes nothing") {
  World world;
  world.start_worker();
  const auto source = stripe(world);
  auto sample = world.sample(source);
  sample.body += " ";
  const auto answer = world.send(source, sample);
  CHECK(answer.status == 401);
  CHECK(answer.body.find("not_verified") != std::string::npos);
  CHECK(world.events().empty());
  const auto requests = world.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].state == RequestState::refused);
  CHECK(requests[0].verdict.find("steps") != std::string::npos);
}

TEST_CASE("of a flood of forged calls only some are kept") {
  World world;
  const auto source = stripe(world);
  auto sample = world.sample(source);
  sample.body += " ";
  for (int i = 0; i < 200; ++i) CHECK(world.send(source, sample).status == 401);
  CHECK(world.requests().size() == static_cast<std::size_t>(refused_kept_per_minute));
  CHECK(world.sources.by_id(source.id)->activity->refused.load() == 200);
}

TEST_CASE("every unknown address gets the same 404") {
  World world;
  auto source = stripe(world);
  const auto sample = world.sample(source);
  auto unknown = source;
  unknown.slug = "nothing";
  const auto first = world.send(unknown, sample);
  unknown.slug = "another";
  const auto second = world.send(unknown, sample);
  CHECK(first.status == 404);
  CHECK(first.body == second.body);
  CHECK(world.requests().empty());
}

TEST_CASE("plain http from elsewhere is refused with 403 and kept") {
  World world;
  const auto source = stripe(world);
  const auto answer = world.send(source, world.sample(source), "203.0.113.9");
  CHECK(answer.status == 403);
  REQUIRE(world.requests().size() == 1);
  CHECK(world.requests()[0].state == RequestState::refused);
}

TEST_CASE("what verifies but cannot be read is kept as unparsed and answered 200") {
  World world;
  world.start_worker();
  const auto source = stripe(world);
  CHECK(world.send(source, world.sample(source, {}, "not json")).status == 200);
  CHECK(world.send(source, world.sample(source, {}, R"({"id":7})")).status == 200);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].state == RequestState::unparsed);
  CHECK(requests[1].state == RequestState::invalid);
  CHECK(requests[1].verdict.find("/id") != std::string::npos);
  CHECK(world.events().empty());
}

TEST_CASE("a source's own schema decides too") {
  World world;
  auto source = stripe(world);
  source.schema = R"({"required":["livemode","nothing_has_this"]})";
  source = world.save(source);
  CHECK(world.send(source, world.sample(source)).status == 200);
  REQUIRE(world.requests().size() == 1);
  CHECK(world.requests()[0].state == RequestState::invalid);
}

TEST_CASE("what a process left is worked on by the next one") {
  World world;
  const auto source = stripe(world);
  for (int i = 0; i < 1200; ++i) REQUIRE(world.send(source, world.sample(source)).status == 200);
  CHECK(world.events().empty());
  world.start_worker();
  CHECK(world.metrics.events.value() == 1200);
  CHECK(world.metrics.processed.value() == 1200);
}

TEST_CASE("a flood of one source is worked on in few commits, and nothing is left behind") {
  World world;
  const auto source = stripe(world);
  for (int i = 0; i < 300; ++i)
    REQUIRE(world.send(source, world.sample(source, "invoice.payment_failed")).status == 200);
  int commits = 0;
  const auto listening =
      world.store.listen([&commits](const std::shared_ptr<const store::CommitNotice>& notice) {
        commits += notice->changed_requests.empty() ? 0 : 1;
      });
  SUBCASE("all at once") {
    world.start_worker();
    CHECK(commits <= 3);
  }
  SUBCASE("within the bound on bodies, which are read again") {
    world.worker_config.bodies_bytes_max = 1'000;
    world.worker_config.batch_bytes_max = 100'000;
    world.start_worker();
    CHECK(commits > 3);
  }
  CHECK(world.metrics.processed.value() == 300);
  CHECK(world.events().size() == 300);
}

TEST_CASE("a paused source keeps and answers, and what came is worked on when it goes on") {
  World world;
  world.start_worker();
  auto source = stripe(world);
  source.paused = true;
  source = world.save(source);
  CHECK(world.send(source, world.sample(source)).status == 200);
  CHECK(world.events().empty());
  source.paused = false;
  source = world.save(source);
  world.run();
  CHECK(world.events().size() == 1);
}

TEST_CASE("an old secret verifies for its overlap and not a moment longer") {
  World world;
  auto source = stripe(world);
  const auto before = source;
  model::Faults faults;
  auto rotation = read_rotation({{"value", "whsec_anotheranotherone"}, {"overlap_seconds", 600}},
                                faults, source);
  REQUIRE(faults.empty());
  rotate(source, std::move(rotation), world.clock.now());
  source = world.save(source);
  CHECK(world.send(source, world.sample(before)).status == 200);
  CHECK(world.send(source, world.sample(source)).status == 200);
  world.pass(Millis{601'000});
  CHECK(world.send(source, world.sample(before)).status == 401);
  CHECK(world.send(source, world.sample(source)).status == 200);
}

TEST_CASE("past the bound a call is told to try later, before its body is read") {
  World world;
  const auto source = stripe(world);
  http::RequestHead head;
  const std::string target = "/in/" + source.slug;
  head.method = "POST";
  head.target = head.path = target;
  head.content_length = 1 << 20;
  std::vector<http::Admitted> held;
  for (int i = 0; i < 1000; ++i) {
    auto admitted = world.receiver.admit(head, "127.0.0.1");
    if (std::holds_alternative<http::Response>(admitted)) {
      CHECK(std::get<http::Response>(admitted).status == 503);
      break;
    }
    held.push_back(std::get<http::Admitted>(std::move(admitted)));
  }
  CHECK(held.size() > 100);
  CHECK(held.size() <= 130);
  held.clear();
  CHECK(std::holds_alternative<http::Admitted>(world.receiver.admit(head, "127.0.0.1")));
}

TEST_CASE("a replay makes nothing twice, and with force everything anew") {
  World world;
  world.start_worker();
  const auto source = stripe(world);
  REQUIRE(world.send(source, world.sample(source)).status == 200);
  const auto request = world.requests().front();
  const auto replay = [&](std::optional<int> forced) {
    store::RequestChange change;
    change.request = request.id;
    change.only_if = RequestState::processed;
    change.state = RequestState::received;
    change.due_at = world.timeline.now();
    change.forced = forced;
    store::Batch batch;
    batch.request_changes.push_back(std::move(change));
    REQUIRE(world.wait(world.store.apply(std::move(batch))).has_value());
    world.run();
  };
  replay({});
  CHECK(world.events().size() == 1);
  CHECK(world.requests().front().state == RequestState::processed);
  CHECK(world.requests().front().events_new == 0);
  replay(1);
  CHECK(world.events().size() == 2);
}

TEST_CASE("a batch that comes again in part makes only what is new") {
  World world;
  world.start_worker();
  const auto source = world.make_source("message_inbound", {{"secret", "a secret of ours"}});
  const auto item = [](std::string_view id) {
    return R"({"id":")" + std::string(id) +
           R"(","kind":"message","channel":"chat","from":{"id":"u1","name":"Ada"},"text":"hi"})";
  };
  const auto send = [&](const std::string& body) {
    return world.send(source, world.sample(source, {}, body)).status;
  };
  CHECK(send("[" + item("a") + "," + item("b") + "]") == 202);
  CHECK(send("[" + item("b") + "," + item("c") + "]") == 202);
  CHECK(world.events().size() == 3);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[1].events.size() == 2);
  CHECK(requests[1].events_new == 1);
}

TEST_CASE("a one-time token with another body is refused, with the same body a duplicate") {
  World world;
  const auto source = world.make_source("mailgun", {{"signing_key", "key-0123456789abcdef"}});
  const auto sample = world.sample(source);
  CHECK(world.send(source, sample).status == 200);
  CHECK(world.send(source, sample).status == 200);
  // The signature covers timestamp and token alone, so a thief may change the rest.
  auto changed = sample;
  const auto at = changed.body.find("@example.com");
  REQUIRE(at != std::string::npos);
  changed.body.replace(at, 1, "#");
  CHECK(world.send(source, changed).status == 406);
  const auto requests = world.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[1].state == RequestState::duplicate);
  CHECK(requests[2].state == RequestState::refused);
  CHECK(requests[2].verdict.find("token") != std::string::npos);
}

TEST_CASE("a message's status only moves up, whatever order its callbacks come in") {
  World world;
  world.start_worker();
  const auto source = world.make_source("message_inbound", {{"secret", "a secret of ours"}});
  const auto status = [&](std::string_view id, std::string_view what) {
    const std::string body = R"({"id":")" + std::string(id) +
                             R"(","kind":"status","channel":"chat","reference":"m1","status":")" +
                             std::string(what) + "\"}";
    REQUIRE(world.send(source, world.sample(source, {}, body)).status == 202);
    return world.events().back();
  };
  const auto read = status("1", "read");
  CHECK(read.at("message_status") == "read");
  CHECK(read.at("advanced") == true);
  const auto late = status("2", "delivered");
  CHECK(late.at("status") == "delivered");
  CHECK(late.at("message_status") == "read");
  CHECK(late.at("advanced") == false);
  CHECK(world.events().size() == 2);
}

TEST_CASE("a request that keeps failing is parked with a notice, and others pass it by") {
  World world;
  world.worker_config.retry_steps = {Millis{1'000}, Millis{5'000}};
  world.fetcher.statuses = {500, 500, 500};
  world.start_worker();
  const auto source = stripe(world);
  // What needs an action fails while the action does: a source whose requests all do.
  receive_confirmation(world);
  CHECK(world.fetcher.asked.size() == 1);
  CHECK(world.send(source, world.sample(source)).status == 200);
  CHECK(world.events().size() == 1);
  world.pass(Millis{1'100});
  world.pass(Millis{5'100});
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].state == RequestState::parked);
  CHECK(requests[0].error.find("500") != std::string::npos);
  const auto notices =
      world.wait(world.store.list_objects(model::ObjectKind::notification, {}, {}));
  REQUIRE(notices->rows.size() == 1);
  CHECK(notices->rows[0].document.find("request.parked") != std::string::npos);
}

TEST_CASE("a bug in an action fails its request, which is tried again; the worker goes on") {
  World world;
  world.worker_config.retry_steps = {Millis{1'000}};
  world.fetcher.breaks = true;
  world.start_worker();
  const auto source = stripe(world);
  receive_confirmation(world);
  CHECK(world.requests()[0].error == "a bug: the fetcher broke");
  CHECK(world.send(source, world.sample(source)).status == 200);
  CHECK(world.events().size() == 1);
  world.fetcher.breaks = false;
  world.pass(Millis{1'100});
  const auto requests = world.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].state == RequestState::processed);
}

TEST_CASE("a flood of one source leaves room for the others") {
  World world;
  const auto loud = stripe(world), quiet = stripe(world);
  for (int i = 0; i < 1000; ++i) REQUIRE(world.send(loud, world.sample(loud)).status == 200);
  REQUIRE(world.send(quiet, world.sample(quiet)).status == 200);
  world.start_worker();
  std::size_t place = 0;
  const auto events = world.events();
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i].at("source_id").as_string() == quiet.id.text().c_str()) place = i;
  CHECK(place <= 64);
}

TEST_CASE("a web form is taken so often from one address and no oftener") {
  World world;
  const auto source = world.make_source(
      "web_form",
      {{"allowed_origins", json::array{"https://example.com"}}, {"rate_per_minute", 3}});
  int taken = 0;
  for (int i = 0; i < 5; ++i) taken += world.send(source, world.sample(source)).status < 400;
  CHECK(taken == 3);
  CHECK(world.send(source, world.sample(source), "::1").status < 400);
}

TEST_CASE("a CloudEvents sender asks before it sends, unsigned, and nothing is kept") {
  World world;
  const auto source = world.make_source("generic_hmac", {{"secret", "a secret of ours"}});
  providers::Sample ask;
  ask.method = "OPTIONS";
  ask.headers = {{"WebHook-Request-Origin", "events.example.com"}};
  const auto answer = world.send(source, ask);
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("WebHook-Allowed-Origin") == "events.example.com");
  ask.headers.clear();
  CHECK(world.send(source, ask).status == 405);
  CHECK(world.requests().empty());
}

}  // namespace
}  // namespace posthorn::ingest

#include "deliver/decide.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::deliver;
using env::ExchangeResult;
using model::DeliveryState;
using model::Trigger;

namespace {

const Instant now{1'795'000'000'000};

env::Exchange reply(int status, std::vector<env::Header> headers = {}) {
  env::Exchange made;
  made.result = ExchangeResult::ok;
  made.status = status;
  made.headers = std::move(headers);
  return made;
}

env::Exchange failure(ExchangeResult result) {
  env::Exchange made;
  made.result = result;
  return made;
}

Verdict after(const env::Exchange& exchange, int attempts_made, double jitter = 0) {
  return decide(exchange, attempts_made, model::RetryPolicy{}, jitter, now);
}

}  // namespace

TEST_CASE("parse_retry_after: seconds, capped at a day") {
  CHECK(parse_retry_after("0", now) == 0s);
  CHECK(parse_retry_after("1", now) == 1s);
  CHECK(parse_retry_after(" 120 ", now) == 120s);
  CHECK(parse_retry_after("007", now) == 7s);
  CHECK(parse_retry_after("86400", now) == 24h);
  CHECK(parse_retry_after("86401", now) == 24h);
  CHECK(parse_retry_after("99999999999", now) == 24h);
  CHECK(parse_retry_after("9223372036854775807", now) == 24h);
  CHECK(parse_retry_after(std::string(400, '9'), now) == 24h);
}

TEST_CASE("parse_retry_after: nonsense asks for nothing") {
  for (const char* text : {"", " ", "-1", "+5", "1.5", "1e3", "0x10", "5s", "5, 10", "soon",
                           "Sat, 31 Foo 2026 00:00:00 GMT", "1 2", "\t\t"})
    CHECK_MESSAGE(!parse_retry_after(text, now), text);
}

TEST_CASE("parse_retry_after: a date counts from now, a past one asks for nothing") {
  const Instant at = *parse_rfc3339("2026-11-21T06:34:30Z");
  CHECK(parse_retry_after("Sat, 21 Nov 2026 06:35:00 GMT", at) == 30s);
  CHECK(parse_retry_after("Saturday, 21-Nov-26 06:35:00 GMT", at) == 30s);
  CHECK(parse_retry_after("Sat Nov 21 06:35:00 2026", at) == 30s);
  CHECK(parse_retry_after("Sat, 21 Nov 2026 06:34:30 GMT", at) == 0s);
  CHECK_FALSE(parse_retry_after("Sat, 21 Nov 2026 06:34:29 GMT", at));
  CHECK(parse_retry_after("Sun, 22 Nov 2026 06:34:30 GMT", at) == 24h);
  CHECK(parse_retry_after("Sat, 21 Nov 2099 06:34:30 GMT", at) == 24h);
}

TEST_CASE("decide: only 2xx is a success, and it ends the delivery") {
  for (int status = 100; status < 600; ++status) {
    CAPTURE(status);
    const auto verdict = after(reply(status), 1);
    const bool expected = status >= 200 && status <= 299;
    CHECK(verdict.success == expected);
    CHECK((verdict.state == DeliveryState::succeeded) == expected);
    CHECK(verdict.retry_in.has_value() == !expected);
    CHECK(verdict.gone == (status == 410));
  }
}

TEST_CASE("decide: every class of network failure is retried") {
  for (const auto result :
       {ExchangeResult::refused, ExchangeResult::dns_failed, ExchangeResult::connect_failed,
        ExchangeResult::tls_failed, ExchangeResult::timed_out, ExchangeResult::connection_lost,
        ExchangeResult::protocol_error}) {
    auto exchange = failure(result);
    exchange.status = 200;  // Meaningless without a status line.
    const auto verdict = after(exchange, 1);
    CHECK_FALSE(verdict.success);
    CHECK(verdict.state == DeliveryState::pending);
    CHECK(verdict.retry_in == 1s);
    CHECK(verdict.words == "retry 1 of 6 in 1 s");
  }
}

TEST_CASE("decide: waits follow the schedule, then the delivery is exhausted") {
  const std::vector<Millis> expected{1s, 5s, 30s, 5min, 30min, 2h};
  for (std::size_t made = 1; made <= expected.size(); ++made) {
    const auto verdict = after(reply(500), static_cast<int>(made));
    CHECK(verdict.state == DeliveryState::pending);
    CHECK(verdict.retry_in == expected[made - 1]);
  }
  const auto last = after(reply(500), 7);
  CHECK(last.state == DeliveryState::exhausted);
  CHECK_FALSE(last.retry_in);
  CHECK(last.words == "all 7 attempts failed");
  CHECK(after(reply(500), 8).state == DeliveryState::exhausted);
}

TEST_CASE("decide: a policy without steps gives one attempt") {
  model::RetryPolicy once{"custom", {}};
  const auto verdict = decide(reply(503), 1, once, 0, now);
  CHECK(verdict.state == DeliveryState::exhausted);
  CHECK(verdict.words == "failed, no retries are set");
}

TEST_CASE("decide: jitter lengthens by at most a tenth and never shortens") {
  CHECK(after(reply(500), 2, 0.0).retry_in == 5000ms);
  CHECK(after(reply(500), 2, 0.5).retry_in == 5250ms);
  CHECK(after(reply(500), 2, 0.999).retry_in == 5499ms);
  CHECK(after(reply(500), 2, 7.0).retry_in == 5500ms);
  CHECK(after(reply(500), 2, -1.0).retry_in == 5000ms);
}

TEST_CASE("decide: Retry-After lengthens and never shortens") {
  CHECK(after(reply(503, {{"Retry-After", "120"}}), 1).retry_in == 120s);
  CHECK(after(reply(503, {{"retry-after", "120"}}), 1).words ==
        "retry 1 of 6 in 2 min (Retry-After)");
  CHECK(after(reply(429, {{"RETRY-AFTER", "2"}}), 2).retry_in == 5s);
  CHECK(after(reply(429, {{"Retry-After", "0"}}), 1).retry_in == 1s);
  CHECK(after(reply(500, {{"Retry-After", "99999999999"}}), 1).retry_in == 24h);
  CHECK(after(reply(500, {{"Retry-After", "soon"}}), 1).retry_in == 1s);
  CHECK(after(reply(301, {{"Retry-After", "60"}}), 1).retry_in == 60s);
  CHECK(after(reply(503, {{"Retry-After", "10"}, {"Retry-After", "40"}}), 1).retry_in == 40s);
}

TEST_CASE("decide: Retry-After gives no attempt beyond the schedule") {
  CHECK(after(reply(503, {{"Retry-After", "120"}}), 7).state == DeliveryState::exhausted);
}

TEST_CASE("decide: 410 disables the endpoint, and the delivery waits to be recovered") {
  const auto verdict = after(reply(410), 1);
  CHECK(verdict.gone);
  CHECK(verdict.state == DeliveryState::pending);
  CHECK(verdict.words == "410 Gone: endpoint disabled; retry 1 of 6 in 1 s");
  CHECK(after(reply(410), 7).state == DeliveryState::exhausted);
}

namespace {

/// A lane driven by attempts, as the engine does it.
struct Counter {
  model::Lane lane;
  model::Endpoint endpoint;
  LaneEffect attempt(std::int64_t started, std::int64_t ended, bool success = false,
                     Trigger trigger = Trigger::schedule) {
    const auto effect =
        count_attempt(lane, endpoint, trigger, success, Instant{started}, Instant{ended});
    lane = effect.lane;
    return effect;
  }
};

}  // namespace

TEST_CASE("count_attempt: the tenth failure in a row disables, the fifth is told") {
  Counter counter;
  for (int i = 1; i <= 10; ++i) {
    CAPTURE(i);
    const auto effect = counter.attempt(i * 1000, i * 1000 + 100);
    CHECK(effect.changed);
    CHECK(effect.lane.failures == i);
    CHECK(effect.tell_failing == (i == 5));
    CHECK(effect.disable == (i == 10));
  }
}

TEST_CASE("count_attempt: a burst in flight counts once") {
  Counter counter;
  for (int i = 0; i < 32; ++i) counter.attempt(1000 + i, 2000 + i);
  CHECK(counter.lane.failures == 1);
  counter.attempt(2000, 2100);  // Began in the very millisecond in which the first one ended.
  CHECK(counter.lane.failures == 1);
  counter.attempt(2001, 2100);
  CHECK(counter.lane.failures == 2);
}

TEST_CASE("count_attempt: any success resets, and a reset of nothing writes nothing") {
  Counter counter;
  CHECK_FALSE(counter.attempt(1, 2, true).changed);
  for (int i = 1; i <= 9; ++i) counter.attempt(i * 1000, i * 1000 + 100);
  CHECK(counter.lane.failing_told);
  CHECK(counter.attempt(10'000, 10'100, true).changed);
  CHECK(counter.lane.failures == 0);
  CHECK_FALSE(counter.lane.failing_told);
  for (int i = 11; i <= 19; ++i) CHECK_FALSE(counter.attempt(i * 1000, i * 1000 + 100).disable);
  CHECK(counter.attempt(20'000, 20'100).disable);
}

TEST_CASE("count_attempt: a straggler of a burst that a success followed does not count") {
  Counter counter;
  counter.attempt(1000, 2000);
  counter.attempt(1000, 2100, true);
  counter.attempt(1000, 2200);
  CHECK(counter.lane.failures == 0);
}

TEST_CASE("count_attempt: replays count only when they succeed, tests never") {
  Counter counter;
  for (int i = 1; i <= 9; ++i) counter.attempt(i * 1000, i * 1000 + 100);
  CHECK_FALSE(counter.attempt(10'000, 10'100, false, Trigger::replay).changed);
  CHECK_FALSE(counter.attempt(11'000, 11'100, false, Trigger::test).changed);
  CHECK_FALSE(counter.attempt(12'000, 12'100, true, Trigger::test).changed);
  CHECK(counter.lane.failures == 9);
  CHECK(counter.attempt(13'000, 13'100, true, Trigger::replay).changed);
  CHECK(counter.lane.failures == 0);
}

TEST_CASE("count_attempt: a probe counts as any attempt") {
  Counter counter;
  counter.attempt(1000, 1100, false, Trigger::probe);
  CHECK(counter.lane.failures == 1);
}

TEST_CASE("count_attempt: a limit of 0 never disables and never tells") {
  Counter counter;
  counter.endpoint.disable_after = 0;
  for (int i = 1; i <= 100; ++i) {
    const auto effect = counter.attempt(i * 1000, i * 1000 + 100);
    CHECK_FALSE(effect.disable);
    CHECK_FALSE(effect.tell_failing);
  }
  CHECK(counter.lane.failures == 100);
}

TEST_CASE("count_attempt: a limit of 1 disables without telling first") {
  Counter counter;
  counter.endpoint.disable_after = 1;
  const auto effect = counter.attempt(1000, 1100);
  CHECK(effect.disable);
  CHECK_FALSE(effect.tell_failing);
}

TEST_CASE("count_attempt: half of an odd limit is rounded up") {
  Counter counter;
  counter.endpoint.disable_after = 3;
  CHECK_FALSE(counter.attempt(1000, 1100).tell_failing);
  CHECK(counter.attempt(2000, 2100).tell_failing);
  CHECK(counter.attempt(3000, 3100).disable);
}

TEST_CASE("count_attempt: not before the minimum span since the run began") {
  Counter counter;
  counter.endpoint.disable_min_span = 1h;
  for (int i = 1; i <= 20; ++i) CHECK_FALSE(counter.attempt(i * 1000, i * 1000 + 100).disable);
  CHECK_FALSE(counter.attempt(3'600'000, 3'600'999).disable);
  CHECK(counter.attempt(3'600'999 + 1, 3'601'000 + 1).disable);
}

#include "model/endpoint.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace posthorn;
using namespace posthorn::model;

namespace {

constexpr Instant start{1'800'000'000'000};

Endpoint with_secret(const char* text) {
  Endpoint endpoint;
  endpoint.secrets.push_back({Secret(text), start, std::nullopt, std::nullopt});
  return endpoint;
}

std::string current_of(const Endpoint& endpoint, Instant now) {
  const LiveSecrets live = live_secrets(endpoint, now);
  return live.current != nullptr ? std::string(live.current->text.reveal()) : "";
}
std::string previous_of(const Endpoint& endpoint, Instant now) {
  const LiveSecrets live = live_secrets(endpoint, now);
  return live.previous != nullptr ? std::string(live.previous->text.reveal()) : "";
}
std::string others_of(const Endpoint& endpoint, Instant now) {
  std::string out;
  for (const EndpointSecret* secret : live_secrets(endpoint, now).others) {
    if (!out.empty()) out += ' ';
    out += secret->text.reveal();
  }
  return out;
}

}  // namespace

TEST_CASE("retry_profile: the three profiles, and no other") {
  CHECK(retry_profile("standard")->steps == std::vector<Millis>{1s, 5s, 30s, 5min, 30min, 2h});
  CHECK(retry_profile("quick")->steps == std::vector<Millis>{1s, 10s, 60s, 300s});
  const auto patient = retry_profile("patient").value();
  CHECK(patient.profile == "patient");
  CHECK(patient.steps.size() <= retry_steps_max);
  const Millis whole = std::accumulate(patient.steps.begin(), patient.steps.end(), Millis{0});
  CHECK(whole > 66h);
  CHECK(whole < 78h);
  for (const Millis step : patient.steps) CHECK(step <= retry_step_max);
  CHECK_FALSE(retry_profile("custom").has_value());
  CHECK_FALSE(retry_profile("").has_value());
}

TEST_CASE("live_secrets: without secrets nothing signs, with one it is current for ever") {
  CHECK(live_secrets(Endpoint{}, start).current == nullptr);
  const Endpoint endpoint = with_secret("a");
  CHECK(current_of(endpoint, start) == "a");
  CHECK(current_of(endpoint, start + 10'000 * 24h) == "a");
  CHECK(others_of(endpoint, start).empty());
  CHECK(previous_of(endpoint, start).empty());
}

TEST_CASE("rotate_secret: the old one signs as previous until its overlap ends") {
  Endpoint endpoint = with_secret("a");
  REQUIRE(rotate_secret(endpoint, {.secret = Secret("b")}, start).has_value());
  CHECK(current_of(endpoint, start) == "b");
  CHECK(previous_of(endpoint, start) == "a");
  CHECK(previous_of(endpoint, start + 24h - 1ms) == "a");
  CHECK(previous_of(endpoint, start + 24h).empty());
  CHECK(others_of(endpoint, start + 24h).empty());
  CHECK(current_of(endpoint, start + 24h) == "b");
}

TEST_CASE("rotate_secret: with promote_at the new one signs at once and is current from then on") {
  Endpoint endpoint = with_secret("a");
  const Instant promote_at = start + 2h;
  REQUIRE(rotate_secret(endpoint, {.secret = Secret("b"), .promote_at = promote_at, .overlap = 1h},
                        start)
              .has_value());
  CHECK(current_of(endpoint, start) == "a");
  CHECK(others_of(endpoint, start) == "b");
  CHECK(previous_of(endpoint, start).empty());
  CHECK(current_of(endpoint, promote_at - 1ms) == "a");
  CHECK(current_of(endpoint, promote_at) == "b");
  CHECK(previous_of(endpoint, promote_at) == "a");
  CHECK(previous_of(endpoint, promote_at + 1h - 1ms) == "a");
  CHECK(previous_of(endpoint, promote_at + 1h).empty());
}

TEST_CASE("rotate_secret: without overlap the old one is gone at once") {
  Endpoint endpoint = with_secret("a");
  REQUIRE(
      rotate_secret(endpoint, {.secret = Secret("b"), .overlap = Millis{0}}, start).has_value());
  CHECK(endpoint.secrets.size() == 1);
  CHECK(current_of(endpoint, start) == "b");
}

TEST_CASE("rotate_secret: twice within an overlap keeps all, newest first, and prolongs nothing") {
  Endpoint endpoint = with_secret("a");
  REQUIRE(rotate_secret(endpoint, {.secret = Secret("b"), .overlap = 1h}, start).has_value());
  REQUIRE(
      rotate_secret(endpoint, {.secret = Secret("c"), .overlap = 24h}, start + 30min).has_value());
  CHECK(current_of(endpoint, start + 30min) == "c");
  CHECK(others_of(endpoint, start + 30min) == "b a");
  CHECK(previous_of(endpoint, start + 30min) == "b");
  CHECK(others_of(endpoint, start + 1h) == "b");
  CHECK(others_of(endpoint, start + 30min + 24h).empty());
}

TEST_CASE("rotate_secret: an unsigned endpoint becomes a signed one") {
  Endpoint endpoint;
  REQUIRE(rotate_secret(endpoint, {.secret = Secret("a")}, start).has_value());
  CHECK(current_of(endpoint, start) == "a");
}

TEST_CASE("rotate_secret: the sixth live secret is refused and changes nothing") {
  Endpoint endpoint = with_secret("0");
  for (const char* text : {"1", "2", "3", "4"})
    REQUIRE(rotate_secret(endpoint, {.secret = Secret(text)}, start).has_value());
  const auto refused = rotate_secret(endpoint, {.secret = Secret("5")}, start + 1h);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::limit);
  CHECK(current_of(endpoint, start + 1h) == "4");
  CHECK(rotate_secret(endpoint, {.secret = Secret("5")}, start + 24h).has_value());
  CHECK(others_of(endpoint, start + 24h) == "4");
}

TEST_CASE("live_secrets: odd dates never leave a signed endpoint unsigned") {
  Endpoint endpoint;
  endpoint.secrets.push_back({Secret("a"), start, std::nullopt, start + 1h});
  CHECK(current_of(endpoint, start + 2h) == "a");
  endpoint.secrets.push_back({Secret("b"), start, start + 9h, std::nullopt});
  CHECK(current_of(endpoint, start + 2h) == "a");
  endpoint.secrets.erase(endpoint.secrets.begin());
  CHECK(current_of(endpoint, start) == "b");
  CHECK(others_of(endpoint, start).empty());
}

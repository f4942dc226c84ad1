#include "ingest/parsed_requests.h"

#include <doctest/doctest.h>

using namespace posthorn;
using namespace posthorn::ingest;

namespace {

ParsedPtr parsed_of(std::string key) {
  auto parsed = std::make_shared<providers::Parsed>();
  parsed->idempotency_key = std::move(key);
  return parsed;
}

}  // namespace

TEST_CASE("parsed requests: what was put is taken once, for the same body and settings") {
  ParsedRequests memory;
  const auto live = std::make_shared<const LiveSource>();
  const auto body = share(std::string("{}"));
  memory.put(body, live, parsed_of("a"));
  CHECK(memory.take(share(std::string("{}")), live) == nullptr);
  const auto taken = memory.take(body, live);
  REQUIRE(taken != nullptr);
  CHECK(taken->idempotency_key == "a");
  CHECK(memory.take(body, live) == nullptr);
  CHECK(memory.take(nullptr, live) == nullptr);
}

TEST_CASE("parsed requests: with other settings it is parsed again") {
  ParsedRequests memory;
  const auto body = share(std::string("{}"));
  memory.put(body, std::make_shared<const LiveSource>(), parsed_of("a"));
  CHECK(memory.take(body, std::make_shared<const LiveSource>()) == nullptr);
}

TEST_CASE("parsed requests: however many are never taken, the memory is bounded") {
  ParsedRequests memory;
  const auto live = std::make_shared<const LiveSource>();
  std::vector<std::weak_ptr<const std::string>> bodies;
  for (int i = 0; i < 10'000; ++i) {
    auto body = share(std::string(64, 'x'));
    bodies.emplace_back(body);
    memory.put(std::move(body), live, parsed_of("a"));
  }
  CHECK(std::ranges::count_if(bodies, [](const auto& body) { return !body.expired(); }) <=
        static_cast<std::ptrdiff_t>(ParsedRequests::places_count));
  const auto large = share(std::string(ParsedRequests::body_bytes_max + 1, 'x'));
  memory.put(large, live, parsed_of("a"));
  CHECK(memory.take(large, live) == nullptr);
}

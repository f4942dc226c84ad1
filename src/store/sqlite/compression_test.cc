#include "store/sqlite/compression.h"

#include <fmt/format.h>

#include "store/sqlite/database.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;

namespace {

std::string words(std::size_t bytes) {
  std::string made;
  for (int i = 0; made.size() < bytes; ++i) made += fmt::format(R"({{"name":"item {}"}},)", i);
  made.resize(bytes);
  return made;
}

}  // namespace

TEST_CASE("compression: what pays comes back as it was; the rest is left alone") {
  for (const std::size_t bytes : {256UL, 1000UL, 70'000UL, 262'144UL}) {
    const std::string text = words(bytes);
    const std::string block = compress(text);
    REQUIRE_FALSE(block.empty());
    CHECK(block.size() <= bytes - bytes / 8);
    CHECK(decompress(block, bytes) == text);
    CHECK_FALSE(decompress(block, bytes + 1).has_value());
    CHECK_FALSE(decompress(block, bytes - 1).has_value());
    CHECK_FALSE(decompress(block.substr(1), bytes).has_value());
    CHECK(compress(noise(bytes)).empty());
  }
  CHECK(compress(words(255)).empty());
  CHECK(compress(words(262'145)).empty());
  CHECK_FALSE(decompress("", 10).has_value());
  CHECK_FALSE(decompress("x", SIZE_MAX).has_value());
}

TEST_CASE("compression: payloads and bodies of any kind are read as they were written") {
  TestStore store;
  std::vector<std::pair<EventId, std::string>> events;
  std::vector<std::pair<RequestId, std::string>> requests;
  for (const auto& bytes : {std::string("{}"), words(1000), words(200'000), noise(3000)}) {
    auto fresh = new_event("a.b", {});
    fresh.event.data = share(std::string(bytes));
    events.emplace_back(must(store->apply_blocking(batch_of(std::move(fresh)))).events[0].id,
                        bytes);
    const auto made = must(store->apply_blocking(batch_of(new_request("", bytes))));
    requests.emplace_back(made.requests[0].id, bytes);
  }
  store.open();
  for (const auto& [id, bytes] : events) CHECK(*must(store->events({id})).at(0)->data == bytes);
  for (const auto& [id, bytes] : requests) CHECK(*must(store->request(id))->body == bytes);
  CHECK(must(store->check()).empty());
  CHECK(number_in(store.folder(), "SELECT max(length(data)) FROM events") < 100'000);
  CHECK(number_in(store.folder(), "SELECT max(length(body)) FROM requests") < 100'000);
}

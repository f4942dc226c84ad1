// What is told of a commit after a read has brought its rows.

#include "deliver/test_store.h"
#include "deliver/test_world.h"

using namespace posthorn;
using namespace posthorn::deliver;
using namespace posthorn::deliver::testing;

namespace {

/// Tells of commits when it is let.
struct LateStore : ScriptedStore {
  using ScriptedStore::ScriptedStore;
  std::shared_ptr<void> listen(store::CommitListener listener) override {
    tell = std::move(listener);
    return ScriptedStore::listen([this](std::shared_ptr<const store::CommitNotice> notice) {
      if (holds)
        held.push_back(std::move(notice));
      else
        tell(std::move(notice));
    });
  }
  void let_go() {
    holds = false;
    for (auto& notice : std::exchange(held, {})) tell(std::move(notice));
  }
  bool holds = false;
  store::CommitListener tell;
  std::vector<std::shared_ptr<const store::CommitNotice>> held;
};

struct LateWorld : World {
  LateWorld() : World({}) { port = &late; }
  ~LateWorld() { stop(); }
  LateStore late{memory};
};

}  // namespace

TEST_CASE(
    "engine: what a read brought and was sent is not sent again when its commit is told late") {
  LateWorld world;
  const auto endpoint = world.add_endpoint();
  world.start();
  world.publish("ticket.created");
  world.run_for(1s);
  REQUIRE(world.sender.sent.size() == 1);
  world.late.holds = true;
  world.publish("ticket.created");
  world.late.holds = false;
  auto looks_again = std::make_shared<store::CommitNotice>();
  looks_again->others = true;
  looks_again->touched = {endpoint->id};
  world.late.tell(std::move(looks_again));
  world.run_for(1s);
  REQUIRE(world.sender.sent.size() == 2);
  world.late.let_go();
  world.run_for(1s);
  CHECK(world.sender.sent.size() == 2);
  CHECK(world.metrics.delivered.value() == 2);
}

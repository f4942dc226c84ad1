#include "ingest/silence.h"

#include "ingest/test_world.h"

namespace posthorn::ingest {
namespace {

using testing::World;

/// A world in which silences are watched, by one process after another.
class Watch {
 public:
  explicit Watch(World& world) : world_(world) { start(); }
  ~Watch() { stop(); }
  void start() {
    silence_.emplace(
        Silence::Ports{world_.context, world_.clock, world_.store, world_.sources, world_.log});
    silence_->start();
    world_.run();
  }
  void stop() {
    world_.wait([](Silence& one) -> task<bool> {
      co_await one.stop();
      co_return true;
    }(*silence_));
    silence_.reset();
  }
  /// Minute by minute, as the watch looks.
  void pass(int minutes) {
    for (int i = 0; i < minutes; ++i) world_.pass(Millis{60'000});
  }
  std::vector<model::Object> notices() {
    auto found = world_.wait(world_.store.list_objects(
        model::ObjectKind::notification, {}, {.after = 0, .limit = 50, .oldest_first = true}));
    REQUIRE(found.has_value());
    return found->rows;
  }

 private:
  World& world_;
  std::optional<Silence> silence_;
};

Source watched_source(World& world) {
  auto source = world.make_source("stripe", {{"signing_secret", "whsec_testtesttesttest"}});
  source.silent_after = Millis{600'000};
  return world.save(source);
}

TEST_CASE(
    "a source that got nothing for too long is told of once, and again after something came") {
  World world;
  const auto source = watched_source(world);
  REQUIRE(world.send(source, world.sample(source)).status == 200);
  Watch watch(world);
  watch.pass(10);
  CHECK(watch.notices().empty());
  watch.pass(2);
  REQUIRE(watch.notices().size() == 1);
  CHECK(watch.notices()[0].document.find("\"source.silent\"") != std::string::npos);
  CHECK(watch.notices()[0].document.find(source.id.text()) != std::string::npos);
  watch.pass(60);
  CHECK(watch.notices().size() == 1);
  REQUIRE(world.send(source, world.sample(source)).status == 200);
  watch.pass(9);
  CHECK(watch.notices().size() == 1);
  watch.pass(3);
  CHECK(watch.notices().size() == 2);
}

TEST_CASE("a restart repeats no notice and forgets no silence") {
  World world;
  const auto source = watched_source(world);
  REQUIRE(world.send(source, world.sample(source)).status == 200);
  world.pass(Millis{660'000});
  // As after a restart: what came is known to the store alone.
  world.sources.by_id(source.id)->activity->last_received_ms.store(0);
  Watch watch(world);
  CHECK(watch.notices().size() == 1);
  watch.stop();
  watch.start();
  watch.pass(5);
  CHECK(watch.notices().size() == 1);
}

TEST_CASE(
    "refused calls break no silence, and a source that never got anything counts from its making") {
  World world;
  const auto source = watched_source(world);
  Watch watch(world);
  watch.pass(5);
  auto forged = world.sample(source);
  forged.body += " ";
  REQUIRE(world.send(source, forged).status == 401);
  watch.pass(7);
  REQUIRE(watch.notices().size() == 1);
  CHECK(watch.notices()[0].document.find("since it was made") != std::string::npos);
}

TEST_CASE("a source without silent_after is not watched") {
  World world;
  auto source = watched_source(world);
  source.silent_after = Millis{0};
  source = world.save(source);
  Watch watch(world);
  watch.pass(100);
  CHECK(watch.notices().empty());
}

}  // namespace
}  // namespace posthorn::ingest

// What happens when the disk fails, at every write and sync of a script: whatever was answered is
// there afterwards, and nothing is broken.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>

#include "store/sqlite/fault_vfs.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using Fault = FaultVfs::Fault;
using model::DeliveryState;

namespace {

/// Everything that was answered with success.
struct Acknowledged {
  std::vector<EventReceipt> events;
  std::map<std::uint64_t, DeliveryState> settled;
  std::set<std::string> objects;
  std::map<std::uint64_t, model::RequestState> requests;
};

SqliteOptions options_of(TestStore& store, std::atomic<bool>& died) {
  SqliteOptions options = store.options();
  options.vfs = FaultVfs::name;
  options.ballast_bytes = 0;
  options.heal_gap = Millis{1};
  options.checkpoint_bytes = 64 << 10;
  options.log_bytes_max = 128 << 10;
  options.readers = 1;
  options.fatal = [&died](const std::string&) {
    // From here on a real process would be gone.
    FaultVfs::instance().freeze();
    died = true;
  };
  return options;
}

void receive_and_process(SqliteStore& store, Acknowledged& known, int round) {
  const std::string key = fmt::format("key-{}", round);
  auto made = store.apply_blocking(batch_of(new_request(key, noise(3000))));
  if (!made) return;
  const RequestId id = made->requests[0].id;
  known.requests[id.value] = model::RequestState::received;
  if (auto again = store.apply_blocking(batch_of(new_request(key)))) {
    CHECK(again->requests[0].duplicate_of == id);
    known.requests[again->requests[0].id.value] = model::RequestState::duplicate;
  }
  Batch processing = batch_of(new_event("request.processed", {}));
  processing.request_changes.push_back({.request = id, .event_count = 1});
  if (store.apply_blocking(std::move(processing)))
    known.requests[id.value] = model::RequestState::processed;
}

/// A day in the life of a store. Goes on after failures, as its callers do.
void run_script(SqliteStore& store, Acknowledged& known, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const EndpointId endpoint{static_cast<std::uint64_t>(round % 3 + 1)};
    Batch batch;
    for (int i = 0; i < 3; ++i) {
      auto fresh = new_event(fmt::format("type.{}", round % 5), {endpoint});
      fresh.event.client_id = fmt::format("client-{}-{}", round, i);
      fresh.event.data = share(noise(3000));
      batch.events.push_back(std::move(fresh));
    }
    batch.publish_actor = "key:test";
    ObjectWrite write;
    write.object.kind = model::ObjectKind::setting;
    write.object.workspace = {1};
    write.object.name = fmt::format("setting-{}", round);
    batch.objects.push_back(write);
    auto made = store.apply_blocking(std::move(batch));
    if (!made) continue;
    known.objects.insert(write.object.name);
    for (const auto& receipt : made->events) known.events.push_back(receipt);
    const DeliveryId delivery = made->events[0].first_delivery;
    Batch attempts;
    attempts.attempts.push_back(attempt_of(delivery, endpoint, 1, DeliveryState::succeeded));
    if (store.apply_blocking(std::move(attempts)))
      known.settled[delivery.value] = DeliveryState::succeeded;
    receive_and_process(store, known, round);
  }
}

void check_all_there(SqliteStore& store, const Acknowledged& known) {
  for (const auto& receipt : known.events) {
    const auto events = must(store.events({receipt.id}));
    REQUIRE(events.size() == 1);
    REQUIRE(events[0]->data->size() == 3000);
    const auto delivery = must(store.delivery(receipt.first_delivery));
    REQUIRE(delivery.has_value());
    const auto settled = known.settled.find(receipt.first_delivery.value);
    if (settled != known.settled.end()) REQUIRE(delivery->state == settled->second);
  }
  for (const auto& name : known.objects)
    REQUIRE(must(store.object_by_name(model::ObjectKind::setting, {1}, name)).has_value());
  for (const auto& [id, state] : known.requests) {
    const auto request = must(store.request({id}));
    REQUIRE(request.has_value());
    // The last change may have been written though its answer was lost.
    if (state != model::RequestState::received) REQUIRE(request->state == state);
    if (state == model::RequestState::processed) REQUIRE(request->events.size() == 1);
  }
  const auto faults = must(store.check());
  for (const auto& fault : faults) MESSAGE(fault);
  REQUIRE(faults.empty());
}

bool every_operation() { return std::getenv("POSTHORN_EVERY_FAULT") != nullptr; }

/// The operations to fail: all, or a spread of about `count`.
std::vector<std::int64_t> places(std::int64_t operations, int count) {
  std::vector<std::int64_t> found;
  const std::int64_t step = every_operation() ? 1 : std::max<std::int64_t>(1, operations / count);
  for (std::int64_t at = 1; at <= operations; at += step) found.push_back(at);
  return found;
}

constexpr int script_rounds = 12;

std::int64_t operations_of_script() {
  FaultVfs::instance().reset();
  TestStore store;
  store.close();
  std::atomic<bool> died{false};
  auto opened = must(SqliteStore::open(options_of(store, died)));
  const std::int64_t before = FaultVfs::instance().operations();
  Acknowledged known;
  run_script(*opened, known, script_rounds);
  REQUIRE(known.events.size() == 3 * script_rounds);
  return FaultVfs::instance().operations() - before;
}

}  // namespace

TEST_CASE("sqlite: a failed write or sync ends the process, and nothing answered is lost") {
  FaultVfs& vfs = FaultVfs::instance();
  const std::int64_t operations = operations_of_script();
  std::uint64_t seed = 1;
  for (const auto fault : {Fault::write_error, Fault::sync_error})
    for (const bool for_ever : {false, true})
      for (const std::int64_t at : places(operations, 12)) {
        CAPTURE(at);
        CAPTURE(for_ever);
        CAPTURE(seed);
        vfs.reset();
        TestStore store;
        store.close();
        std::atomic<bool> died{false};
        Acknowledged known;
        {
          auto opened = must(SqliteStore::open(options_of(store, died)));
          vfs.fail_at(at, fault, for_ever);
          run_script(*opened, known, script_rounds);
          vfs.freeze();
        }
        vfs.cut_power(seed++);
        vfs.reset();
        store.open();
        check_all_there(*store, known);
      }
}

TEST_CASE("sqlite: a power cut at any moment loses nothing that was answered") {
  FaultVfs& vfs = FaultVfs::instance();
  const int cuts = every_operation() ? 300 : 20;
  for (int cut = 0; cut < cuts; ++cut) {
    CAPTURE(cut);
    vfs.reset();
    TestStore store;
    store.close();
    std::atomic<bool> died{false};
    Acknowledged known;
    {
      auto opened = must(SqliteStore::open(options_of(store, died)));
      run_script(*opened, known, 1 + cut % script_rounds);
      // What runs now is cut in the middle of its writes.
      std::thread cutting([&vfs] { vfs.freeze(); });
      Acknowledged unknown;
      run_script(*opened, unknown, 1);
      cutting.join();
    }
    vfs.cut_power(static_cast<std::uint64_t>(cut) + 1);
    vfs.reset();
    store.open();
    check_all_there(*store, known);
  }
}

TEST_CASE("sqlite: a full disk is answered with unavailable, and heals by itself") {
  FaultVfs& vfs = FaultVfs::instance();
  const std::int64_t operations = operations_of_script();
  for (const bool for_ever : {false, true})
    for (const std::int64_t at : places(operations, 12)) {
      CAPTURE(at);
      CAPTURE(for_ever);
      vfs.reset();
      TestStore store;
      store.close();
      std::atomic<bool> died{false};
      Acknowledged known;
      {
        auto opened = must(SqliteStore::open(options_of(store, died)));
        vfs.fail_at(at, Fault::disk_full, for_ever);
        run_script(*opened, known, script_rounds);
        CHECK_FALSE(died);
        vfs.heal();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        Result<Applied> made = fail(Errc::unavailable, "not tried");
        while (!made && std::chrono::steady_clock::now() < deadline) {
          made = opened->apply_blocking(batch_of(new_event("after", {})));
          if (!made) REQUIRE(made.error().code == Errc::unavailable);
        }
        REQUIRE(made.has_value());
        CHECK(opened->accepting());
        check_all_there(*opened, known);
      }
      store.open();
      check_all_there(*store, known);
    }
}

TEST_CASE("sqlite: after a failed sync nothing is taken any more") {
  FaultVfs& vfs = FaultVfs::instance();
  vfs.reset();
  TestStore store;
  store.close();
  std::atomic<bool> died{false};
  {
    auto opened = must(SqliteStore::open(options_of(store, died)));
    must(opened->apply_blocking(batch_of(new_event("a.b", {}))));
    vfs.fail_at(1, Fault::sync_error, /*for_ever=*/true);
    const auto failed = opened->apply_blocking(batch_of(new_event("a.b", {})));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::io);
    CHECK(died);
    const auto later = opened->apply_blocking(batch_of(new_event("a.b", {})));
    REQUIRE_FALSE(later.has_value());
    CHECK(later.error().code == Errc::io);
  }
  vfs.reset();
}

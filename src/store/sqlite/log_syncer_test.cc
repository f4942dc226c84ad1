// What may be seen of a commit before it is durable: nothing.
#include "store/sqlite/log_syncer.h"

#include <chrono>
#include <future>

#include "store/sqlite/fault_vfs.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using Fault = FaultVfs::Fault;

namespace {

/// Long enough for anything that does not wait for the sync; nothing else can be waited for.
constexpr std::chrono::milliseconds moment{100};

template <class T>
bool is_ready(std::future<T>& future) {
  return future.wait_for(moment) == std::future_status::ready;
}

/// A store on a disk whose syncs can be held and fail.
struct SlowDisk {
  SlowDisk() {
    vfs.reset();
    store.close();
    SqliteOptions options = store.options();
    options.vfs = FaultVfs::name;
    options.ballast_bytes = 0;
    options.readers = 1;
    options.fatal = [this](const std::string& sentence) {
      vfs.freeze();
      why = sentence;
      ++deaths;
    };
    opened = must(SqliteStore::open(std::move(options)));
    // The log is begun, with a sync of its own.
    must(opened->apply_blocking(batch_of(new_event("first", {{7}}))));
  }
  ~SlowDisk() {
    vfs.release_syncs();
    opened.reset();
    vfs.reset();
  }
  std::future<Result<Applied>> publish(std::string type) {
    return std::async(std::launch::async, [this, type = std::move(type)] {
      return opened->apply_blocking(batch_of(new_event(type, {{7}})));
    });
  }
  /// A publish whose commit is held at its sync.
  std::future<Result<Applied>> publish_and_hold() {
    vfs.hold_syncs();
    auto published = publish("a.b");
    REQUIRE(vfs.wait_for_held_sync());
    return published;
  }
  /// Through the store.
  std::future<std::size_t> count_events() {
    return std::async(std::launch::async,
                      [this] { return must(opened->list_events({}, {})).rows.size(); });
  }
  /// What a connection of somebody else sees.
  std::int64_t committed() { return number_in(store.folder(), "SELECT count(*) FROM events"); }

  FaultVfs& vfs = FaultVfs::instance();
  TestStore store;
  std::atomic<int> deaths{0};
  std::string why;  ///< Read after an answer that came behind the death.
  std::unique_ptr<SqliteStore> opened;
};

}  // namespace

TEST_CASE("log syncer: nobody is answered, told or shown what is not durable") {
  SlowDisk disk;
  std::atomic<int> told{0};
  const auto listening =
      disk.opened->listen([&told](const std::shared_ptr<const CommitNotice>&) { ++told; });
  auto published = disk.publish_and_hold();
  REQUIRE(disk.committed() == 2);
  auto read = disk.count_events();
  CHECK_FALSE(is_ready(read));
  CHECK_FALSE(is_ready(published));
  CHECK(told == 0);
  disk.vfs.release_syncs();
  CHECK(published.get().has_value());
  CHECK(read.get() == 2);
  CHECK(told == 1);
}

TEST_CASE("log syncer: the next transaction is written while one is synced") {
  SlowDisk disk;
  auto first = disk.publish_and_hold();
  auto second = disk.publish("a.b");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (disk.committed() < 3 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(disk.committed() == 3);
  CHECK_FALSE(is_ready(second));
  disk.vfs.release_syncs();
  CHECK(first.get().has_value());
  CHECK(second.get().has_value());
}

TEST_CASE("log syncer: after a failed sync everything that waited for it is answered with io") {
  SlowDisk disk;
  auto first = disk.publish_and_hold();
  auto second = disk.publish("a.b");
  auto read = std::async(std::launch::async, [&disk] { return disk.opened->setting("any"); });
  CHECK_FALSE(is_ready(read));
  disk.vfs.fail_at(1, Fault::sync_error, /*for_ever=*/true);
  disk.vfs.release_syncs();
  for (auto* published : {&first, &second}) {
    const auto answer = published->get();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Errc::io);
  }
  const auto found = read.get();
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().code == Errc::io);
  CHECK(disk.deaths == 1);
  CHECK(disk.why.starts_with("the log could not be synced: disk I/O error"));
  const auto later = disk.opened->setting("any");
  REQUIRE_FALSE(later.has_value());
  CHECK(later.error().code == Errc::io);
}

TEST_CASE("log syncer: a transaction that wrote nothing waits for no sync") {
  SlowDisk disk;
  disk.vfs.hold_syncs();
  auto nothing =
      std::async(std::launch::async, [&disk] { return disk.opened->apply_blocking(Batch{}); });
  CHECK(is_ready(nothing));
  disk.vfs.release_syncs();
  CHECK(nothing.get().has_value());
}

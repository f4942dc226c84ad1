#include "store/sqlite/backup.h"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/sqlite/backup_manifest.h"
#include "store/sqlite/database.h"
#include "store/sqlite/files.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;
using model::DeliveryState;

namespace {

BackupOptions options_for(TestStore& store, const TestFolder& target) {
  BackupOptions options;
  options.data_folder = store.folder();
  options.target = target.path() + "/backup";
  options.created_at = store.clock().now();
  options.key_fingerprint = "fp-1";
  return options;
}

NewEvent big_event() {
  auto fresh = new_event("big.one", {{5}});
  fresh.event.data = share(std::string(300'000, 'b'));
  return fresh;
}

}  // namespace

TEST_CASE("backup: made while events are published, it is whole and opens as restored") {
  TestStore store;
  TestFolder target;
  must(store->apply_blocking(batch_of(big_event())));
  must(store->apply_blocking(batch_of(new_request("k", std::string(300'000, 'r')))));
  for (int i = 0; i < 200; ++i) {
    auto fresh = new_event("a.b", {{7}, {8}});
    fresh.event.data = share(std::string(5000, 'x'));
    must(store->apply_blocking(batch_of(std::move(fresh))));
  }
  std::atomic<bool> stop{false};
  std::atomic<int> published{0};
  std::thread publisher([&] {
    while (!stop) {
      if (store->apply_blocking(batch_of(new_event("during.it", {{7}})))) ++published;
    }
  });
  BackupOptions options = options_for(store, target);
  std::int64_t last_done = 0, last_all = -1;
  options.progress = [&](std::int64_t done, std::int64_t all) {
    CHECK(done >= last_done);
    last_done = done;
    last_all = all;
  };
  const auto made = must(back_up(options));
  stop = true;
  publisher.join();
  CHECK(published > 0);
  CHECK(last_done == last_all);
  CHECK(made.files.size() == 3);

  const auto verified = must(verify_backup(options.target));
  CHECK(verified.key_fingerprint == "fp-1");
  CHECK(verified.created_at == options.created_at);

  TestFolder fresh;
  must(restore_backup(options.target, fresh.path() + "/data"));
  SqliteOptions opening = store.options();
  opening.folder = fresh.path() + "/data";
  auto restored = must(SqliteStore::open(opening));
  CHECK(restored->is_restored());
  CHECK(must(restored->check()).empty());
  CHECK(must(restored->events({EventId{1}})).at(0)->data->size() == 300'000);
  CHECK(must(restored->due({8}, {}, {INT64_MAX}, 1000)).size() == 200);
  CHECK(must(restored->request({1}))->body->size() == 300'000);
  CHECK(must(restored->requests_due({5}, {}, {INT64_MAX}, 10)).size() == 1);
  const auto again = must(restored->apply_blocking(batch_of(new_request("k"))));
  CHECK(again.requests[0].duplicate_of == RequestId{1});

  must(restored->resume_restored({0}));
  CHECK_FALSE(restored->is_restored());
  CHECK(must(restored->due({8}, {}, {INT64_MAX}, 1000)).size() == 200);
  restored.reset();
  restored = must(SqliteStore::open(opening));
  CHECK_FALSE(restored->is_restored());
}

TEST_CASE("backup: resuming from a moment cancels what was published before it") {
  TestStore store;
  TestFolder target, fresh;
  for (int i = 0; i < 1500; i += 100) {
    std::vector<EndpointId> targets(100, EndpointId{7});
    must(store->apply_blocking(batch_of(new_event("a.b", std::move(targets)))));
  }
  auto later = new_event("a.b", {{7}});
  later.event.created_at = later.event.created_at + 1min;
  const auto kept = must(store->apply_blocking(batch_of(later))).events[0].first_delivery;
  const BackupOptions options = options_for(store, target);
  must(back_up(options));
  must(restore_backup(options.target, fresh.path()));
  SqliteOptions opening = store.options();
  opening.folder = fresh.path();
  auto restored = must(SqliteStore::open(opening));
  must(restored->resume_restored(later.event.created_at));
  const auto due = must(restored->due({7}, {}, {INT64_MAX}, 10'000));
  REQUIRE(due.size() == 1);
  CHECK(due[0].id == kept);
  CHECK(must(restored->delivery({1}))->state == DeliveryState::cancelled);
  CHECK(must(restored->check()).empty());
}

TEST_CASE("backup: a body that was erased in the meantime is erased from the copy") {
  TestStore store;
  TestFolder target;
  must(store->apply_blocking(batch_of(new_request("k", std::string(300'000, 'r')))));
  for (const auto& entry : std::filesystem::directory_iterator(store->bodies_folder()))
    std::filesystem::remove(entry.path());
  const BackupOptions options = options_for(store, target);
  CHECK(must(back_up(options)).files.size() == 1);
  must(verify_backup(options.target));
}

TEST_CASE("backup: a database of the first schema is backed up too") {
  TestFolder folder, target;
  {
    Connection connection =
        must(Connection::open(folder.path() + "/posthorn.db",
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX));
    must(migrate(connection, migrations().first(1)));
  }
  BackupOptions options;
  options.data_folder = folder.path();
  options.target = target.path() + "/backup";
  CHECK(must(back_up(options)).schema == 1);
  must(verify_backup(options.target));
}

TEST_CASE("backup: nothing is overwritten") {
  TestStore store;
  TestFolder target;
  const BackupOptions options = options_for(store, target);
  must(back_up(options));
  const auto twice = back_up(options);
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().code == Errc::conflict);
  const auto over = restore_backup(options.target, store.folder());
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().code == Errc::conflict);
  BackupOptions nowhere = options;
  nowhere.data_folder = target.path() + "/nothing";
  const auto none = back_up(nowhere);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == Errc::not_found);
}

TEST_CASE("backup: any damaged or missing file is named") {
  TestStore store;
  TestFolder target;
  must(store->apply_blocking(batch_of(big_event())));
  const BackupOptions options = options_for(store, target);
  const auto made = must(back_up(options));
  REQUIRE(made.files.size() == 2);
  for (const auto& file : made.files) {
    CAPTURE(file.name);
    const std::string path = options.target + "/" + file.name;
    const std::string before = must(read_file(path));
    std::string after = before;
    after[after.size() / 2] = static_cast<char>(after[after.size() / 2] ^ 1);
    std::ofstream(path, std::ios::binary) << after;
    auto verified = verify_backup(options.target);
    REQUIRE_FALSE(verified.has_value());
    CHECK(verified.error().code == Errc::corrupt);
    CHECK(verified.error().what.find(file.name) != std::string::npos);
    std::filesystem::remove(path);
    CHECK_FALSE(verify_backup(options.target).has_value());
    TestFolder fresh;
    CHECK_FALSE(restore_backup(options.target, fresh.path()).has_value());
    std::ofstream(path, std::ios::binary) << before;
    CHECK(verify_backup(options.target).has_value());
  }
}

TEST_CASE("backup: a manifest is read back, and a bad one is refused") {
  BackupManifest manifest;
  manifest.schema = 3;
  manifest.created_at = {1'800'000'000'123};
  manifest.key_fingerprint = "fp";
  manifest.files = {{"posthorn.db", std::string(64, 'a')}, {"bodies/x", std::string(64, 'b')}};
  const std::string text = manifest_text(manifest);
  const auto read = must(parse_manifest(text));
  CHECK(read.schema == 3);
  CHECK(read.created_at == manifest.created_at);
  CHECK(read.files.at(1).name == "bodies/x");
  const std::string sum(64, 'c');
  for (const std::string& bad :
       {std::string("# another file\n"), text + "cut", text + sum + "  ../../etc/passwd\n",
        text + sum + "  /etc/passwd\n", text + sum + " x\n", text + "# unknown: 1\n",
        text.substr(0, text.find("bodies") - 66 - 66 - 11), std::string()}) {
    CAPTURE(bad);
    const auto parsed = parse_manifest(bad);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Errc::corrupt);
  }
}

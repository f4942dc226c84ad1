#include <sys/stat.h>

#include <filesystem>

#include "store/sqlite/backup.h"
#include "store/sqlite/files.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;

namespace {

/// The mask of most systems for as long as it lives: everybody may read what is made.
class UsualMask {
 public:
  UsualMask() : before_(::umask(022)) {}
  ~UsualMask() { ::umask(before_); }
  UsualMask(const UsualMask&) = delete;
  UsualMask& operator=(const UsualMask&) = delete;

 private:
  mode_t before_;
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found{};
  REQUIRE_MESSAGE(::stat(path.c_str(), &found) == 0, path.string());
  return found.st_mode & 0777;
}

/// Every file and folder in it and itself: for the owner only.
void check_private(const std::string& folder) {
  CHECK_MESSAGE(mode_of(folder) == 0700, folder);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const mode_t wanted = entry.is_directory() ? 0700 : 0600;
    CHECK_MESSAGE(mode_of(entry.path()) == wanted, entry.path().string());
    files += entry.is_directory() ? 0 : 1;
  }
  CHECK(files > 0);
}

NewEvent event_in_a_file() {
  auto fresh = new_event("big.one", {});
  fresh.event.data = share(std::string(300'000, 'b'));
  return fresh;
}

}  // namespace

TEST_CASE("permissions: a data folder, a backup and what is restored are for their owner only") {
  const UsualMask mask;
  TestStore store;
  TestFolder fresh;
  SqliteOptions options = store.options();
  options.folder = fresh.path() + "/above/data";
  const std::string copy = fresh.path() + "/backup", restored = fresh.path() + "/restored";
  {
    auto made = must(SqliteStore::open(options));
    must(made->apply_blocking(batch_of(event_in_a_file())));
    REQUIRE(file_exists(options.folder + "/posthorn.db-wal"));
    REQUIRE(file_exists(options.folder + "/posthorn.db-shm"));
    check_private(options.folder);
    BackupOptions copying;
    copying.data_folder = options.folder;
    copying.target = copy;
    must(back_up(copying));
    check_private(copy);
  }
  must(restore_backup(copy, restored));
  check_private(restored);
}

TEST_CASE("permissions: the modes of a folder and a database that are there stay") {
  const UsualMask mask;
  TestStore store;
  TestFolder fresh;
  SqliteOptions options = store.options();
  options.folder = fresh.path() + "/data";
  REQUIRE(::mkdir(options.folder.c_str(), 0755) == 0);
  const std::string database = options.folder + "/posthorn.db";
  must(SqliteStore::open(options));
  CHECK(mode_of(options.folder) == 0755);
  CHECK(mode_of(database) == 0600);
  REQUIRE(::chmod(database.c_str(), 0640) == 0);
  must(SqliteStore::open(options));
  CHECK(mode_of(database) == 0640);
}

TEST_CASE("permissions: a folder is made with those above it, also when it is named with a slash") {
  const TestFolder fresh;
  for (const char* name : {"/a/b/c/", "/d//e", "/f/./g", "/a/b/c"}) {
    must(make_folder(fresh.path() + name));
    CHECK(std::filesystem::is_directory(fresh.path() + name));
  }
  must(write_new_file(fresh.path() + "/file", "x"));
  const auto refused = make_folder(fresh.path() + "/file");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::io);
}

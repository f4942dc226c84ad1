#include "store/sqlite/migrations.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <vector>

#include "store/sqlite/database.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/test_store.h"

using namespace posthorn;
using namespace posthorn::store;
using namespace posthorn::store::testing;

namespace {

constexpr int read_write = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

Connection open_in(const TestFolder& folder) {
  return must(Connection::open(folder.path() + "/posthorn.db", read_write));
}

/// Today's migrations and what a later build may bring.
std::vector<Migration> with_later(std::vector<Migration> later) {
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  steps.insert(steps.end(), later.begin(), later.end());
  return steps;
}

}  // namespace

TEST_CASE("migrations: their names are numbered from 1 without gaps") {
  int number = 0;
  for (const auto& step : migrations())
    CHECK(std::stoi(std::string(step.name.substr(0, 4))) == ++number);
  CHECK(number >= 1);
}

TEST_CASE("migrations: every older schema is brought to the newest, step by step") {
  // A database as each earlier build left it, made of that build's migrations alone.
  for (std::size_t made_with = 0; made_with <= migrations().size(); ++made_with) {
    CAPTURE(made_with);
    TestFolder folder;
    Connection connection = open_in(folder);
    must(migrate(connection, migrations().first(made_with)));
    CHECK(schema_version(connection) == static_cast<int>(made_with));
    must(migrate(connection));
    CHECK(schema_version(connection) == static_cast<int>(migrations().size()));
    must(migrate(connection));
    CHECK(connection.text("PRAGMA integrity_check") == "ok");
    CHECK_FALSE(connection.failed());
  }
}

TEST_CASE("migrations: keys in large buckets are moved to those where they are looked for") {
  TestFolder folder;
  Connection connection = open_in(folder);
  must(migrate(connection, migrations().first(2)));
  for (const std::int64_t id : {1, 8'192, 65'535, 200'000}) {
    Statement event(connection, "INSERT INTO event_keys VALUES (?1 >> 16, ?2, ?1, x'00')");
    event.run(id, fmt::format("event {}", id));
    Statement request(connection, "INSERT INTO request_keys VALUES (?1 >> 16, ?2, ?1)");
    request.run(id, fmt::format("request {}", id));
  }
  must(migrate(connection));
  int found = 0;
  for (const auto* table : {"event_keys", "request_keys"}) {
    Statement keys(connection, fmt::format("SELECT * FROM {}", table));
    for (auto rows = keys.query(); rows.next(); ++found) {
      CHECK(rows.number(0) == KeyFilters::bucket_of(static_cast<std::uint64_t>(rows.number(2))));
      CHECK(std::string(rows.bytes(1)).ends_with(fmt::format(" {}", rows.number(2))));
    }
  }
  CHECK(found == 8);
  CHECK_FALSE(connection.failed());
}

TEST_CASE("migrations: a newer schema is refused and left alone") {
  TestFolder folder;
  const auto newer = with_later({{"9999_later.sql", "CREATE TABLE later(x);"}});
  {
    Connection connection = open_in(folder);
    must(migrate(connection, newer));
  }
  SqliteOptions options;
  contract::FixedClock clock;
  env::NullLog log;
  options.folder = folder.path();
  options.clock = &clock;
  options.log = &log;
  const auto refused = SqliteStore::open(options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::unsupported);
  CHECK(refused.error().what.find("use a newer posthorn") != std::string::npos);
  Connection connection = open_in(folder);
  CHECK(schema_version(connection) == static_cast<int>(newer.size()));
}

TEST_CASE("migrations: a changed migration is refused") {
  TestFolder folder;
  Connection connection = open_in(folder);
  must(migrate(connection));
  std::vector<Migration> changed(migrations().begin(), migrations().end());
  const std::string other = std::string(changed[0].sql) + "-- edited";
  changed[0].sql = other;
  const auto refused = migrate(connection, changed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::unsupported);
  CHECK(refused.error().what.find("0001_initial.sql") != std::string::npos);
}

TEST_CASE("migrations: one that fails in the middle leaves nothing behind and can be tried again") {
  TestFolder folder;
  Connection connection = open_in(folder);
  must(migrate(connection));
  const auto broken =
      with_later({{"9999_later.sql", "CREATE TABLE half(x); INSERT INTO nowhere VALUES (1);"}});
  CHECK_FALSE(migrate(connection, broken).has_value());
  CHECK(schema_version(connection) == static_cast<int>(migrations().size()));
  CHECK(connection.number("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0);
  must(migrate(connection, with_later({{"9999_later.sql", "CREATE TABLE half(x);"}})));
  CHECK(schema_version(connection) == static_cast<int>(migrations().size()) + 1);
}

TEST_CASE("migrations: a database is made with the page size and vacuum mode that it needs") {
  TestStore store;
  store.close();
  Connection connection = must(Connection::open(store.folder() + "/posthorn.db", read_write));
  CHECK(connection.number("PRAGMA page_size") == 8192);
  CHECK(connection.number("PRAGMA auto_vacuum") == 2);
  CHECK(connection.text("PRAGMA journal_mode") == "wal");
}

#include "store/sqlite/migrations.h"

#include <embedded/sqlite_migrations.h>
#include <fmt/format.h>

#include <vector>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace posthorn::store {
namespace {

Result<> check_applied(Connection& connection, std::span<const Migration> steps) {
  Statement applied(connection, "SELECT number, name, checksum FROM migrations ORDER BY number");
  std::size_t count = 0;
  for (auto rows = applied.query(); rows.next(); ++count) {
    if (count >= steps.size())
      return fail(Errc::unsupported,
                  fmt::format("the database has schema {} ({}), this build knows up to {}: use a "
                              "newer posthorn",
                              rows.number(0), rows.bytes(1), steps.size()));
    if (rows.bytes(2) != to_hex(crypto::sha256(steps[count].sql)))
      return fail(Errc::unsupported,
                  fmt::format("the database was made with another version of migration {}: this "
                              "build must not write to it",
                              rows.bytes(1)));
  }
  if (connection.failed()) return fail(connection.error());
  return {};
}

Result<> apply_step(Connection& connection, std::size_t number, const Migration& step) {
  connection.run("BEGIN IMMEDIATE");
  if (!connection.failed()) connection.run(std::string(step.sql));
  if (!connection.failed()) {
    Statement note(connection,
                   "INSERT INTO migrations(number, name, checksum) VALUES (?1, ?2, ?3)");
    note.run(number, step.name, to_hex(crypto::sha256(step.sql)));
  }
  if (!connection.failed()) connection.run("COMMIT");
  if (!connection.failed()) return {};
  Error error = connection.error().within(std::string(step.name));
  connection.forget_failure();
  connection.run("ROLLBACK");
  connection.forget_failure();
  return fail(std::move(error));
}

}  // namespace

std::span<const Migration> migrations() {
  static const auto steps = [] {
    std::vector<Migration> found;
    for (const auto& file : embedded::sqlite_migrations) found.push_back({file.name, file.text});
    return found;
  }();
  return steps;
}

int schema_version(Connection& connection) {
  const auto there = connection.number(
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'");
  if (there.value_or(0) == 0) return 0;
  return static_cast<int>(
      connection.number("SELECT coalesce(max(number), 0) FROM migrations").value_or(0));
}

Result<> migrate(Connection& connection, std::span<const Migration> steps) {
  const int before = schema_version(connection);
  if (connection.failed()) return fail(connection.error());
  if (before == 0) {
    connection.run(
        "CREATE TABLE IF NOT EXISTS migrations(number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL)");
    if (connection.failed()) return fail(connection.error());
  } else if (auto checked = check_applied(connection, steps); !checked) {
    return checked;
  }
  for (auto number = static_cast<std::size_t>(before) + 1; number <= steps.size(); ++number)
    if (auto applied = apply_step(connection, number, steps[number - 1]); !applied) return applied;
  return {};
}

}  // namespace posthorn::store

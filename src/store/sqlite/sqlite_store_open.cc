#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <unordered_set>

#include "store/sqlite/files.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_store_state.h"

namespace posthorn::store {
namespace {

constexpr int read_write = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
constexpr int status_database_failed = 70;

Result<Connection> open_connection(const SqliteOptions& options, int cache_kib) {
  PH_TRY(Connection connection,
         Connection::open(options.folder + "/posthorn.db", read_write, options.vfs));
  sqlite3_busy_timeout(connection.handle(), 10'000);
  // The first two only act on an empty file: before the first table and before the log.
  connection.run("PRAGMA page_size = 8192");
  connection.run("PRAGMA auto_vacuum = INCREMENTAL");
  connection.run("PRAGMA journal_mode = WAL");
  connection.run("PRAGMA synchronous = FULL");
  connection.run("PRAGMA temp_store = MEMORY");
  // Freed pages are not written with zeros: retention must not need room for what it deletes.
  // Erasing a person's payload does overwrite (Housekeeper::erase_payload).
  connection.run("PRAGMA secure_delete = FAST");
  connection.run("PRAGMA wal_autocheckpoint = 0");
  connection.run(fmt::format("PRAGMA cache_size = -{}", cache_kib));
  if (connection.failed()) return fail(connection.error().within(options.folder));
  return connection;
}

/// Files that no event and no request names: their batch was never committed.
void remove_orphans(Connection& connection, const BodyFiles& bodies) {
  std::unordered_set<std::string> wanted;
  Statement named(connection, "SELECT file FROM bodies UNION ALL SELECT file FROM request_bodies");
  for (auto rows = named.query(); rows.next();) wanted.insert(rows.text(0));
  if (connection.failed()) return;
  for (const auto& file : bodies.list())
    if (!wanted.contains(file)) bodies.remove(file);
}

Instant stored_moment(Connection& connection) {
  Instant moment;
  Query meta(connection, "get_meta");
  if (auto rows = meta.query("moment"); rows.next()) {
    const auto text = rows.bytes(0);
    std::from_chars(text.data(), text.data() + text.size(), moment.unix_ms);
  }
  return moment;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options) {
  if (auto made = make_folder(options.folder + "/bodies"); !made)
    return fail(std::move(made).error());
  PH_TRY(FolderLock lock, FolderLock::take(options.folder));
  PH_TRY(Connection connection, open_connection(options, options.writer_cache_kib));
  if (auto migrated = migrate(connection); !migrated) return fail(std::move(migrated).error());
  if (!options.fatal)
    options.fatal = [log = options.log](const std::string& why) {
      log->error("store_failed", {{"detail", why}});
      std::fprintf(stderr, "posthorn: the database failed: %s\n", why.c_str());
      std::_Exit(status_database_failed);
    };
  const Instant moment = stored_moment(connection);
  auto state =
      std::make_unique<State>(std::move(options), std::move(lock), std::move(connection), moment);
  if (auto loaded = state->applier.load(); !loaded) return fail(std::move(loaded).error());
  remove_orphans(state->connection, state->bodies);
  state->housekeeper = std::make_unique<Housekeeper>(state->applier);
  if (auto started = state->start(); !started) return fail(std::move(started).error());
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(state)));
  store->state_->complete_key_filters();
  return store;
}

Result<> SqliteStore::State::start() {
  PH_TRY(Connection checkpoint_connection, open_connection(options, 1024));
  checkpointer = std::make_unique<Checkpointer>(
      std::move(checkpoint_connection),
      Checkpointer::Limits{.pass_bytes = options.checkpoint_bytes,
                           .pause_bytes = options.log_bytes_max,
                           .idle_bytes = options.checkpoint_bytes / 2},
      [this](const Error& error, bool disk_full) {
        if (disk_full && !gate.accepting()) return;  // That was told of, and the pass is repeated.
        if (disk_full)
          options.log->warning("store_checkpoint_waits", {{"detail", error.what}});
        else
          options.fatal(error.what);
      });
  std::vector<std::unique_ptr<Reader>> made;
  for (int i = 0; i < std::max(options.readers, 1); ++i) {
    PH_TRY(Connection reading, open_connection(options, options.reader_cache_kib));
    reading.run("PRAGMA query_only = ON");
    made.push_back(std::make_unique<Reader>(std::move(reading), bodies));
    if (made.back()->connection().failed()) return fail(made.back()->connection().error());
  }
  PH_TRY(Connection syncing, open_connection(options, 64));
  syncer = std::make_unique<LogSyncer>(std::move(syncing), listeners,
                                       [this](const Error& error) { options.fatal(error.what); });
  if (!syncer->is_open()) return fail(Errc::io, "the database's log cannot be opened");
  // Its commits are made durable by the syncer.
  connection.run("PRAGMA synchronous = NORMAL");
  if (connection.failed()) return fail(connection.error());
  if (Query meta(connection, "get_meta"); true) {
    auto rows = meta.query("restored");
    restored.store(rows.next());
  }
  writer = std::make_unique<Writer>(Writer::Ports{.connection = connection,
                                                  .applier = applier,
                                                  .clock = *options.clock,
                                                  .timeline = timeline,
                                                  .log = *options.log,
                                                  .listeners = listeners,
                                                  .syncer = *syncer,
                                                  .checkpointer = *checkpointer,
                                                  .gate = gate,
                                                  .fatal = options.fatal});
  readers = std::make_unique<Readers>(std::move(made), *syncer);
  return {};
}

void SqliteStore::State::complete_key_filters() {
  const auto complete = [this](auto read, auto filters) {
    for (const std::int64_t bucket : (applier.*filters)().unread())
      readers->enqueue(std::make_unique<LooseJob<Reader>>([=, this](Reader& reader) {
        std::string hashes;
        if (!(reader.*read)(bucket, hashes)) return;
        writer->enqueue(
            std::make_unique<LooseJob<Applier>>([=, found = std::move(hashes)](Applier& target) {
              (target.*filters)().merge(bucket, found);
            }));
      }));
  };
  complete(&Reader::read_keys, &Applier::key_filters);
  complete(&Reader::read_request_keys, &Applier::request_filters);
}

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqliteStore::~SqliteStore() = default;

}  // namespace posthorn::store

#include "store/sqlite/backup.h"

#include <fmt/format.h>

#include <memory>

#include "store/sqlite/backup_manifest.h"
#include "store/sqlite/database.h"
#include "store/sqlite/files.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/reader.h"

namespace posthorn::store {
namespace {

constexpr int pages_per_step = 512;
constexpr int existing = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

Result<> copy_pages(Connection& source, Connection& target, const BackupOptions& options) {
  const std::int64_t page_bytes = source.number("PRAGMA page_size").value_or(0);
  const std::unique_ptr<sqlite3_backup, FinishBackup> backup(
      sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
  if (!backup) {
    target.note_failure(SQLITE_ERROR);
    return fail(target.error());
  }
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup.get(), pages_per_step);
    const std::int64_t all = sqlite3_backup_pagecount(backup.get());
    if (options.progress)
      options.progress((all - sqlite3_backup_remaining(backup.get())) * page_bytes,
                       all * page_bytes);
  }
  if (code == SQLITE_DONE) return {};
  target.note_failure(code);
  return fail(target.error());
}

/// Copies the payloads that the copied database names. One that retention or an erasure took in
/// the meantime is erased from the copy too.
Result<std::vector<std::string>> copy_bodies(Connection& target, const BackupOptions& options) {
  struct Named {
    std::int64_t owner = 0;
    std::string file;
    bool of_request = false;
  };
  std::vector<Named> named;
  // Schema 1 had no requests.
  const bool has_requests =
      target.number("SELECT count(*) FROM sqlite_schema WHERE name = 'request_bodies'") == 1;
  Statement all(target, has_requests ? "SELECT event, file, 0 FROM bodies UNION ALL "
                                       "SELECT request, file, 1 FROM request_bodies ORDER BY 3, 1"
                                     : "SELECT event, file, 0 FROM bodies ORDER BY event");
  for (auto rows = all.query(); rows.next();)
    named.push_back({rows.number(0), rows.text(1), rows.number(2) != 0});
  std::vector<std::string> copied;
  for (const auto& [owner, file, of_request] : named) {
    const std::string name = "bodies/" + file;
    auto done = copy_file(options.data_folder + "/" + name, options.target + "/" + name);
    if (done)
      copied.push_back(name);
    else if (done.error().code == Errc::not_found)
      Statement(target, of_request ? "DELETE FROM request_bodies WHERE request = ?1"
                                   : "DELETE FROM bodies WHERE event = ?1")
          .run(owner);
    else
      return fail(std::move(done).error());
  }
  if (target.failed()) return fail(target.error());
  return copied;
}

/// Copies everything; the names of the files.
Result<std::vector<std::string>> copy_moment(const BackupOptions& options, int& schema) {
  PH_TRY(Connection source, Connection::open(options.data_folder + "/posthorn.db", existing));
  sqlite3_busy_timeout(source.handle(), 10'000);
  // While this transaction is open every step reads the same moment, and no writer restarts it.
  source.run("BEGIN");
  schema = schema_version(source);
  PH_TRY(Connection target,
         Connection::open(options.target + "/posthorn.db", existing | SQLITE_OPEN_CREATE));
  if (auto copied = copy_pages(source, target, options); !copied)
    return fail(std::move(copied).error());
  source.run("COMMIT");
  if (source.failed()) return fail(source.error());
  PH_TRY(auto files, copy_bodies(target, options));
  target.run("PRAGMA journal_mode = DELETE");  // One file, without a log beside it.
  if (target.failed()) return fail(target.error());
  files.insert(files.begin(), "posthorn.db");
  return files;
}

/// The faults of a database that nobody else has open and that must not be written.
Result<std::vector<std::string>> database_faults(const std::string& folder, int schema) {
  const std::string uri = "file:" + folder + "/posthorn.db?immutable=1";
  PH_TRY(Connection connection,
         Connection::open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX));
  const int found = schema_version(connection);
  if (connection.failed()) return fail(connection.error());
  std::vector<std::string> faults;
  if (found != schema)
    faults.push_back(fmt::format("posthorn.db has schema {}, the manifest says {}", found, schema));
  if (found > static_cast<int>(migrations().size()))
    return fail(Errc::unsupported,
                fmt::format("the backup has schema {}, this build knows up to {}", found,
                            migrations().size()));
  if (found < static_cast<int>(migrations().size())) {
    // An older schema cannot be asked today's questions; its pages can be checked.
    const auto pages = connection.text("PRAGMA integrity_check(1)");
    if (pages != "ok") faults.push_back(pages.value_or("posthorn.db cannot be read"));
    return faults;
  }
  const BodyFiles bodies(folder + "/bodies");
  Reader reader(std::move(connection), bodies);
  reader.begin();
  auto checked = reader.check();
  reader.end();
  if (!checked) return fail(std::move(checked).error());
  faults.insert(faults.end(), checked->begin(), checked->end());
  return faults;
}

}  // namespace

Result<BackupManifest> back_up(const BackupOptions& options) {
  if (!file_exists(options.data_folder + "/posthorn.db"))
    return fail(Errc::not_found, options.data_folder + " holds no database");
  if (auto made = make_folder(options.target); !made) return fail(std::move(made).error());
  if (!names_in(options.target).empty())
    return fail(Errc::conflict, options.target + " is not empty");
  if (auto made = make_folder(options.target + "/bodies"); !made)
    return fail(std::move(made).error());

  BackupManifest manifest;
  manifest.created_at = options.created_at;
  manifest.key_fingerprint = options.key_fingerprint;
  PH_TRY(const auto files, copy_moment(options, manifest.schema));
  for (const auto& name : files) {
    PH_TRY(std::string digest, digest_file(options.target + "/" + name));
    manifest.files.push_back({name, std::move(digest)});
  }
  for (const auto& synced :
       {sync_file(options.target + "/posthorn.db"), sync_folder(options.target + "/bodies"),
        write_new_file(options.target + "/MANIFEST", manifest_text(manifest)),
        sync_folder(options.target)})
    if (!synced) return fail(Error(synced.error()));
  return manifest;
}

Result<BackupManifest> verify_backup(const std::string& folder) {
  PH_TRY(const std::string text, read_file(folder + "/MANIFEST"));
  PH_TRY(BackupManifest manifest, parse_manifest(text));
  std::vector<std::string> faults;
  for (const auto& file : manifest.files) {
    const auto digest = digest_file(folder + "/" + file.name);
    if (!digest)
      faults.push_back(digest.error().what);
    else if (*digest != file.sha256)
      faults.push_back(file.name + " is not what was backed up");
  }
  if (faults.empty()) {
    auto found = database_faults(folder, manifest.schema);
    if (!found) return fail(std::move(found).error());
    faults = *std::move(found);
  }
  if (!faults.empty())
    return fail(Errc::corrupt, fmt::format("{}: {}", folder, fmt::join(faults, "\n")));
  return manifest;
}

Result<BackupManifest> restore_backup(const std::string& folder, const std::string& data_folder) {
  PH_TRY(BackupManifest manifest, verify_backup(folder));
  if (auto made = make_folder(data_folder + "/bodies"); !made) return fail(std::move(made).error());
  if (file_exists(data_folder + "/posthorn.db"))
    return fail(Errc::conflict, data_folder + " holds a database already");
  // The database comes last: a restore that was cut short leaves nothing that opens.
  for (auto file = manifest.files.rbegin(); file != manifest.files.rend(); ++file) {
    const bool database = file->name == "posthorn.db";
    const std::string target = data_folder + "/" + file->name + (database ? ".restoring" : "");
    if (auto copied = copy_file(folder + "/" + file->name, target); !copied)
      return fail(std::move(copied).error());
  }
  const std::string arriving = data_folder + "/posthorn.db.restoring";
  {
    PH_TRY(Connection connection, Connection::open(arriving, existing));
    Statement mark(connection, "REPLACE INTO meta(name, value) VALUES ('restored', ?1)");
    mark.run(manifest.created_at);
    if (connection.failed()) return fail(connection.error());
  }
  if (auto synced = sync_folder(data_folder + "/bodies"); !synced)
    return fail(std::move(synced).error());
  if (auto moved = move_file(arriving, data_folder + "/posthorn.db"); !moved)
    return fail(std::move(moved).error());
  if (auto synced = sync_folder(data_folder); !synced) return fail(std::move(synced).error());
  return manifest;
}

}  // namespace posthorn::store

#include "store/sqlite/database.h"

#include <embedded/sqlite_queries.h>
#include <fcntl.h>
#include <unistd.h>

#include <unordered_map>

#include "base/assert.h"

namespace posthorn::store {

bool means_full(int code) {
  // A shared-memory file that cannot grow is a full disk too; SQLite has no own word for it.
  return (code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE;
}

namespace {

/// SQLite would make it readable for everybody; its log and shared memory get the mode of this
/// file. What fails here fails in SQLite too, which says why.
void make_private_database(const std::string& path) {
  // O_EXCL: closing a descriptor of a file that is open already would drop SQLite's locks on it.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
}

}  // namespace

Connection::~Connection() { sqlite3_close_v2(handle_); }

Result<Connection> Connection::open(const std::string& path, int flags, const std::string& vfs) {
  // Counting every allocation takes a lock that all connections share; nobody reads the counts.
  [[maybe_unused]] static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  if ((flags & SQLITE_OPEN_CREATE) != 0) make_private_database(path);
  Connection opened;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened.handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (opened.handle_ != nullptr) sqlite3_extended_result_codes(opened.handle_, 1);
  if (code != SQLITE_OK) {
    opened.note_failure(code);
    return fail(opened.error().within("open " + path));
  }
  return opened;
}

void Connection::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) note_failure(code);
}

std::optional<std::int64_t> Connection::number(const std::string& sql) {
  Statement statement(*this, sql);
  auto rows = statement.query();
  if (!rows.next()) return std::nullopt;
  return rows.number(0);
}

std::optional<std::string> Connection::text(const std::string& sql) {
  Statement statement(*this, sql);
  auto rows = statement.query();
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

Error Connection::error() const {
  const int primary = failure_ & 0xff;
  Errc code = Errc::io;
  if (means_full(failure_)) code = Errc::unavailable;
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) code = Errc::corrupt;
  return {code, "database: " + failure_text_};
}

void Connection::forget_failure() {
  failure_ = 0;
  failure_text_.clear();
}

void Connection::note_failure(int code) {
  if (failure_ != 0) return;
  failure_ = handle_ != nullptr ? sqlite3_extended_errcode(handle_) : code;
  if (failure_ == SQLITE_OK) failure_ = code;
  failure_text_ = std::string(handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code)) +
                  " (" + std::to_string(failure_) + ")";
}

Rows::~Rows() {
  if (statement_ != nullptr) sqlite3_reset(statement_->handle_);
}
bool Rows::next() { return statement_->step(); }
std::int64_t Rows::number(int column) const {
  return sqlite3_column_int64(statement_->handle_, column);
}
bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_->handle_, column) == SQLITE_NULL;
}
std::string_view Rows::bytes(int column) const {
  const auto* start = static_cast<const char*>(sqlite3_column_blob(statement_->handle_, column));
  const int size = sqlite3_column_bytes(statement_->handle_, column);
  return start == nullptr ? std::string_view{}
                          : std::string_view(start, static_cast<std::size_t>(size));
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  const int code = sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  if (code != SQLITE_OK) connection.note_failure(code);
}

bool Statement::finish() {
  while (step()) {
  }
  return !connection_.failed();
}

bool Statement::step() {
  // After a failure nothing more is done on the connection until its owner has dealt with it.
  if (connection_.failed() || handle_ == nullptr) {
    if (handle_ != nullptr) sqlite3_reset(handle_);
    return false;
  }
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.note_failure(code);
  sqlite3_reset(handle_);
  return false;
}

std::string_view query_text(std::string_view name) {
  static const auto texts = [] {
    std::unordered_map<std::string_view, std::string_view> found;
    constexpr std::string_view marker = "-- name: ";
    for (const auto& file : embedded::sqlite_queries) {
      std::size_t at = file.text.find(marker);
      while (at != std::string_view::npos) {
        const std::size_t name_at = at + marker.size();
        const std::size_t line_end = file.text.find('\n', name_at);
        at = file.text.find(marker, name_at);
        const bool fresh = found
                               .emplace(file.text.substr(name_at, line_end - name_at),
                                        file.text.substr(line_end, at - line_end))
                               .second;
        PH_ASSERT(fresh);
      }
    }
    return found;
  }();
  const auto place = texts.find(name);
  PH_ASSERT(place != texts.end());
  return place->second;
}

}  // namespace posthorn::store

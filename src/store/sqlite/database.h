#pragma once
// SQLite behind three small classes. A connection remembers its first failure instead of making
// every call answer with one: a statement that fails reads as "no row", and whoever drives the
// connection asks failed() before it believes what was read or commits what was written.
//
// None of these is thread-safe: one connection, one thread at a time.

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"

namespace posthorn::store {

class Statement;

/// A byte string bound as BLOB; the bytes must live until the statement has run.
struct Blob {
  std::string_view bytes;
};

/// One open database file.
class Connection {
 public:
  Connection() = default;
  Connection(Connection&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), failure_(other.failure_) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  /// `flags` are sqlite3_open_v2's; `vfs` names a registered VFS, empty: the default one.
  /// Errors: io, with SQLite's words.
  static Result<Connection> open(const std::string& path, int flags, const std::string& vfs = {});

  /// Runs one or more statements that give no rows that matter.
  void run(const std::string& sql);
  /// The first column of the first row, or nullopt.
  std::optional<std::int64_t> number(const std::string& sql);
  std::optional<std::string> text(const std::string& sql);

  [[nodiscard]] bool failed() const { return failure_ != 0; }
  /// The extended result code of the first failure; 0: none.
  [[nodiscard]] int failure() const { return failure_; }
  [[nodiscard]] const std::string& failure_text() const { return failure_text_; }
  /// The failure as an Error: unavailable for a full disk, corrupt for damage, else io.
  [[nodiscard]] Error error() const;
  void forget_failure();
  void note_failure(int code);

  [[nodiscard]] sqlite3* handle() const { return handle_; }
  /// Rows changed by the last INSERT, UPDATE or DELETE.
  [[nodiscard]] int changes() const { return sqlite3_changes(handle_); }

 private:
  sqlite3* handle_ = nullptr;
  int failure_ = 0;
  std::string failure_text_;
};

/// True for the codes by which SQLite says that the disk is full.
bool means_full(int code);

/// The rows of a running statement; it is reset when this goes.
class Rows {
 public:
  explicit Rows(Statement* statement) : statement_(statement) {}
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  /// Steps to the next row. False at the end and after a failure.
  bool next();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::uint64_t id(int column) const {
    return static_cast<std::uint64_t>(number(column));
  }
  [[nodiscard]] int small(int column) const { return static_cast<int>(number(column)); }
  [[nodiscard]] Instant instant(int column) const { return {number(column)}; }
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view bytes(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

 private:
  Statement* statement_;
};

/// A prepared statement.
class Statement {
 public:
  /// Prepares `sql`; a mistake in it is the connection's failure.
  Statement(Connection& connection, std::string_view sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  /// Binds the parameters in order and runs to the end. False after a failure.
  template <class... T>
  bool run(const T&... parameters) {
    bind_all(parameters...);
    return finish();
  }
  /// Binds the parameters in order; the rows are read through the result. Texts are not copied:
  /// they must outlive it.
  template <class... T>
  [[nodiscard]] Rows query(const T&... parameters) {
    bind_all(parameters...);
    return Rows(this);
  }

 private:
  friend class Rows;

  template <class... T>
  void bind_all(const T&... parameters) {
    int index = 0;
    (bind(++index, parameters), ...);
  }
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void bind(int index, T value) {
    sqlite3_bind_int64(handle_, index, static_cast<sqlite3_int64>(value));
  }
  void bind(int index, Instant value) { sqlite3_bind_int64(handle_, index, value.unix_ms); }
  template <class Tag>
  void bind(int index, Id<Tag> value) {
    sqlite3_bind_int64(handle_, index, static_cast<sqlite3_int64>(value.value));
  }
  void bind(int index, std::string_view value) {
    sqlite3_bind_text(handle_, index, value.data() ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void bind(int index, Blob value) {
    sqlite3_bind_blob64(handle_, index, value.bytes.data() ? value.bytes.data() : "",
                        value.bytes.size(), SQLITE_STATIC);
  }
  void bind(int index, std::nullopt_t) { sqlite3_bind_null(handle_, index); }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value)
      bind(index, *value);
    else
      bind(index, std::nullopt);
  }

  bool finish();
  bool step();

  Connection& connection_;
  sqlite3_stmt* handle_ = nullptr;
};

/// The text of the query called `name` in queries/*.sql; a name that is not there is a bug.
std::string_view query_text(std::string_view name);

/// A statement made of the query of that name.
class Query : public Statement {
 public:
  Query(Connection& connection, std::string_view name) : Statement(connection, query_text(name)) {}
};

}  // namespace posthorn::store

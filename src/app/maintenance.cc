#include "app/maintenance.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>

#include "env/log.h"
#include "net/system.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sqlite_store.h"

namespace posthorn::app {

namespace {

/// The faults that an error of kind corrupt lists one a line; other errors go on as they are.
Result<std::vector<std::string>> faults_of(Error error) {
  if (error.code != Errc::corrupt) return fail(std::move(error));
  std::vector<std::string> faults;
  std::string_view rest = error.what;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    faults.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return faults;
}

}  // namespace

Result<std::vector<std::string>> check_store(const std::string& data) {
  // Opening makes a database where there is none: that is not what a check is for.
  if (!std::filesystem::exists(data + "/posthorn.db"))
    return fail(Errc::not_found, fmt::format("there is no posthorn.db in {}", data));
  // Outlives the store, whose threads may still be in the post that has ended run().
  asio::io_context context(1);
  net::SystemClock clock;
  env::NullLog log;
  store::SqliteOptions options;
  options.folder = data;
  options.clock = &clock;
  options.log = &log;
  options.ballast_bytes = 0;
  auto opened = store::SqliteStore::open(std::move(options));
  if (!opened) return faults_of(std::move(opened).error());
  auto checking = asio::co_spawn(context, (*opened)->check(), asio::use_future);
  context.run();
  return checking.get();
}

Result<std::vector<std::string>> back_up(const std::string& data, const std::string& to,
                                         ProgressCall progress) {
  net::SystemClock clock;
  store::BackupOptions options;
  options.data_folder = data;
  options.target = to;
  options.created_at = clock.now();
  options.progress = [&progress](std::int64_t at, std::int64_t all) {
    progress(static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(all));
  };
  auto made = store::back_up(options);
  if (!made) return fail(std::move(made).error());
  return std::vector<std::string>();
}

Result<std::vector<std::string>> verify_backup(const std::string& from) {
  auto verified = store::verify_backup(from);
  if (!verified) return faults_of(std::move(verified).error());
  return std::vector<std::string>();
}

Result<std::vector<std::string>> restore(const std::string& from, const std::string& data) {
  auto restored = store::restore_backup(from, data);
  if (!restored) return faults_of(std::move(restored).error());
  return std::vector<std::string>();
}

}  // namespace posthorn::app

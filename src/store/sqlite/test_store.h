#pragma once
// A store in a folder of its own, and a way to call it from a test's thread.

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "base/assert.h"
#include "env/log.h"
#include "store/contract/harness.h"
#include "store/sqlite/database.h"
#include "store/sqlite/sqlite_store.h"

namespace posthorn::store::testing {

using contract::must;
using contract::wait_for;

/// Gone with everything in it at the end.
class TestFolder {
 public:
  TestFolder() {
    // Memory where there is some: what a sync costs is not what is tested.
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    std::string pattern =
        (usable ? memory : std::filesystem::temp_directory_path()) / "posthorn-test-XXXXXX";
    PH_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline NewEvent new_event(std::string type, std::vector<EndpointId> targets,
                          Instant due = {1'800'000'000'000}) {
  NewEvent fresh;
  fresh.event.workspace = {1};
  fresh.event.application = {2};
  fresh.event.type = std::move(type);
  fresh.event.actor = "key:test";
  fresh.event.created_at = {1'800'000'000'000};
  fresh.event.due_at = due;
  fresh.event.data = share(R"({"a":1})");
  fresh.targets = std::move(targets);
  return fresh;
}

inline std::vector<EndpointId> endpoints_of(std::uint64_t count) {
  return contract::endpoints(1, count);
}

inline Batch batch_of(NewEvent fresh) {
  Batch batch;
  batch.events.push_back(std::move(fresh));
  return batch;
}

/// Bytes that cannot be compressed; the same each time.
inline std::string noise(std::size_t bytes) {
  std::mt19937_64 random(7);
  std::string made(bytes, '\0');
  for (char& one : made) one = static_cast<char>(random());
  return made;
}

/// A request of source 5 with the key (none: empty).
inline NewRequest new_request(std::string key, std::string body = "{}") {
  NewRequest fresh;
  fresh.request.source = {5};
  fresh.request.workspace = {1};
  fresh.request.received_at = {1'800'000'000'000};
  fresh.request.due_at = {1'800'000'000'000};
  fresh.request.method = "POST";
  fresh.request.url = "https://hooks.example/in/abc";
  fresh.request.headers = {{"Content-Type", "application/json"}};
  fresh.request.body_sha256 = std::string(32, 'd');
  fresh.request.body_bytes = static_cast<std::int64_t>(body.size());
  fresh.request.body = share(std::move(body));
  if (!key.empty()) fresh.keys.push_back({.text = std::move(key)});
  return fresh;
}

inline Batch batch_of(NewRequest fresh) {
  Batch batch;
  batch.requests.push_back(std::move(fresh));
  return batch;
}

inline AttemptRecord attempt_of(DeliveryId delivery, EndpointId endpoint, int number,
                                model::DeliveryState state, Instant due = {}) {
  AttemptRecord record;
  record.attempt.delivery = delivery;
  record.attempt.endpoint = endpoint;
  record.attempt.number = number;
  record.attempt.status = state == model::DeliveryState::succeeded ? 200 : 500;
  record.attempt.success = state == model::DeliveryState::succeeded;
  record.attempt.started_at = {1'800'000'000'000};
  record.state = state;
  record.due_at = due;
  return record;
}

/// What a connection of somebody else reads from the store in `folder`; -1: nothing.
inline std::int64_t number_in(const std::string& folder, const std::string& sql) {
  auto other =
      must(Connection::open(folder + "/posthorn.db", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
  return other.number(sql).value_or(-1);
}

/// A store that can be closed and opened again.
class TestStore {
 public:
  TestStore() { open(); }

  void open() {
    store_.reset();
    store_ = must(SqliteStore::open(options()));
  }
  void close() { store_.reset(); }
  [[nodiscard]] SqliteOptions options() {
    SqliteOptions options;
    options.folder = folder_.path();
    options.clock = &clock_;
    options.log = &log_;
    options.ballast_bytes = 1 << 20;
    options.writer_cache_kib = 2048;
    options.reader_cache_kib = 1024;
    return options;
  }
  SqliteStore& operator*() { return *store_; }
  SqliteStore* operator->() { return store_.get(); }
  contract::FixedClock& clock() { return clock_; }
  env::Log& log() { return log_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }

 private:
  TestFolder folder_;
  contract::FixedClock clock_;
  env::NullLog log_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace posthorn::store::testing

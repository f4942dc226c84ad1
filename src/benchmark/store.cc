#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <stdexcept>

#include "benchmark/measure.h"
#include "env/log.h"
#include "net/system.h"

namespace posthorn::benchmark {

namespace {

constexpr int messages_per_commit = 100;

using steady = std::chrono::steady_clock;
double since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// The bare schema: what any webhook store must write, with nothing around it.
class BareStore {
 public:
  explicit BareStore(const std::string& folder) {
    if (sqlite3_open((folder + "/bare.db").c_str(), &database_) != SQLITE_OK)
      throw std::runtime_error("cannot open the bare store");
    execute("PRAGMA page_size=8192");
    execute("PRAGMA journal_mode=WAL");
    execute("PRAGMA synchronous=FULL");
    execute("PRAGMA cache_size=-65536");
    execute("PRAGMA wal_autocheckpoint=20000");
    execute("CREATE TABLE events(id INTEGER PRIMARY KEY, type TEXT, created INTEGER, data BLOB)");
    execute(
        "CREATE TABLE deliveries(id INTEGER PRIMARY KEY, event INTEGER, endpoint INTEGER, state "
        "INTEGER, attempts INTEGER, due INTEGER, created INTEGER)");
    execute("CREATE INDEX due ON deliveries(due, endpoint, attempts) WHERE state = 0");
    execute("CREATE INDEX by_endpoint ON deliveries(endpoint, created)");
    execute(
        "CREATE TABLE attempts(id INTEGER PRIMARY KEY, delivery INTEGER, number INTEGER, started "
        "INTEGER, status INTEGER, took INTEGER, body BLOB)");
    execute("CREATE INDEX of_delivery ON attempts(delivery)");
    prepare(event_, "INSERT INTO events VALUES(?1, 'bench.event', ?2, ?3)");
    prepare(delivery_, "INSERT INTO deliveries VALUES(?1, ?1, ?3, 0, 0, ?2, ?2)");
    prepare(attempt_, "INSERT INTO attempts VALUES(?1, ?1, 1, ?2, 204, 3, x'')");
    prepare(settle_, "UPDATE deliveries SET state = 1, attempts = 1 WHERE id = ?1");
  }
  BareStore(const BareStore&) = delete;
  BareStore& operator=(const BareStore&) = delete;
  ~BareStore() {
    for (auto* statement : {event_, delivery_, attempt_, settle_}) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }

  void write_messages(const std::string& data) {
    execute("BEGIN IMMEDIATE");
    for (int i = 0; i < messages_per_commit; ++i) {
      const auto id = next_ + i;
      run(event_, id, id, &data);
      run(delivery_, id, id, nullptr);
    }
    execute("COMMIT");
    execute("BEGIN IMMEDIATE");
    for (int i = 0; i < messages_per_commit; ++i) {
      const auto id = next_ + i;
      run(attempt_, id, id, nullptr);
      run(settle_, id, 0, nullptr);
    }
    execute("COMMIT");
    next_ += messages_per_commit;
  }

 private:
  void execute(const char* sql) {
    char* message = nullptr;
    if (sqlite3_exec(database_, sql, nullptr, nullptr, &message) != SQLITE_OK)
      throw std::runtime_error(fmt::format("{}: {}", sql, message));
  }
  void prepare(sqlite3_stmt*& statement, const char* sql) {
    if (sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(database_));
  }
  void run(sqlite3_stmt* statement, sqlite3_int64 id, sqlite3_int64 when, const std::string* data) {
    sqlite3_bind_int64(statement, 1, id);
    const int parameters = sqlite3_bind_parameter_count(statement);
    if (parameters >= 2) sqlite3_bind_int64(statement, 2, when);
    if (parameters >= 3) {
      if (data != nullptr)
        sqlite3_bind_blob(statement, 3, data->data(), static_cast<int>(data->size()),
                          SQLITE_STATIC);
      else
        sqlite3_bind_int64(statement, 3, 1 + id % 10);
    }
    if (sqlite3_step(statement) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(database_));
    sqlite3_reset(statement);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt *event_ = nullptr, *delivery_ = nullptr, *attempt_ = nullptr, *settle_ = nullptr;
  sqlite3_int64 next_ = 1;
};

/// The product's store doing the same messages: a batch of 100 new events, then a batch of their
/// attempts.
class OurStore {
 public:
  explicit OurStore(const std::string& folder) {
    store::SqliteOptions options;
    options.folder = folder;
    options.clock = &clock_;
    options.log = &log_;
    options.ballast_bytes = 0;
    auto opened = store::SqliteStore::open(std::move(options));
    if (!opened) throw std::runtime_error(opened.error().what);
    store_ = std::move(*opened);
  }

  void write_messages(const SharedBytes& data) {
    store::Batch publish;
    publish.publish_actor = "bench";
    for (int i = 0; i < messages_per_commit; ++i) {
      store::NewEvent made;
      made.event.workspace = WorkspaceId{1};
      made.event.application = ApplicationId{1};
      made.event.type = "bench.event";
      made.event.actor = "bench";
      made.event.created_at = made.event.due_at = clock_.now();
      made.event.data = data;
      made.targets = {EndpointId{1 + static_cast<std::uint64_t>(i % 10)}};
      publish.events.push_back(std::move(made));
    }
    auto published = store_->apply_blocking(std::move(publish));
    if (!published) throw std::runtime_error(published.error().what);
    store::Batch record;
    int place = 0;
    for (const auto& receipt : published->events) {
      store::AttemptRecord done;
      done.attempt.delivery = receipt.first_delivery;
      done.attempt.endpoint = EndpointId{1 + static_cast<std::uint64_t>(place++ % 10)};
      done.attempt.number = 1;
      done.attempt.started_at = clock_.now();
      done.attempt.status = 204;
      done.attempt.success = true;
      done.attempt.timings.total_ms = 3;
      done.state = model::DeliveryState::succeeded;
      record.attempts.push_back(std::move(done));
    }
    const auto recorded = store_->apply_blocking(std::move(record));
    if (!recorded) throw std::runtime_error(recorded.error().what);
  }

 private:
  net::SystemClock clock_;
  env::NullLog log_;
  std::unique_ptr<store::SqliteStore> store_;
};

}  // namespace

void store(const Options& options, Report& report) {
  TemporaryFolder bare_folder, our_folder;
  BareStore bare(bare_folder.path());
  OurStore ours(our_folder.path());
  const auto data = payload(options.payload_bytes);
  const auto shared = share(data);
  const auto rate_of = [](double seconds, auto&& write) {
    const auto begin = steady::now();
    std::uint64_t messages = 0;
    while (since(begin) < seconds) {
      write();
      messages += messages_per_commit;
    }
    return static_cast<double>(messages) / since(begin);
  };
  std::vector<double> ratio, bare_rate, our_rate;
  for (int round = -1; round < options.rounds; ++round) {
    const double seconds = round < 0 ? std::min(1.0, options.seconds) : options.seconds;
    const double a = rate_of(seconds, [&] { bare.write_messages(data); });
    const double b = rate_of(seconds, [&] { ours.write_messages(shared); });
    if (round < 0) continue;
    bare_rate.push_back(a);
    our_rate.push_back(b);
    ratio.push_back(b / a);
  }
  report.ratios["store_over_bare_schema"] = median(ratio);
  report.figures["bare_messages_per_second"] = median(bare_rate);
  report.figures["store_messages_per_second"] = median(our_rate);
  // A message is four rows' work: an event, a delivery, an attempt, and the delivery's change.
  report.figures["store_rows_per_second"] = 4 * median(our_rate);
}

}  // namespace posthorn::benchmark

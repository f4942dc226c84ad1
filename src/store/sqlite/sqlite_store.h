#pragma once
// The store on SQLite: one file, one writer thread, a few readers. See docs/store.md.

#include <functional>
#include <memory>
#include <string>

#include "env/clock.h"
#include "env/log.h"
#include "store/store.h"

namespace posthorn::store {

struct SqliteOptions {
  std::string folder;                     ///< The data folder; made when it is not there.
  const env::Clock* clock = nullptr;      ///< Must outlive the store.
  env::Log* log = nullptr;                ///< Must outlive the store.
  std::int64_t ballast_bytes = 64 << 20;  ///< Given up when the disk is full; 0: none.
  int writer_cache_kib = 64 << 10;
  int reader_cache_kib = 16 << 10;
  int readers = 2;                          ///< Reading threads, at least 1.
  Millis heal_gap{1000};                    ///< How often a full disk is looked at again.
  std::int64_t checkpoint_bytes = 6 << 20;  ///< New bytes in the log that start a checkpoint.
  std::int64_t log_bytes_max = 128 << 20;   ///< The writer waits for a checkpoint beyond this.
  /// Called on a store thread with a sentence when the database failed in a way that must end the
  /// process (a failed write or fsync); two threads may do so at once. Default: the process ends at
  /// once with status 70. If it returns (tests), the store answers everything with io from then on.
  std::function<void(const std::string&)> fatal;
  std::string vfs;  ///< Name of a registered SQLite VFS (tests); empty: the system's.
};

class SqliteStore final : public Store {
 public:
  /// Opens `folder`/posthorn.db, makes or migrates it. Errors: conflict (another process has it),
  /// unsupported (made by a newer build), corrupt, unavailable (disk full), io.
  static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options);
  /// Finishes what is queued. An io_context whose coroutines use the store must outlive it: its
  /// threads may be inside a post() while the coroutine that it resumed has already ended.
  ~SqliteStore() override;

  /// What the database was opened from is a restored backup: nothing should be sent until a person
  /// has said so and resume_restored() was called.
  [[nodiscard]] bool is_restored() const;
  /// Lets a restored store send again. What was published before `from` and still waits is
  /// cancelled, in chunks: the store that was backed up may have sent it since. Blocks.
  Result<> resume_restored(Instant from);
  /// A value of the installation, such as the fingerprint of its keys. Blocks.
  Result<std::optional<std::string>> setting(const std::string& name);
  Result<> set_setting(const std::string& name, const std::string& value);
  /// Where the database lies.
  [[nodiscard]] std::string database_path() const;
  [[nodiscard]] std::string bodies_folder() const;

  task<Result<Applied>> apply(Batch batch) override;
  Result<Applied> apply_blocking(Batch batch) override;
  [[nodiscard]] bool accepting() const override;
  std::shared_ptr<void> listen(CommitListener listener) override;
  task<Result<EpochsPtr>> lease(std::string node, std::vector<int> shards) override;

  task<Result<std::vector<Due>>> due(EndpointId endpoint, DueCursor cursor, Instant until,
                                     int limit) override;
  task<Result<std::vector<Due>>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                                DeliveryId before, int limit) override;
  task<Result<std::optional<DeliveryId>>> blocking_head(EndpointId endpoint,
                                                        std::uint64_t key_hash) override;
  task<Result<std::optional<Instant>>> earliest_due(EndpointId endpoint) override;
  task<Result<std::vector<model::Lane>>> lanes_due(Instant until, std::vector<int> shards,
                                                   int limit,
                                                   std::optional<model::Lane> after) override;
  task<Result<std::optional<model::Lane>>> lane(EndpointId endpoint) override;
  task<Result<std::vector<model::HeldInterval>>> held(EndpointId endpoint) override;
  task<Result<bool>> expand_some() override;

  task<Result<std::vector<DueRequest>>> requests_due(SourceId source,
                                                     std::optional<DueRequest> after, Instant until,
                                                     int limit) override;
  task<Result<std::vector<std::pair<SourceId, Instant>>>> sources_with_requests(SourceId after,
                                                                                int limit) override;

  task<Result<std::optional<model::ReceivedRequest>>> request(RequestId id) override;
  task<Result<std::vector<std::shared_ptr<const model::ReceivedRequest>>>> requests(
      std::vector<RequestId> ids) override;
  task<Result<Found<model::ReceivedRequest>>> list_requests(RequestFilter filter,
                                                            Page page) override;
  task<Result<std::vector<std::shared_ptr<const model::Event>>>> events(
      std::vector<EventId> ids) override;
  task<Result<std::optional<EventId>>> event_by_client_id(WorkspaceId workspace,
                                                          std::string client_id) override;
  task<Result<Found<std::shared_ptr<const model::Event>>>> list_events(EventFilter filter,
                                                                       Page page) override;
  task<Result<std::optional<model::Delivery>>> delivery(DeliveryId id) override;
  task<Result<Found<model::Delivery>>> list_deliveries(DeliveryFilter filter, Page page) override;
  task<Result<std::vector<model::Attempt>>> attempts(DeliveryId id) override;
  task<Result<Found<model::Attempt>>> list_attempts(std::optional<EndpointId> endpoint,
                                                    Page page) override;
  task<Result<std::optional<model::Object>>> object(model::ObjectKind kind,
                                                    std::uint64_t id) override;
  task<Result<std::optional<model::Object>>> object_by_name(model::ObjectKind kind,
                                                            WorkspaceId workspace,
                                                            std::string name) override;
  task<Result<Found<model::Object>>> list_objects(model::ObjectKind kind, ObjectFilter filter,
                                                  Page page) override;
  task<Result<Found<model::AuditEntry>>> list_audit(std::optional<WorkspaceId> workspace,
                                                    Page page) override;

  task<Result<bool>> retain(Retention retention, Instant now, int limit) override;
  task<Result<>> erase_payload(EventId id) override;
  task<Result<>> erase_body(RequestId id) override;
  task<Result<Instant>> last_seen() override;
  task<Result<StoreStats>> stats() override;
  task<Result<std::vector<std::string>>> check() override;

 private:
  struct State;
  explicit SqliteStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::store

#pragma once
// Every query of the store, on one read-only connection. Each call of Readers runs in one read
// transaction, so what a Reader answers is of one moment.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/sqlite/body_files.h"
#include "store/sqlite/codec.h"
#include "store/sqlite/codec_requests.h"
#include "store/sqlite/database.h"
#include "store/store.h"

namespace posthorn::store {

struct ReadStatements;

/// One thread at a time.
class Reader {
 public:
  using EventPtr = std::shared_ptr<const model::Event>;
  /// Rows that a filter looks at in one call before it answers with a short page.
  static constexpr int scan_rows_max = 5000;

  Reader(Connection connection, const BodyFiles& bodies);
  ~Reader();

  [[nodiscard]] Connection& connection() { return connection_; }
  void begin();
  void end();

  // reader_queue.cc
  Result<std::vector<Due>> due(EndpointId endpoint, DueCursor cursor, Instant until, int limit);
  Result<std::vector<Due>> pending_of_key(EndpointId endpoint, std::uint64_t key_hash,
                                          DeliveryId before, int limit);
  Result<std::optional<DeliveryId>> blocking_head(EndpointId endpoint, std::uint64_t key_hash);
  Result<std::optional<Instant>> earliest_due(EndpointId endpoint);
  Result<std::vector<model::Lane>> lanes_due(Instant until, const std::vector<int>& shards,
                                             int limit, const std::optional<model::Lane>& after);
  Result<std::optional<model::Lane>> lane(EndpointId endpoint);
  Result<std::vector<model::HeldInterval>> held(EndpointId endpoint);

  // reader_events.cc
  Result<std::vector<EventPtr>> events(const std::vector<EventId>& ids);
  Result<std::optional<EventId>> event_by_client_id(WorkspaceId workspace,
                                                    const std::string& client_id);
  /// Appends the hashes of the bucket's keys, 16 bytes each; false after a failure.
  bool read_keys(std::int64_t bucket, std::string& hashes);
  Result<Found<EventPtr>> list_events(const EventFilter& filter, Page page);
  Result<std::optional<EventId>> next_expansion();

  // reader_requests.cc
  using RequestPtr = std::shared_ptr<const model::ReceivedRequest>;
  Result<std::vector<DueRequest>> requests_due(SourceId source,
                                               const std::optional<DueRequest>& after,
                                               Instant until, int limit);
  Result<std::vector<std::pair<SourceId, Instant>>> sources_with_requests(SourceId after,
                                                                          int limit);
  Result<std::vector<RequestPtr>> requests(const std::vector<RequestId>& ids);
  Result<Found<model::ReceivedRequest>> list_requests(const RequestFilter& filter, Page page);
  /// The same of a bucket of request_keys.
  bool read_request_keys(std::int64_t bucket, std::string& hashes);

  // reader_deliveries.cc
  Result<std::optional<model::Delivery>> delivery(DeliveryId id);
  Result<Found<model::Delivery>> list_deliveries(const DeliveryFilter& filter, Page page);
  Result<std::vector<model::Attempt>> attempts(DeliveryId id);
  Result<Found<model::Attempt>> list_attempts(std::optional<EndpointId> endpoint, Page page);

  // reader_objects.cc
  Result<std::optional<model::Object>> object(model::ObjectKind kind, std::uint64_t id);
  Result<std::optional<model::Object>> object_by_name(model::ObjectKind kind, WorkspaceId workspace,
                                                      const std::string& name);
  Result<Found<model::Object>> list_objects(model::ObjectKind kind, const ObjectFilter& filter,
                                            Page page);
  Result<Found<model::AuditEntry>> list_audit(std::optional<WorkspaceId> workspace, Page page);
  /// Everything of StoreStats that is in the database; `pending` is counted.
  Result<StoreStats> stats(bool count_pending);
  /// Every broken invariant in words.
  Result<std::vector<std::string>> check();  // check.cc
  Result<std::optional<std::string>> meta(const std::string& name);

 private:
  struct DroppedRange;

  /// What was read, unless the connection failed on the way.
  template <class T>
  Result<T> checked(T found) {
    if (connection_.failed()) return fail(connection_.error());
    return found;
  }
  const std::string& type_name(std::int64_t number);
  Result<std::shared_ptr<model::Event>> read_event(const Rows& rows);
  /// Of the columns of the query `request`; without its body where that column is not asked for.
  Result<RequestExtras> read_request(const Rows& rows, model::ReceivedRequest& request);
  Result<> read_body(const Rows& rows, const RequestExtras& extras,
                     model::ReceivedRequest& request);
  Rows request_rows(const RequestFilter& filter, const Page& page);
  Result<> read_data(const Rows& rows, const EventExtras& extras, model::Event& event);
  model::Delivery read_delivery(const Rows& rows);
  Result<model::Attempt> read_attempt(const Rows& rows);
  bool is_dropped(EndpointId endpoint, DeliveryId id);
  Rows delivery_rows(const DeliveryFilter& filter, const Page& page, std::int64_t behind);
  bool matches(const DeliveryFilter& filter, const model::Delivery& delivery);
  std::optional<std::int64_t> type_of_event(EventId id);
  void check_expansions(std::vector<std::string>& faults);
  void check_payloads(std::vector<std::string>& faults);
  void check_requests(std::vector<std::string>& faults);
  void check_request_keys(std::vector<std::string>& faults);

  Connection connection_;
  const BodyFiles& bodies_;
  std::unique_ptr<ReadStatements> sql_;
  std::unordered_map<std::int64_t, std::string> type_names_;
  std::optional<std::vector<DroppedRange>> dropped_;  ///< Of this transaction, once asked for.
};

}  // namespace posthorn::store

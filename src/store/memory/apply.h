#pragma once
// One batch into the tables: everything is checked first, then written, so a refused batch leaves
// no trace.

#include "store/memory/tables.h"

namespace posthorn::store {

class MemoryApply {
 public:
  /// `now` is the wall clock. What happened is added to `notice`.
  MemoryApply(MemoryTables& tables, Instant now, CommitNotice& notice)
      : tables_(tables), now_(now), notice_(notice) {}

  /// Errors: as Store::apply.
  Result<Applied> apply(Batch batch);
  /// Makes the next deliveries of the oldest expansion; true while there is more.
  bool expand_some();
  /// Turns up to `limit` dropped deliveries of one closed interval into cancelled ones; true when
  /// there was an interval to settle.
  bool settle_held(int limit);
  /// Deletes up to about `limit` rows that are past their time; true when there may be more.
  bool sweep(const Retention& retention, Instant now, int limit);

 private:
  Result<> check_epochs(const Batch& batch) const;
  Result<> check_deliveries(const Batch& batch) const;
  Result<> check_attempts(const Batch& batch) const;
  /// All or none.
  Result<> write_objects(Batch& batch, Applied& applied);

  // apply_requests.cc
  Result<> check_request_changes(const Batch& batch) const;
  /// What a request that is a duplicate of `id` is a duplicate of.
  RequestId original_of(RequestId id) const;
  RequestReceipt append(NewRequest& fresh);
  void change(const RequestChange& change, const std::vector<EventReceipt>& receipts);

  void record(AttemptRecord& record);
  void resolve(DeliveryId original);
  void change(const DeliveryChange& change);
  EventReceipt append(NewEvent& fresh);
  void make_delivery(const EventPtr& event, DeliveryId id, EndpointId endpoint);
  DeliveryId make_delivery(const NewDelivery& fresh);
  void change_held(const HeldChange& change);
  void open_held(EndpointId endpoint);
  /// True when nothing of the interval is left.
  bool settle(const model::HeldInterval& interval, int limit);
  void write_lane(model::Lane lane);
  void append_audit(model::AuditEntry entry);
  void note_publish(const Batch& batch, const Applied& applied);

  MemoryTables& tables_;
  Instant now_;
  CommitNotice& notice_;
};

}  // namespace posthorn::store

#pragma once
// Retention in small steps, on the writer's thread.

#include <memory>
#include <string>
#include <vector>

#include "store/sqlite/applier.h"

namespace posthorn::store {

class Housekeeper {
 public:
  explicit Housekeeper(Applier& applier);
  ~Housekeeper();

  /// Inside a transaction: deletes up to `limit` rows that are past their time. True while there
  /// is more.
  Result<bool> retain(const Retention& retention, Instant now, int limit);
  /// Errors: not_found.
  Result<> erase_payload(EventId id);
  Result<> erase_body(RequestId id);

  /// Files whose rows are gone: to be removed once that is committed.
  std::vector<std::string> take_dead_files() { return std::move(dead_files_); }

 private:
  struct Statements;
  class Budget;

  void drop_expired_objects(Instant now, Budget& budget);
  void drop_audit(Instant before, Budget& budget);
  void drop_attempts(Instant before, Budget& budget);
  /// Events up to here have been looked at for payloads.
  std::uint64_t payload_cursor();
  void drop_payloads(Instant before, Budget& budget);
  void drop_kept_payloads(Budget& budget);
  void drop_events(Instant before, Budget& budget);
  bool has_pending(std::uint64_t event, std::uint64_t first_delivery, std::uint64_t end);
  void drop_payload(std::uint64_t event);
  bool give_back_pages();

  // housekeeper_requests.cc
  struct OldRequest;
  void drop_refused(Instant before, Budget& budget);
  void drop_requests(Instant before, Budget& budget);
  void drop_request(const OldRequest& request);
  void drop_body(std::uint64_t request);

  Applier& applier_;
  std::unique_ptr<Statements> sql_;
  std::vector<std::string> dead_files_;
  std::uint64_t kept_cursor_ = 0;     ///< Where this pass over the kept payloads goes on.
  std::uint64_t event_cursor_ = 0;    ///< Where this pass over the old events goes on.
  std::uint64_t request_cursor_ = 0;  ///< Where this pass over the old requests goes on.
  std::uint64_t refused_cursor_ = 0;  ///< Where this pass over the refused ones goes on.
};

}  // namespace posthorn::store

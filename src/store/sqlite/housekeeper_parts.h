#pragma once
// What the files of Housekeeper share and its users do not see.

#include "store/sqlite/housekeeper.h"

namespace posthorn::store {

struct Housekeeper::Statements {
  explicit Statements(Connection& connection) : c(connection) {}
  Connection& c;
  Query first_events{c, "first_events"};
  Query kept_payloads{c, "kept_payloads"}, keep_payload{c, "keep_payload"};
  Query drop_kept_payload{c, "drop_kept_payload"};
  Query event_has_pending{c, "event_has_pending"}, event_fan_out{c, "event_fan_out"};
  Query erase_data{c, "erase_data"}, body_of_event{c, "body_of_event"};
  Query delete_body{c, "delete_body"}, delete_deliveries{c, "delete_deliveries"};
  Query delete_late_deliveries{c, "delete_late_deliveries"}, narrow_event{c, "narrow_event"};
  Query delete_event{c, "delete_event"}, delete_event_key{c, "delete_event_key"};
  Query first_attempts{c, "first_attempts"}, delete_attempts_to{c, "delete_attempts_to"};
  Query first_audit{c, "first_audit"}, delete_audit_to{c, "delete_audit_to"};
  Query expired_objects{c, "expired_objects"}, delete_expired_object{c, "delete_expired_object"};
  Query free_pages{c, "free_pages"}, give_back_pages{c, "give_back_pages"};
  Query get_meta{c, "get_meta"};
  Query first_requests{c, "first_requests"};
  Query first_refused_requests{c, "first_refused_requests"};
  Query request_is_there{c, "request_is_there"}, erase_request_body{c, "erase_request_body"};
  Query body_of_request{c, "body_of_request"}, delete_request_body{c, "delete_request_body"};
  Query delete_request{c, "delete_request"}, delete_request_state{c, "delete_request_state"};
  Query delete_request_key{c, "delete_request_key"};
};

/// Rows that may still be touched in this step.
class Housekeeper::Budget {
 public:
  explicit Budget(int rows) : left_(rows) {}
  [[nodiscard]] int left() const { return left_; }
  [[nodiscard]] bool spent() const { return left_ <= 0; }
  void spend(int rows = 1) { left_ -= rows; }

 private:
  int left_;
};

}  // namespace posthorn::store

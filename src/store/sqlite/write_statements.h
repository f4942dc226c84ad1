#pragma once
#include "store/sqlite/database.h"

namespace posthorn::store {

/// The writer's statements (queries/write.sql), prepared when the store is opened.
struct WriteStatements {
  explicit WriteStatements(Connection& connection) : c(connection) {}

  Connection& c;
  Query insert_event{c, "insert_event"}, insert_body{c, "insert_body"};
  Query insert_type{c, "insert_type"}, all_types{c, "all_types"};
  Query next_sequence{c, "next_sequence"};
  Query insert_event_key{c, "insert_event_key"}, replace_event_key{c, "replace_event_key"};
  Query find_event_key{c, "find_event_key"}, event_receipt{c, "event_receipt"};
  Query insert_delivery{c, "insert_delivery"}, delivery_now{c, "delivery_now"};
  Query record_attempt{c, "record_attempt"}, insert_attempt{c, "insert_attempt"};
  Query change_delivery{c, "change_delivery"}, resolve_original{c, "resolve_original"};
  Query earliest_pending{c, "earliest_pending"}, lowest_pending{c, "lowest_pending"};
  Query lane_next_due{c, "lane_next_due"}, lower_lane{c, "lower_lane"};
  Query replace_lane{c, "replace_lane"};
  Query all_held{c, "all_held"}, insert_held{c, "insert_held"}, close_held{c, "close_held"};
  Query delete_held{c, "delete_held"}, shrink_held{c, "shrink_held"};
  Query pending_between{c, "pending_between"}, pending_before{c, "pending_before"};
  Query cancel_delivery{c, "cancel_delivery"};
  Query insert_object{c, "insert_object"}, update_object{c, "update_object"};
  Query delete_object{c, "delete_object"}, object_of_id{c, "object_of_id"};
  Query object_of_name{c, "object_of_name"};
  Query insert_expansion{c, "insert_expansion"}, first_expansion{c, "first_expansion"};
  Query update_expansion{c, "update_expansion"}, delete_expansion{c, "delete_expansion"};
  Query insert_audit{c, "insert_audit"}, last_audit_hash{c, "last_audit_hash"};
  Query raise_epoch{c, "raise_epoch"}, all_epochs{c, "all_epochs"};
  Query set_meta{c, "set_meta"}, remove_meta{c, "remove_meta"};
  Query get_meta{c, "get_meta"}, highest_ids{c, "highest_ids"};
  Query key_buckets{c, "key_buckets"};
  Query insert_request{c, "insert_request"}, insert_request_body{c, "insert_request_body"};
  Query insert_request_state{c, "insert_request_state"};
  Query update_request_state{c, "update_request_state"};
  Query request_state_now{c, "request_state_now"}, request_now{c, "request_now"};
  Query queue_requests{c, "queue_requests"};
  Query find_request_key{c, "find_request_key"}, replace_request_key{c, "replace_request_key"};
  Query request_key_buckets{c, "request_key_buckets"};
  Query savepoint{c, "savepoint"}, release{c, "release"}, undo{c, "undo"};
};

}  // namespace posthorn::store

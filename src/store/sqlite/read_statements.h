#pragma once
#include "store/sqlite/database.h"

namespace posthorn::store {

/// A scan in both directions.
struct Scan {
  Scan(Connection& c, const std::string& name) : up(c, name + "_up"), down(c, name + "_down") {}
  Query up, down;
  Query& in(bool oldest_first) { return oldest_first ? up : down; }
};

/// A reader's statements (queries/read.sql), prepared when the store is opened.
struct ReadStatements {
  explicit ReadStatements(Connection& connection) : c(connection) {}

  Connection& c;
  Query begin{c, "read_begin"}, end{c, "read_end"};
  Query due{c, "due"}, pending_of_key{c, "pending_of_key"}, blocking_head{c, "blocking_head"};
  Query earliest_pending{c, "read_earliest_pending"};
  Query closed_held{c, "closed_held"}, held_of{c, "held_of"};
  Query lanes_due{c, "lanes_due"}, lane{c, "lane"};
  Query event{c, "event"}, event_kind{c, "event_kind"}, body_file{c, "body_file"};
  Query type_name{c, "type_name"};
  Scan events{c, "events"}, events_of_workspace{c, "events_of_workspace"};
  Query event_by_key{c, "event_by_key"}, key_buckets{c, "read_key_buckets"};
  Query keys_of_bucket{c, "keys_of_bucket"};
  Query next_expansion{c, "read_next_expansion"};
  Query event_span{c, "event_span"};
  Query delivery{c, "delivery"};
  Scan deliveries{c, "deliveries"}, deliveries_of_endpoint{c, "deliveries_of_endpoint"};
  Scan dead_of_workspace{c, "dead_of_workspace"}, deliveries_of_event{c, "deliveries_of_event"};
  Query attempt{c, "attempt"};
  Scan attempts{c, "attempts"};
  Query object_of_id{c, "read_object_of_id"}, object_of_name{c, "read_object_of_name"};
  Scan objects{c, "objects"}, objects_of_parent{c, "objects_of_parent"};
  Scan audit{c, "audit"}, audit_of_workspace{c, "audit_of_workspace"};
  Query count_pending{c, "count_pending"}, meta{c, "read_meta"}, log_span{c, "log_span"};
  Query page_counts{c, "page_counts"};
  Query request{c, "request"}, request_body_file{c, "request_body_file"};
  Query requests_due{c, "requests_due"};
  Query next_source_with_requests{c, "next_source_with_requests"};
  Scan requests{c, "requests"}, requests_of_source{c, "requests_of_source"};
  Scan requests_of_state{c, "requests_of_state"};
  Scan requests_duplicate_of{c, "requests_duplicate_of"};
  Query count_requests_pending{c, "count_requests_pending"};
  Query keys_of_request_bucket{c, "keys_of_request_bucket"}, request_of_key{c, "request_of_key"};
};

}  // namespace posthorn::store

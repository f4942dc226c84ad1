#pragma once
// Something a person should see: an endpoint was disabled, a delivery was parked.

#include <boost/json/object.hpp>

#include <optional>
#include <string>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

struct Notification {
  NotificationId id;
  WorkspaceId workspace;
  std::string name;  ///< Object::name: what makes a notice unique; may be empty.
  std::string kind;  ///< The event that goes with it: "endpoint.disabled", "delivery.parked".
  std::string text;  ///< What happened and what can be done.
  /// Further facts, by kind: endpoint_id, delivery_id, event_id, reason, count, …
  json::object details;
  Instant at;  ///< When it happened.
  std::optional<Instant> read_at{};
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

/// The document has `kind`, `text` and `at` (RFC 3339) beside the details; Object::parent is the id
/// in details.endpoint_id.
Object to_object(const Notification& notification);
/// Error: corrupt. Members that are none of its own become details.
Result<Notification> notification_from(const Object& object);
json::object to_api(const Notification& notification);

}  // namespace posthorn::model

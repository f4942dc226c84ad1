#pragma once
// A kind of event with its versions, each with an optional JSON Schema and example.

#include <boost/json/object.hpp>

#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

struct EventTypeVersion {
  int n = 1;
  std::string json_schema;  ///< JSON text of the subset in model/schema.h; empty: none.
  std::string example;      ///< JSON text; empty: none.
  bool deprecated = false;
};

struct EventType {
  EventTypeId id;
  WorkspaceId workspace;
  std::string name;                        ///< "ticket.created"
  std::string description;                 ///< At most 4096 bytes.
  std::vector<EventTypeVersion> versions;  ///< By rising n; at most 100.
  bool archived = false;                   ///< Hidden from lists; publishing it is refused.
  Instant created_at, updated_at;
  std::int64_t version = 0;

  /// The version that events have: the highest that is not deprecated, else the highest; nullptr
  /// when there is none (then events have version 1).
  [[nodiscard]] const EventTypeVersion* current() const;
};

/// Object::name is the name.
Object to_object(const EventType& type);
/// Error: corrupt.
Result<EventType> event_type_from(const Object& object);
json::object to_api(const EventType& type);
/// Applies the body of a POST (id 0: name is required) or PATCH (the name stays): {name,
/// description, versions: [{n?, json_schema?, example?, deprecated?}], json_schema, example,
/// archived}. json_schema or example beside the name add one version, which has from the current
/// one what is not given (null clears it). A list of versions replaces the whole list; n counts up
/// where it is not given. Versions that `base` has are history: each must be in the list, where
/// what is not given stays and only `deprecated` may change. A schema outside the supported subset
/// and an example that its schema refuses are faults.
EventType read_event_type(const json::object& input, Faults& faults, EventType base);

}  // namespace posthorn::model

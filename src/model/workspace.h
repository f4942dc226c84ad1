#pragma once
// A tenant: everything else belongs to one.

#include <boost/json/object.hpp>

#include <optional>
#include <string>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

struct Workspace {
  WorkspaceId id;
  std::string name;                         ///< For people; 1 to 128 bytes.
  bool strict = false;                      ///< Events of unknown types are refused.
  std::optional<double> rate_per_second{};  ///< Of API requests; none: the configuration's.
  std::string metadata = "{}";              ///< The owner's own JSON object, as text.
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

Object to_object(const Workspace& workspace);
/// Error: corrupt.
Result<Workspace> workspace_from(const Object& object);
json::object to_api(const Workspace& workspace);
/// Applies the body of a POST (id 0: name is required) or PATCH; null brings back a default.
Workspace read_workspace(const json::object& input, Faults& faults, Workspace base);

}  // namespace posthorn::model

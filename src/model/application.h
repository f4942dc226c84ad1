#pragma once
// One customer of a workspace: groups endpoints and events.

#include <boost/json/object.hpp>

#include <string>

#include "base/id.h"
#include "base/time.h"
#include "model/faults.h"
#include "model/objects.h"

namespace posthorn::model {

/// The uid of the application that is meant where none is named.
inline constexpr std::string_view default_application_uid = "default";

struct Application {
  ApplicationId id;
  WorkspaceId workspace;
  std::string uid;   ///< The owner's own id, unique in the workspace: 1 to 128 of [A-Za-z0-9_.:-].
  std::string name;  ///< For people; may be empty.
  std::string metadata = "{}";
  Instant created_at, updated_at;
  std::int64_t version = 0;
};

/// Object::name is the uid.
Object to_object(const Application& application);
/// Error: corrupt.
Result<Application> application_from(const Object& object);
json::object to_api(const Application& application);
/// Applies the body of a POST (id 0: uid is required) or PATCH (the uid stays). A uid that looks
/// like one of our ids ("app_…") is refused, so that either finds one application.
Application read_application(const json::object& input, Faults& faults, Application base);

}  // namespace posthorn::model

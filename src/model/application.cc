#include "model/application.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include "model/document.h"
#include "model/names.h"

namespace posthorn::model {

Object to_object(const Application& application) {
  Object object = object_with(ObjectKind::application, application);
  object.workspace = application.workspace;
  object.name = application.uid;
  object.document =
      json::serialize(json::object{{"name", application.name}, {"metadata", application.metadata}});
  return object;
}

Result<Application> application_from(const Object& object) {
  PH_TRY(const json::object members, parse_document(object, ObjectKind::application));
  Faults faults;
  Members document(members, faults);
  Application application = read_from<Application>(object);
  application.workspace = object.workspace;
  application.uid = object.name;
  application.name = document.text("name", {.min = 0, .max = 1024}).value_or("");
  application.metadata = stored_json(document, "metadata", "{}");
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return application;
}

json::object to_api(const Application& application) {
  json::object out;
  out["id"] = application.id.text();
  out["object"] = "application";
  out["workspace_id"] = application.workspace.text();
  out["uid"] = application.uid;
  out["name"] = application.name;
  out["metadata"] = shown_json(application.metadata);
  add_times(out, application);
  return out;
}

Application read_application(const json::object& input, Faults& faults, Application base) {
  Members members(input, faults);
  if (!base.id) members.require("uid");
  if (auto uid = members.text("uid", {.min = 1, .max = 128})) {
    if (base.id && *uid != base.uid)
      members.add("uid", "read_only", "an application keeps its uid");
    else if (!is_label(*uid))
      members.add("uid", "format",
                  fmt::format("takes 1 to 128 of letters, digits and _.:-, not {}", shown(*uid)));
    else if (ApplicationId::parse(*uid))
      members.add("uid", "not_allowed",
                  fmt::format("looks like one of our own ids: {}", shown(*uid)));
    else
      base.uid = *std::move(uid);
  }
  if (members.is_null("name"))
    base.name.clear();
  else if (auto name = members.text("name", {.min = 0, .max = 128}))
    base.name = *std::move(name);
  base.metadata = read_metadata(members, std::move(base.metadata));
  members.refuse_read_only({"id", "object", "workspace_id", "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

#include "model/workspace.h"

#include <boost/json/serialize.hpp>

#include "model/document.h"

namespace posthorn::model {

Object to_object(const Workspace& workspace) {
  json::object document;
  document["name"] = workspace.name;
  document["strict"] = workspace.strict;
  document["rate_limit"] =
      workspace.rate_per_second ? json::value(*workspace.rate_per_second) : json::value(nullptr);
  document["metadata"] = workspace.metadata;
  Object object = object_with(ObjectKind::workspace, workspace);
  object.workspace = workspace.id;
  object.document = json::serialize(document);
  return object;
}

Result<Workspace> workspace_from(const Object& object) {
  PH_TRY(const json::object members, parse_document(object, ObjectKind::workspace));
  Faults faults;
  Members document(members, faults);
  Workspace workspace = read_from<Workspace>(object);
  workspace.name = document.text("name", {.min = 0, .max = 1024}).value_or("");
  workspace.strict = document.boolean("strict").value_or(false);
  if (!document.is_null("rate_limit"))
    workspace.rate_per_second = document.number("rate_limit", 0, 1e9);
  workspace.metadata = stored_json(document, "metadata", "{}");
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return workspace;
}

json::object to_api(const Workspace& workspace) {
  json::object out;
  out["id"] = workspace.id.text();
  out["object"] = "workspace";
  out["name"] = workspace.name;
  out["strict"] = workspace.strict;
  out["rate_limit"] =
      workspace.rate_per_second ? json::value(*workspace.rate_per_second) : json::value(nullptr);
  out["metadata"] = shown_json(workspace.metadata);
  add_times(out, workspace);
  return out;
}

Workspace read_workspace(const json::object& input, Faults& faults, Workspace base) {
  Members members(input, faults);
  if (!base.id) members.require("name");
  if (auto name = members.text("name", {.min = 1, .max = 128})) base.name = *std::move(name);
  if (members.is_null("strict"))
    base.strict = false;
  else
    base.strict = members.boolean("strict").value_or(base.strict);
  if (members.is_null("rate_limit"))
    base.rate_per_second.reset();
  else if (const auto rate = members.number("rate_limit", 0.1, 1'000'000))
    base.rate_per_second = rate;
  base.metadata = read_metadata(members, std::move(base.metadata));
  members.refuse_read_only({"id", "object", "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

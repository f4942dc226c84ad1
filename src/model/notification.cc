#include "model/notification.h"

#include <boost/json/serialize.hpp>

#include "model/document.h"

namespace posthorn::model {
namespace {

std::uint64_t endpoint_of(const json::object& details) {
  const json::value* text = details.if_contains("endpoint_id");
  if (text == nullptr || !text->is_string()) return 0;
  return EndpointId::parse(text->as_string()).value_or(EndpointId{}).value;
}

}  // namespace

Object to_object(const Notification& notification) {
  json::object document = notification.details;
  document["kind"] = notification.kind;
  document["text"] = notification.text;
  document["at"] = to_rfc3339(notification.at);
  document["read_at"] = stored(notification.read_at);
  Object object = object_with(ObjectKind::notification, notification);
  object.workspace = notification.workspace;
  object.name = notification.name;
  object.parent = endpoint_of(notification.details);
  object.document = json::serialize(document);
  return object;
}

Result<Notification> notification_from(const Object& object) {
  PH_TRY(json::object members, parse_document(object, ObjectKind::notification));
  Faults faults;
  Notification notification = read_from<Notification>(object);
  notification.workspace = object.workspace;
  notification.name = object.name;
  {
    Members document(members, faults);
    document.require("kind");
    notification.kind = document.text("kind", {.min = 1, .max = 128}).value_or("");
    notification.text = document.text("text", {.min = 0, .max = 64 * 1024}).value_or("");
    notification.at = document.time("at").value_or(object.created_at);
    notification.read_at = stored_time(document, "read_at");
  }
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  for (const char* own : {"kind", "text", "at", "read_at"}) members.erase(own);
  notification.details = std::move(members);
  return notification;
}

json::object to_api(const Notification& notification) {
  json::object out;
  out["id"] = notification.id.text();
  out["object"] = "notification";
  out["workspace_id"] = notification.workspace.text();
  out["kind"] = notification.kind;
  out["text"] = notification.text;
  out["details"] = notification.details;
  out["at"] = to_rfc3339(notification.at);
  out["read_at"] = shown_time(notification.read_at);
  add_times(out, notification);
  return out;
}

}  // namespace posthorn::model

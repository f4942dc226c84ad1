#include "model/event_type.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include "model/document.h"
#include "model/names.h"
#include "model/schema.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

constexpr std::size_t versions_max = 100;
constexpr std::size_t example_bytes_max = 64 * 1024;

json::object stored_version(const EventTypeVersion& version) {
  return {{"n", version.n},
          {"json_schema", version.json_schema},
          {"example", version.example},
          {"deprecated", version.deprecated}};
}

json::object shown_version(const EventTypeVersion& version) {
  const auto json_or_null = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : shown_json(text);
  };
  return {{"n", version.n},
          {"json_schema", json_or_null(version.json_schema)},
          {"example", json_or_null(version.example)},
          {"deprecated", version.deprecated}};
}

/// An example of any JSON value, null among them: absent is no example.
void read_example(Members& members, const std::optional<Schema>& schema,
                  EventTypeVersion& version) {
  const json::value* given = members.find("example");
  if (given == nullptr || given->is_null()) return;
  version.example = json::serialize(*given);
  if (version.example.size() > example_bytes_max)
    members.add("example", "too_long", fmt::format("takes at most {} bytes", example_bytes_max));
  if (schema) schema->check(*given, members.faults(), members.pointer("example"));
}

EventTypeVersion read_version(const json::object& input, Faults& faults, const std::string& pointer,
                              int n_default) {
  Members members(input, faults, pointer);
  EventTypeVersion version;
  version.n = static_cast<int>(members.integer("n", 1, 1'000'000).value_or(n_default));
  std::optional<Schema> schema;
  if (const json::value* given = members.find("json_schema"); given && !given->is_null()) {
    const std::size_t before = faults.count();
    Schema read = Schema::read(*given, faults, members.pointer("json_schema"));
    if (faults.count() == before) schema = std::move(read);
    version.json_schema = json::serialize(*given);
    if (version.json_schema.size() > schema_bytes_max)
      members.add("json_schema", "too_long",
                  fmt::format("takes at most {} bytes", schema_bytes_max));
  }
  read_example(members, schema, version);
  version.deprecated = members.boolean("deprecated").value_or(false);
  members.refuse_unknown();
  return version;
}

std::vector<EventTypeVersion> read_versions(const json::array& list, Members& members) {
  std::vector<EventTypeVersion> out;
  if (list.size() > versions_max)
    members.add("versions", "too_many", fmt::format("takes at most {}", versions_max));
  for (std::size_t i = 0; i < std::min(list.size(), versions_max); ++i) {
    const std::string pointer = fmt::format("{}/{}", members.pointer("versions"), i);
    const json::object* entry = list[i].if_object();
    if (entry == nullptr) {
      members.faults().add(pointer, "type", fmt::format("takes an object, not {}", shown(list[i])));
      continue;
    }
    const int last = out.empty() ? 0 : out.back().n;
    out.push_back(read_version(*entry, members.faults(), pointer, last + 1));
    if (out.back().n <= last)
      members.faults().add(
          pointer + "/n", "out_of_range",
          fmt::format("takes a number above {}, that of the version before", last));
  }
  return out;
}

}  // namespace

const EventTypeVersion* EventType::current() const {
  for (auto entry = versions.rbegin(); entry != versions.rend(); ++entry)
    if (!entry->deprecated) return &*entry;
  return versions.empty() ? nullptr : &versions.back();
}

Object to_object(const EventType& type) {
  json::array versions;
  for (const EventTypeVersion& version : type.versions) versions.push_back(stored_version(version));
  Object object = object_with(ObjectKind::event_type, type);
  object.workspace = type.workspace;
  object.name = type.name;
  object.document = json::serialize(json::object{{"description", type.description},
                                                 {"versions", std::move(versions)},
                                                 {"archived", type.archived}});
  return object;
}

Result<EventType> event_type_from(const Object& object) {
  PH_TRY(const json::object members, parse_document(object, ObjectKind::event_type));
  Faults faults;
  Members document(members, faults);
  EventType type = read_from<EventType>(object);
  type.workspace = object.workspace;
  type.name = object.name;
  type.description = document.text("description", {.min = 0, .max = 64 * 1024}).value_or("");
  type.archived = document.boolean("archived").value_or(false);
  const json::array* list = document.array("versions");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::object* entry = (*list)[i].if_object();
    if (entry == nullptr) {
      document.add("versions", "type", "has an entry that is no object");
      continue;
    }
    Members stored_members(*entry, faults, document.pointer("versions"));
    EventTypeVersion version;
    version.n = static_cast<int>(stored_members.integer("n", 1, 1'000'000).value_or(1));
    version.json_schema = stored_json(stored_members, "json_schema", "");
    version.example = stored_json(stored_members, "example", "");
    version.deprecated = stored_members.boolean("deprecated").value_or(false);
    type.versions.push_back(std::move(version));
  }
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return type;
}

json::object to_api(const EventType& type) {
  json::array versions;
  for (const EventTypeVersion& version : type.versions) versions.push_back(shown_version(version));
  const EventTypeVersion* current = type.current();
  json::object out;
  out["id"] = type.id.text();
  out["object"] = "event_type";
  out["workspace_id"] = type.workspace.text();
  out["name"] = type.name;
  out["description"] = type.description;
  out["versions"] = std::move(versions);
  out["current_version"] = current == nullptr ? 1 : current->n;
  out["archived"] = type.archived;
  add_times(out, type);
  return out;
}

EventType read_event_type(const json::object& input, Faults& faults, EventType base) {
  Members members(input, faults);
  if (!base.id) members.require("name");
  if (auto name = members.text("name", {.min = 1, .max = 1024})) {
    if (base.id && *name != base.name)
      members.add("name", "read_only", "an event type keeps its name");
    else if (!is_event_type(*name))
      members.add("name", "format",
                  fmt::format("takes dotted [a-z0-9_] like \"ticket.created\", at most 128 bytes, "
                              "not {}",
                              shown(*name)));
    else
      base.name = *std::move(name);
  }
  if (members.is_null("description"))
    base.description.clear();
  else if (auto text = members.text("description", {.min = 0, .max = 4096}))
    base.description = *std::move(text);
  if (members.is_null("versions"))
    base.versions.clear();
  else if (const json::array* list = members.array("versions"))
    base.versions = read_versions(*list, members);
  base.archived = members.boolean("archived").value_or(base.archived);
  members.refuse_read_only(
      {"id", "object", "workspace_id", "current_version", "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

#include "model/event_type.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <algorithm>

#include "model/document.h"
#include "model/names.h"
#include "model/schema.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

constexpr std::size_t versions_max = 100;
constexpr int version_number_max = 1'000'000;
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

/// Puts the member's JSON into `text`: what is not named stays, null clears.
void read_json(Members& members, std::string_view name, std::size_t bytes_max, std::string& text) {
  const json::value* given = members.find(name);
  if (given == nullptr) return;
  text = given->is_null() ? "" : json::serialize(*given);
  if (text.size() > bytes_max)
    members.add(name, "too_long", fmt::format("takes at most {} bytes", bytes_max));
}

/// An example that was kept is checked as well: a new schema may refuse it.
void check_example(Members& members, const Schema& schema, const std::string& example) {
  if (example.empty()) return;
  if (const json::value* given = members.find("example"))
    return schema.check(*given, members.faults(), members.pointer("example"));
  Faults found;
  schema.check(shown_json(example), found);
  if (!found.empty())
    members.add("example", "schema",
                fmt::format("the example of the version before does not fit the json_schema given "
                            "({}): give another one, or null",
                            found.summary()));
}

/// Reads json_schema and example over those that `version` has.
void read_contents(Members& members, EventTypeVersion& version) {
  read_json(members, "json_schema", schema_bytes_max, version.json_schema);
  read_json(members, "example", example_bytes_max, version.example);
  if (version.json_schema.empty()) return;
  const std::size_t before = members.faults().count();
  const Schema schema = Schema::read(shown_json(version.json_schema), members.faults(),
                                     members.pointer("json_schema"));
  if (members.faults().count() == before) check_example(members, schema, version.example);
}

bool is_same_json(const std::string& one, const std::string& other) {
  if (one.empty() || other.empty()) return one == other;
  return one == other || shown_json(one) == shown_json(other);
}

/// What events were published under stays what it was; only `deprecated` may change.
void refuse_changes(Members& members, const EventTypeVersion& published,
                    const EventTypeVersion& given) {
  const auto refuse = [&](std::string_view name) {
    members.add(name, "read_only",
                fmt::format("version {} is published and keeps its {}: add a version after the "
                            "last one, or give json_schema or example beside the name",
                            published.n, name));
  };
  if (!is_same_json(published.json_schema, given.json_schema)) refuse("json_schema");
  if (!is_same_json(published.example, given.example)) refuse("example");
}

const EventTypeVersion* version_of(const std::vector<EventTypeVersion>& versions, int n) {
  const auto found = std::ranges::find(versions, n, &EventTypeVersion::n);
  return found == versions.end() ? nullptr : &*found;
}

EventTypeVersion read_version(const json::object& input, Faults& faults, const std::string& pointer,
                              int n_default, const std::vector<EventTypeVersion>& before) {
  Members members(input, faults, pointer);
  const int n = static_cast<int>(members.integer("n", 1, version_number_max).value_or(n_default));
  const EventTypeVersion* published = version_of(before, n);
  EventTypeVersion version;
  if (published != nullptr) version = *published;
  version.n = n;
  if (n > version_number_max)
    members.add("n", "out_of_range", fmt::format("takes at most {}", version_number_max));
  read_contents(members, version);
  if (published != nullptr) {
    refuse_changes(members, *published, version);
    version = *published;  // The same JSON in other words is not written anew.
  }
  version.deprecated = members.boolean("deprecated").value_or(version.deprecated);
  members.refuse_unknown();
  return version;
}

void refuse_missing(Members& members, const std::vector<EventTypeVersion>& before,
                    const std::vector<EventTypeVersion>& given) {
  for (const EventTypeVersion& published : before)
    if (version_of(given, published.n) == nullptr)
      members.add("versions", "read_only",
                  fmt::format("version {0} is published and cannot be taken away: list it as "
                              "{{\"n\": {0}}}, with \"deprecated\": true to retire it",
                              published.n));
}

/// The whole list anew; `before` are the published ones.
std::vector<EventTypeVersion> read_versions(const json::array& list, Members& members,
                                            const std::vector<EventTypeVersion>& before) {
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
    out.push_back(read_version(*entry, members.faults(), pointer, last + 1, before));
    if (out.back().n <= last)
      members.faults().add(
          pointer + "/n", "out_of_range",
          fmt::format("takes a number above {}, that of the version before", last));
  }
  refuse_missing(members, before, out);
  return out;
}

/// `json_schema` and `example` beside the name stand for one more version, which has from the
/// current one what is not given.
void read_next_version(Members& members, EventType& type) {
  const EventTypeVersion* current = type.current();
  EventTypeVersion next = current == nullptr ? EventTypeVersion{} : *current;
  next.n = type.versions.empty() ? 1 : type.versions.back().n + 1;
  next.deprecated = false;
  read_contents(members, next);
  if (type.versions.size() >= versions_max || next.n > version_number_max)
    return members.add("versions", "too_many",
                       fmt::format("an event type has at most {} versions, with numbers up to {}",
                                   versions_max, version_number_max));
  type.versions.push_back(std::move(next));
}

void read_all_versions(Members& members, EventType& type) {
  const json::value* given = members.find("versions");
  bool is_next = false;
  for (const std::string_view name : {"json_schema", "example"}) {
    if (members.find(name) == nullptr) continue;
    is_next = true;
    if (given != nullptr) members.add(name, "not_allowed", "is not taken beside versions");
  }
  if (is_next && given == nullptr) return read_next_version(members, type);
  if (members.is_null("versions")) {
    refuse_missing(members, type.versions, {});
    type.versions.clear();
  } else if (const json::array* list = members.array("versions")) {
    type.versions = read_versions(*list, members, type.versions);
  }
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
    version.n = static_cast<int>(stored_members.integer("n", 1, version_number_max).value_or(1));
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
  read_all_versions(members, base);
  base.archived = members.boolean("archived").value_or(base.archived);
  members.refuse_read_only(
      {"id", "object", "workspace_id", "current_version", "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

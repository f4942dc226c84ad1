#include "model/api_key.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <algorithm>

#include "model/document.h"
#include "text/nearest.h"

namespace posthorn::model {

bool ApiKey::is_live(Instant now) const {
  return !revoked_at && (!expires_at || *expires_at > now);
}

Object to_object(const ApiKey& key) {
  json::object document;
  document["name"] = key.name;
  document["hash"] = key.hash;
  document["scopes"] = shown_list(key.scopes);
  document["expires_at"] = stored(key.expires_at);
  document["last_used_at"] = stored(key.last_used_at);
  document["revoked_at"] = stored(key.revoked_at);
  Object object = object_with(ObjectKind::api_key, key);
  object.workspace = key.workspace;
  object.name = key.prefix;
  object.document = json::serialize(document);
  return object;
}

Result<ApiKey> api_key_from(const Object& object) {
  PH_TRY(const json::object members, parse_document(object, ObjectKind::api_key));
  Faults faults;
  Members document(members, faults);
  ApiKey key = read_from<ApiKey>(object);
  key.workspace = object.workspace;
  key.prefix = object.name;
  key.name = document.text("name", {.min = 0, .max = 1024}).value_or("");
  document.require("hash");
  key.hash = document.text("hash", {.min = 64, .max = 64}).value_or("");
  key.scopes = stored_list(document, "scopes", {});
  key.expires_at = stored_time(document, "expires_at");
  key.last_used_at = stored_time(document, "last_used_at");
  key.revoked_at = stored_time(document, "revoked_at");
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return key;
}

json::object to_api(const ApiKey& key) {
  json::object out;
  out["id"] = key.id.text();
  out["object"] = "api_key";
  out["workspace_id"] = key.workspace.text();
  out["name"] = key.name;
  out["prefix"] = "phk_" + key.prefix;
  out["scopes"] = shown_list(key.scopes);
  out["expires_at"] = shown_time(key.expires_at);
  out["last_used_at"] = shown_time(key.last_used_at);
  out["revoked_at"] = shown_time(key.revoked_at);
  add_times(out, key);
  return out;
}

ApiKey read_api_key(const json::object& input, Faults& faults, ApiKey base, Instant now,
                    std::span<const std::string_view> known_scopes) {
  Members members(input, faults);
  if (members.is_null("name"))
    base.name.clear();
  else if (auto name = members.text("name", {.min = 0, .max = 128}))
    base.name = *std::move(name);
  if (!base.id) members.require("scopes");
  auto scopes = members.texts(
      "scopes", {.min = 1, .max = known_scopes.size()}, [known_scopes](std::string_view scope) {
        if (std::ranges::find(known_scopes, scope) != known_scopes.end()) return std::string();
        const auto near = text::nearest(scope, known_scopes);
        return near ? fmt::format("takes a scope such as \"{}\"", *near)
                    : fmt::format("takes one of {}", fmt::join(known_scopes, ", "));
      });
  if (scopes) base.scopes = *std::move(scopes);
  if (members.is_null("expires_at")) {
    base.expires_at.reset();
  } else if (const auto at = members.time("expires_at")) {
    if (*at <= now) members.add("expires_at", "out_of_range", "takes a time to come");
    base.expires_at = at;
  }
  members.refuse_read_only({"id", "object", "workspace_id", "prefix", "last_used_at", "revoked_at",
                            "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return base;
}

}  // namespace posthorn::model

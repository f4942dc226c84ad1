#pragma once
// What stored documents and their forms have in common, for the folders that define some.

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"
#include "model/event.h"
#include "model/members.h"
#include "model/objects.h"

namespace posthorn::model {

/// The members of a document. Error: corrupt when the object is of another kind or its document is
/// no JSON object.
Result<json::object> parse_document(const Object& object, ObjectKind kind);

/// Errc::corrupt with the object's place when reading collected faults.
Result<> document_result(const Object& object, const Faults& faults);

/// A moment, stored as milliseconds since 1970.
std::optional<Instant> stored_time(Members& document, std::string_view name);
json::value stored(std::optional<Instant> at);

/// For answers: RFC 3339 or null, an id's text or null, a text or null when empty.
json::value shown_time(std::optional<Instant> at);
json::string text_of(std::string_view text);
json::value text_or_null(std::string_view text);
template <class Tag>
json::value id_or_null(Id<Tag> id) {
  return id ? json::value(id.text()) : json::value(nullptr);
}
json::array shown_list(const std::vector<std::string>& texts);

/// JSON kept as text, as a value; the text itself where it is not JSON.
json::value shown_json(std::string_view text);

/// JSON kept as text inside a document; a fault when it is none.
std::string stored_json(Members& document, std::string_view name, std::string_view otherwise);
std::vector<std::string> stored_list(Members& document, std::string_view name,
                                     std::vector<std::string> otherwise);

/// The member "metadata" of an input, as text: an object of at most 16 KiB; null empties it.
std::string read_metadata(Members& members, std::string before);

/// What every kind has: id, version and times.
template <class Thing>
Object object_with(ObjectKind kind, const Thing& thing) {
  Object object;
  object.kind = kind;
  object.id = thing.id.value;
  object.version = thing.version;
  object.created_at = thing.created_at;
  object.updated_at = thing.updated_at;
  return object;
}
template <class Thing>
Thing read_from(const Object& object) {
  Thing thing;
  thing.id.value = object.id;
  thing.version = object.version;
  thing.created_at = object.created_at;
  thing.updated_at = object.updated_at;
  return thing;
}
template <class Thing>
void add_times(json::object& answer, const Thing& thing) {
  answer["created_at"] = to_rfc3339(thing.created_at);
  answer["updated_at"] = to_rfc3339(thing.updated_at);
  answer["version"] = thing.version;
}

/// Bytes of a peer that need not be UTF-8, made safe: as they are, or with `\x..`.
std::string utf8_or_printable(std::string_view bytes);

}  // namespace posthorn::model

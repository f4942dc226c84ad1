#pragma once
// What the stored documents of model/*_json.h have in common. Not for use outside model/.

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

/// Bytes of a peer that need not be UTF-8, made safe: as they are, or with `\x..`.
std::string utf8_or_printable(std::string_view bytes);

}  // namespace posthorn::model

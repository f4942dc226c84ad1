#pragma once
// A JSON text as XML elements or as form fields. Numbers keep the digits that were received, which
// is why the text is walked and not a parsed value. The mapping is docs/delivery.md "Formats".

#include <string>
#include <string_view>

namespace posthorn::deliver {

/// Appends `<name ...>...</name>` for a JSON value. The text must have been checked by
/// text::check_json; anything else appends an element with `type="unparsed"` that holds the text.
void append_xml(std::string& out, std::string_view name, std::string_view json);

/// Appends `&name=value` (without the `&` when `out` is empty) for a scalar, and one such field for
/// each leaf of an object or array: `name[member][0]=...`. The text must be checked JSON.
void append_form(std::string& out, std::string_view name, std::string_view json);

/// The value of `name=value` in application/x-www-form-urlencoded (WHATWG URL 5.2).
void append_form_encoded(std::string& out, std::string_view text);

/// Text content or an attribute's value of XML 1.0: markup and white space that a parser would
/// change are escaped, characters that XML cannot hold become U+FFFD.
void append_xml_escaped(std::string& out, std::string_view text);

}  // namespace posthorn::deliver

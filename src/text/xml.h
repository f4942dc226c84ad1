#pragma once
// XML that somebody else made: read without DTDs, entities of its own, or anything outside of it.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace posthorn::text {

inline constexpr std::size_t xml_bytes_max = 8U << 20;
inline constexpr std::size_t xml_depth_max = 64;
/// Tags, comments and the like; memory is bounded by it and by the bytes.
inline constexpr std::size_t xml_tags_max = 200'000;

struct XmlElement {
  std::string name;  ///< As written, with its namespace prefix: "soap:Body".
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string text;  ///< Character data directly in it, joined; without white space around it.
  std::vector<XmlElement> children;
};

/// Reads a document (UTF-8; UTF-16 and ISO 8859-1 when it says so) and gives its root element.
/// Character references and the five entities of XML itself are resolved, no others. Errors:
/// invalid ("at byte N: …"), also for a DTD, more than one root, text that is not Unicode; limit,
/// past one of the limits above.
Result<XmlElement> parse_xml(std::string_view text);

/// Whether at_xml_path() can read it: `/order/lines/line[2]/@sku`. Steps are element names, each
/// with an optional index from 1; the last one may be an attribute. Up to 32 steps.
bool is_xml_path(std::string_view path);

/// The text of the element or attribute; nullopt when there is none or the path is malformed. A
/// name without a prefix fits any prefix: `/Envelope/Body` finds <soap:Envelope>.
std::optional<std::string> at_xml_path(const XmlElement& root, std::string_view path);

}  // namespace posthorn::text

// text/xml.h: the first line is a path, the rest a document.
#include "text/xml.h"

#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"

namespace text = posthorn::text;

namespace {

void check(const text::XmlElement& element, std::size_t depth) {
  PH_ASSERT(depth <= text::xml_depth_max);
  PH_ASSERT(!element.name.empty() && posthorn::is_utf8(element.text));
  for (const auto& child : element.children) check(child, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(source.find('\n'), size);
  const auto path = source.substr(0, line_end);
  const auto root = text::parse_xml(source.substr(std::min(line_end + 1, size)));
  if (!root) return 0;
  check(*root, 1);
  const auto found = text::at_xml_path(*root, path);
  PH_ASSERT(!found || text::is_xml_path(path));
  return 0;
}

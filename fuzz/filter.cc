// text/filter.h: the first line is a filter, the rest an event's data.
#include "text/filter.h"

#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "text/json.h"

namespace text = posthorn::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(source.find('\n'), size);
  const auto filter_source = text::parse_json(source.substr(0, line_end));
  if (!filter_source) return 0;
  std::vector<text::FilterFault> faults;
  const auto filter = text::Filter::parse(*filter_source, faults);
  PH_ASSERT(filter.has_value() == faults.empty());
  for (const auto& fault : faults) {
    PH_ASSERT(!fault.what.empty());
    PH_ASSERT(text::at_pointer(*filter_source, fault.pointer) != nullptr);
  }
  if (!filter) return 0;
  const auto payload = text::parse_json(source.substr(std::min(line_end + 1, size)));
  text::json::object document{{"id", "evt_1"},
                              {"type", "a.b"},
                              {"key", nullptr},
                              {"application", "app_1"},
                              {"channels", {"x", "y"}}};
  if (payload) document["data"] = *payload;

  const bool matches = filter->matches(document);
  PH_ASSERT(filter->why_not(document).empty() == matches);
  const auto negated = text::Filter::parse(text::json::object{{"$not", *filter_source}});
  PH_ASSERT(!negated || negated->matches(document) != matches);
  return 0;
}

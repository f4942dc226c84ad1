// JSON pointers into what providers send: the first line is a pointer, the rest a payload.
#include <cstdint>

#include "base/assert.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace text = posthorn::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(source.find('\n'), size);
  const auto pointer = source.substr(0, line_end);
  const auto payload = text::parse_payload(source.substr(std::min(line_end + 1, size)));
  if (!payload) {
    PH_ASSERT(payload.error().what.starts_with("at byte "));
    return 0;
  }
  const auto* found = text::at_pointer(*payload, pointer);
  if (pointer.empty()) PH_ASSERT(found == &*payload);
  if (!pointer.empty() && !pointer.starts_with('/')) PH_ASSERT(found == nullptr);
  // Each member is found under its own escaped name.
  if (const auto* object = payload->if_object())
    for (const auto& member : *object) {
      const auto named = "/" + text::pointer_token(member.key());
      PH_ASSERT(text::at_pointer(*payload, named) == object->if_contains(member.key()));
    }
  return 0;
}

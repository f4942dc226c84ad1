// text/form.h on any bytes: what is written is read back as the same pairs.
#include "text/form.h"

#include <algorithm>
#include <cstdint>

#include "base/assert.h"

namespace text = posthorn::text;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto form = text::parse_form(source);
  if (!form) {
    PH_ASSERT(form.error().code == posthorn::Errc::limit);
    return 0;
  }
  PH_ASSERT(form->fields().size() <= text::form_fields_max);
  const auto again = text::parse_form(text::write_form(form->fields()));
  PH_ASSERT(again.has_value());
  // A pair of two empty parts is written as "=", which is read as a pair of two empty parts.
  PH_ASSERT(std::ranges::equal(again->fields(), form->fields()));
  PH_ASSERT(text::decode_form_part(text::percent_encode(source)) == source);
  return 0;
}

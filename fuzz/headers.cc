// text/headers.h, text/cursor.h and text/nearest.h on any bytes.
#include "text/headers.h"

#include <array>
#include <cstdint>
#include <functional>

#include "base/assert.h"
#include "text/cursor.h"
#include "text/nearest.h"

namespace text = posthorn::text;

namespace {

std::string weak_mac(std::string_view content) {
  std::string tag;
  for (std::uint64_t part = 1; part <= 2; ++part) {
    const std::uint64_t word = std::hash<std::string_view>{}(content) * (2 * part + 1);
    tag.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return tag;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view breakers("\r\n\0", 3);
  static constexpr std::array<std::string_view, 3> known{"event_types", "url", "secret"};
  static const text::CursorCodec codec(weak_mac);
  const std::string_view given(reinterpret_cast<const char*>(data), size);

  if (text::is_token(given)) PH_ASSERT(text::is_field_value(given));
  if (text::is_field_value(given)) PH_ASSERT(given.find_first_of(breakers) == std::string::npos);
  if (const auto list = text::split_list(given)) {
    std::string joined;
    for (const std::string_view element : *list)
      joined += (joined.empty() ? "" : ", ") + std::string(element);
    PH_ASSERT(text::split_list(joined) == list);
  }
  if (const auto length = text::parse_content_length(given))
    PH_ASSERT(std::to_string(*length) == given);
  if (const auto media = text::parse_media_type(given))
    PH_ASSERT(text::parse_media_type(media->essence)->essence == media->essence);
  (void)text::nearest(given, known);

  const auto read = codec.decode("list", given);
  if (read) PH_ASSERT(codec.encode("list", *read).size() <= given.size());
  const text::CursorFields fields{{"a", std::string(given.substr(0, 255))}, {"b", ""}};
  const std::string cursor = codec.encode(given, fields);
  const auto decoded = codec.decode(given, cursor);
  PH_ASSERT(decoded && *decoded == fields);
  PH_ASSERT(!codec.decode(std::string(given) + "x", cursor));
  return 0;
}

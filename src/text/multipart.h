#pragma once
// multipart/form-data (RFC 7578) as web pages and mail services send it: read strictly and bounded,
// in one pass whose time grows with the length alone. Nested multiparts are not followed: a part's
// bytes are its value.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::text {

inline constexpr std::size_t multipart_parts_max = 1000;
inline constexpr std::size_t part_header_bytes_max = 16 * 1024;
inline constexpr std::size_t part_headers_max = 20;

struct FormPart {
  std::string name;  ///< UTF-8.
  /// UTF-8, out of filename* (RFC 5987) or filename; bytes that are not UTF-8 are read as Latin-1.
  /// Data, never a path: it may hold slashes and dots. There: the part is a file.
  std::optional<std::string> filename;
  std::string content_type;  ///< As given; empty when the part names none.
  std::string_view bytes;    ///< Raw; looks into the body.
};

/// The parts in their order. `content_type` is the whole value of that header. Errors: invalid,
/// with one sentence: no or a malformed boundary, no first or final boundary, a part without a
/// name, a malformed header, a transfer encoding other than 7bit, 8bit and binary; limit: too many
/// parts, headers or bytes in a part's headers.
Result<std::vector<FormPart>> read_multipart(std::string_view content_type, std::string_view body);

}  // namespace posthorn::text

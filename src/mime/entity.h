#pragma once
// The structure of mail: headers, a blank line, a body; and a body cut at its boundaries. Views
// look into the bytes given. Not for use outside mime/.

#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::mime {

struct Entity {
  /// Names and raw values (still folded), at most headers_max of at most header_bytes_max in all.
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view body;

  /// The first raw value of that name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Line ends may be CRLF or LF; an mbox line "From " in front is skipped, as are lines that are no
/// header.
Entity split_entity(std::string_view raw);

/// The parts between the boundary's lines, at most `count_max` of them; what comes after the last
/// of those is `rest`. A missing final boundary is the end of the data.
struct Parts {
  std::vector<std::string_view> parts;
  std::string_view rest;
};
Parts split_parts(std::string_view body, std::string_view boundary, std::size_t count_max);

}  // namespace posthorn::mime

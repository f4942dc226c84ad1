#pragma once
// Page cursors of the API: opaque and authenticated, and bound to the list they were given for.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace posthorn::text {

/// Where a list goes on: small named values that only the list itself understands. A name or a
/// value has at most 255 bytes, all together at most 600.
using CursorFields = std::map<std::string, std::string>;

inline constexpr std::size_t cursor_bytes_max = 1024;

/// Thread-safe when the mac is.
class CursorCodec {
 public:
  /// A keyed MAC of at least 16 bytes (HMAC-SHA256 under a key of the installation): text/ does no
  /// cryptography.
  using Mac = std::function<std::string(std::string_view)>;
  explicit CursorCodec(Mac mac) : mac_(std::move(mac)) {}

  /// URL-safe text. `list` names the list and its filters in one canonical text, for instance
  /// "deliveries?endpoint_id=ep_1&status=failed" with the workspace.
  [[nodiscard]] std::string encode(std::string_view list, const CursorFields& fields) const;

  /// The fields again. Errors: invalid, when the text is no cursor that this installation made;
  /// conflict, when it was made for another list or other filters.
  [[nodiscard]] Result<CursorFields> decode(std::string_view list, std::string_view cursor) const;

 private:
  [[nodiscard]] std::string list_tag(std::string_view list) const;
  [[nodiscard]] std::string seal_tag(std::string_view content) const;

  Mac mac_;
};

}  // namespace posthorn::text

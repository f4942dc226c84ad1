#pragma once
// Payloads and bodies in rows are compressed where that saves something: they are most of what is
// written, first to the log and then to the database (docs/adr/0013).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace posthorn::store {

/// How bytes go into a row; made on the caller's thread.
struct StoredForm {
  std::uint64_t checksum = 0;
  std::string compressed;  ///< LZ4 block; empty: they go as they are.
};

/// Of null: nothing. `in_row`: false for what goes into a file, which is not compressed.
StoredForm stored_form(const SharedBytes& bytes, bool in_row);

/// LZ4 block of `bytes`; empty when that would save less than an eighth, or little.
std::string compress(std::string_view bytes);

/// nullopt when `block` is not of exactly `bytes` bytes.
std::optional<std::string> decompress(std::string_view block, std::size_t bytes);

}  // namespace posthorn::store

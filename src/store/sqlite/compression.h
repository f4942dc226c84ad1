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
  std::string compressed;           ///< LZ4 block; empty: they go as they are.
  std::size_t compressed_from = 0;  ///< Their size where `compressed` holds something, else 0.
};

/// Of null: nothing.
StoredForm stored_form(const SharedBytes& bytes);

/// LZ4 block of `bytes`; empty when that would save less than an eighth, or little, or when they
/// are more than go into a row.
std::string compress(std::string_view bytes);

/// nullopt when `block` is not of exactly `size` bytes.
std::optional<std::string> decompress(std::string_view block, std::size_t size);

}  // namespace posthorn::store

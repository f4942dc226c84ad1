#pragma once
// The file of crypto/vault.h on disk. Not for use outside crypto/.

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace posthorn::crypto {

/// The file's text; nullopt when there is none. Errors: refused when its mode lets others in or it
/// is not a regular file, io.
Result<std::optional<std::string>> read_key_file(const std::string& path);

enum class WriteMode { create, replace };

/// Writes the whole file with mode 0600, durable when it returns; what was there stays whole until
/// then. Errors: conflict when `create` finds one there, io.
Result<> write_key_file(const std::string& path, std::string_view text, WriteMode mode);

}  // namespace posthorn::crypto

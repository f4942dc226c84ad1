#pragma once
// Files that are on the disk when the call returns.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace posthorn::store {

/// Makes `path`, which must not be there; nothing is left of it after a failure. Errors:
/// unavailable (disk full), io.
Result<> write_new_file(const std::string& path, std::string_view bytes);

/// Copies a file into a new one. Errors: not_found (no such source), unavailable, io.
Result<> copy_file(const std::string& source, const std::string& target);

/// Makes the names in a folder durable.
Result<> sync_folder(const std::string& folder);
Result<> sync_file(const std::string& path);

/// Makes the folder and those above it, for their owner only; the mode of one that is there stays.
Result<> make_folder(const std::string& folder);

/// Moves a file inside one folder; the folder is not synced. Errors: not_found, io.
Result<> move_file(const std::string& from, const std::string& to);
[[nodiscard]] bool file_exists(const std::string& path);

/// Its SHA-256 in hex. Errors: not_found, io.
Result<std::string> digest_file(const std::string& path);

/// The whole file. Errors: not_found, io.
Result<std::string> read_file(const std::string& path);

/// The names in a folder, sorted; empty when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace posthorn::store

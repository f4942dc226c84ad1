#pragma once
// Acts on a data folder without serving it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace posthorn::app {

/// `done` of `total` steps.
using ProgressCall = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Every broken invariant in words; empty when all hold. Errors: conflict (the folder is being
/// served), io, corrupt.
Result<std::vector<std::string>> check_store(const std::string& data);

/// Copies the folder, served or not, into an empty one, with a manifest of checksums. The key file
/// is not copied. What is not as it should be, in words.
Result<std::vector<std::string>> back_up(const std::string& data, const std::string& to,
                                         ProgressCall progress);

/// Holds a backup against its manifest.
Result<std::vector<std::string>> verify_backup(const std::string& from);

/// Fills an empty data folder. A server that opens it starts paused.
Result<std::vector<std::string>> restore(const std::string& from, const std::string& data);

}  // namespace posthorn::app

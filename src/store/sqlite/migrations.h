#pragma once
#include <span>
#include <string_view>

#include "base/error.h"
#include "store/sqlite/database.h"

namespace posthorn::store {

struct Migration {
  std::string_view name;  ///< "0001_initial.sql"; numbered from 1 without gaps.
  std::string_view sql;
};

/// What this build knows, in order.
std::span<const Migration> migrations();

/// Brings the database to the newest schema, each step in a transaction of its own with its
/// checksum. Errors: unsupported (made by a newer build, or by a changed migration; nothing was
/// touched), io.
Result<> migrate(Connection& connection, std::span<const Migration> steps = migrations());

/// The number of the last migration that was applied; 0 for an empty file.
int schema_version(Connection& connection);

}  // namespace posthorn::store

#pragma once
// What the files of Applier share and its users do not see.

#include <vector>

#include "store/sqlite/applier.h"
#include "store/sqlite/write_statements.h"

namespace posthorn::store {

/// Publishes of one actor in one workspace that share an audit entry.
struct Applier::PublishNote {
  WorkspaceId workspace;
  std::string actor;
  std::string request_id;
  EventId first;
  std::size_t count = 0;
};

/// What stands in the row's own column; nullopt: there is nothing, or it lies in a file. The result
/// looks into `bytes` or `form`.
inline std::optional<Blob> row_bytes(const SharedBytes& bytes, bool in_file,
                                     const StoredForm& form) {
  if (!bytes || in_file) return std::nullopt;
  return Blob{form.compressed.empty() ? std::string_view(*bytes)
                                      : std::string_view(form.compressed)};
}

/// True when two attempts are of one delivery, so that the second builds on the first.
bool has_repeated_delivery(const std::vector<AttemptRecord>& attempts);

}  // namespace posthorn::store

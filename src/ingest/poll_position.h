#pragma once
// Where the look at a source stands, as it is stored (ObjectKind::poll_state).

#include <cstdint>
#include <string>

#include "base/error.h"
#include "ingest/source.h"

namespace posthorn::ingest {

struct PollPosition {
  std::uint64_t object = 0;  ///< The document's id; 0: not stored yet.
  WorkspaceId workspace;
  std::string account;  ///< Whose things the cursor counts (Poller::account).
  json::object cursor;
};

/// Named like the source's id, whose child it is.
model::Object to_object(const PollPosition& position, const Source& source);
/// Error: corrupt.
Result<PollPosition> poll_position_from(const model::Object& object);

}  // namespace posthorn::ingest

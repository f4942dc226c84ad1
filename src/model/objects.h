#pragma once
// Everything that is configured rather than streamed, stored as versioned documents.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"

namespace posthorn::model {

/// The kinds of documents. The numbers are stored: never reuse one.
enum class ObjectKind : std::uint8_t {
  workspace = 1,
  application = 2,
  event_type = 3,
  endpoint = 4,
  api_key = 5,
  bin = 6,
  bin_capture = 7,
  replay_job = 8,
  notification = 9,
  outgoing_mail = 10,
  idempotent_reply = 11,
  setting = 12,  ///< Installation-wide values by name (key check, restore mark).
  source = 13,
  poll_state = 14,      ///< Where a source's poller stands; named like its source's id.
  message_status = 15,  ///< The highest status that a message has reached, by source and message.
};

/// A stored document. `name` is unique per (kind, workspace) when not empty; `parent` groups
/// (captures of a bin).
struct Object {
  ObjectKind kind{};
  std::uint64_t id = 0;  ///< Unique over all kinds of ids.
  WorkspaceId workspace;
  std::uint64_t parent = 0;  ///< Application of an endpoint, bin of a capture, source; 0: none.
  std::string
      name;  ///< Event type name, application uid, key lookup prefix, bin slug; may be empty.
  std::int64_t version = 0;  ///< 1 when created, then counted up; 0: does not exist.
  Instant created_at, updated_at;
  std::optional<Instant> expires_at;  ///< Retention removes it after this.
  std::string document;  ///< JSON; secrets inside are sealed by the caller (model/json.h).
};

/// A change by a person or a key, hash-chained: hash = SHA-256(previous hash, the other fields).
struct AuditEntry {
  AuditId id;
  WorkspaceId workspace;
  Instant at;
  std::string actor;        ///< "key:key_…", "system", "cli".
  std::string action;       ///< "endpoint.update".
  std::string object;       ///< "ep_…"; for a group of publishes, "evt_… (500)".
  std::string before_hash;  ///< Hex SHA-256 of the document before; empty when created.
  std::string after_hash;   ///< Of the document after; empty when deleted.
  std::string request_id;
  std::string previous_hash, hash;  ///< Hex; given by the store.
};

}  // namespace posthorn::model

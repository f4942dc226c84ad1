#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"

namespace posthorn::model {

/// Something that happened and that endpoints may be told about. Immutable once committed.
struct Event {
  EventId id;                 ///< Ours; `webhook-id`, the same on every retry.
  std::int64_t position = 0;  ///< Place in the log; given in the transaction, only grows.
  WorkspaceId workspace;
  ApplicationId application;
  std::string type;  ///< "ticket.created": dotted, [a-z0-9_], at most 128 bytes.
  int type_version = 1;
  std::string key;  ///< Orders and counts `sequence`; empty: none. At most 256 bytes.
  std::vector<std::string> channels;     ///< At most 5.
  std::string actor;                     ///< "key:key_…" of the publisher, or "system".
  std::optional<std::int64_t> sequence;  ///< Per (workspace, key), from 1; none without a key.
  std::string client_id;                 ///< The publisher's own id; empty: none.
  std::string traceparent;
  int hop = 0;         ///< How often this travelled through webhooks already; cut at 3.
  Instant created_at;  ///< Wall clock.
  Instant due_at;      ///< On the timeline; later than created_at when delayed.
  SharedBytes data;    ///< The JSON as it came, at most 1 MiB; null after erasure or retention.
  std::uint32_t fan_out = 0;  ///< Deliveries that its commit made or reserved.
  DeliveryId first_delivery;  ///< They have the ids first_delivery .. first_delivery + fan_out - 1.
};

}  // namespace posthorn::model

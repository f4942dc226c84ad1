#pragma once
// Where a delivery stands, in words. Pure; the caller brings what the store and the engine know.

#include <optional>
#include <string>

#include "deliver/engine.h"
#include "model/delivery.h"
#include "model/endpoint.h"

namespace posthorn::deliver {

struct Standing {
  const model::Delivery& delivery;
  const model::Endpoint* endpoint = nullptr;  ///< Null: deleted.
  LaneView lane;                              ///< Engine::lane_view.
  /// With Ordering::key: the oldest pending delivery of the key below this one, if any
  /// (Store::pending_of_key).
  std::optional<DeliveryId> ahead;
  /// With Ordering::key and OnExhausted::block: Store::blocking_head.
  std::optional<DeliveryId> blocked_by;
};

/// One sentence without a full stop: "waits: the endpoint is probing, next probe in 30 s".
/// `now`: on the timeline, like the delivery's due time.
std::string where_it_stands(const Standing& standing, Instant now);

}  // namespace posthorn::deliver

#pragma once
// The events and notices that delivering itself causes, as parts of the batch that records why.
//
// They are published by the actor "system" in the endpoint's own application, like any event, with
// two differences that keep them from going round in circles: an event about an endpoint is never
// delivered to that endpoint, and its hop counts on from the event that was being delivered.

#include <string>
#include <string_view>

#include "model/delivery.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::deliver {

struct NoticeTime {
  Instant wall;
  Instant timeline;
};

/// What an attempt means for its delivery and its endpoint.
struct AttemptNews {
  const model::Endpoint& endpoint;
  const model::Event& event;  ///< That was delivered.
  const model::Attempt& attempt;
  model::DeliveryState state = model::DeliveryState::pending;
  int failures = 0;  ///< Of the endpoint, in a row.
  bool tell_failing = false;
};

/// Adds `delivery.exhausted`, `delivery.recovered` (a success after failed attempts) and
/// `endpoint.failing`, whichever apply.
void add_delivery_events(store::Batch& batch, const AttemptNews& news, NoticeTime time,
                         const publish::Publisher& publisher);

/// Adds one event about an endpoint. `data` is JSON. `hop`: of the event that caused it; -1: none.
void add_system_event(store::Batch& batch, const model::Endpoint& endpoint, std::string type,
                      std::string data, int hop, NoticeTime time,
                      const publish::Publisher& publisher);

/// Adds the notification that a delivery was parked.
void add_parked_notice(store::Batch& batch, const model::Delivery& delivery, NoticeTime time);

}  // namespace posthorn::deliver

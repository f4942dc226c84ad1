#pragma once
// Events and deliveries as API answers.

#include <boost/json/object.hpp>

#include <string>

#include "model/delivery.h"
#include "model/event.h"
#include "model/faults.h"

namespace posthorn::model {

/// Appends the event as a JSON object. With data, the event's own bytes are spliced in as received
/// (null after erasure); without, there is no member `data`.
void append_event_json(std::string& out, const Event& event, bool with_data);

/// `status` is the state's name; `next_attempt_at` is null unless pending.
json::object to_api(const Delivery& delivery);

/// A response body that is not UTF-8 is shown as base64 with `body_encoding` "base64".
json::object to_api(const Attempt& attempt);

}  // namespace posthorn::model

#pragma once
// Deliveries as answers, with the type of their event beside what model::to_api gives.

#include <string>
#include <vector>

#include "api/context.h"
#include "model/delivery.h"

namespace posthorn::api {

/// The filter that the query of a list of deliveries describes, within the caller's workspace.
store::DeliveryFilter delivery_filter(const Call& call);

/// Each delivery as JSON text, with `event_type` (null once the event was removed). Events are read
/// in small groups, so that not all payloads are in memory at once.
task<Result<std::vector<json::object>>> delivery_shapes(Context& context,
                                                        std::vector<model::Delivery> deliveries);

/// A page of deliveries as a list answer.
task<Answer> list_deliveries_of(Context& context, Call& call, store::DeliveryFilter filter);

/// The caller's delivery that the path names in either form.
task<std::expected<model::Delivery, Problem>> own_delivery(Context& context, const Call& call);

}  // namespace posthorn::api

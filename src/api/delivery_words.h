#pragma once
#include <string>

#include "api/context.h"
#include "model/delivery.h"

namespace posthorn::api {

/// Where a delivery stands, in one sentence for people: "waits: the endpoint is probing",
/// "delivered with the 2nd attempt".
std::string words_of(const Context& context, const model::Delivery& delivery);

}  // namespace posthorn::api

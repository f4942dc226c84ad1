#pragma once
#include <string>

#include "api/context.h"
#include "model/delivery.h"

namespace posthorn::api {

/// Where a delivery stands, in one sentence for people (deliver/explain.h). Reads the store only
/// for ordered endpoints.
task<Result<std::string>> words_of(Context& context, model::Delivery delivery);

}  // namespace posthorn::api

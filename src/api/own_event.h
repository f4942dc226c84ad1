#pragma once
#include <expected>
#include <memory>

#include "api/context.h"

namespace posthorn::api {

/// The event that the path names by our id or by the publisher's own; a Problem when it is not
/// there (or of another workspace).
task<std::expected<std::shared_ptr<const model::Event>, Problem>> own_event(Context& context,
                                                                            const Call& call);

}  // namespace posthorn::api

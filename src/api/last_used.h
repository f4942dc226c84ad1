#pragma once
#include <memory>

#include "api/context.h"

namespace posthorn::api {

/// Writes the key's last_used_at when the one that is known is older than Config::last_used_step.
/// A failure is logged and tried again with a later call.
task<> note_use(Context& context, std::shared_ptr<const KeyEntry> key, Instant now);

}  // namespace posthorn::api

#pragma once
// What MessageBird's calls say, as events. Not for use outside providers/.

#include "providers/provider.h"

namespace posthorn::providers::messagebird_calls {

/// The status of one SMS for one recipient, in the query.
Parsed parse_status(const Incoming& request);
/// Conversations: message.created, message.updated and what else they send, as JSON.
Parsed parse_conversation(const Incoming& request);

}  // namespace posthorn::providers::messagebird_calls

#pragma once
// The canonical statuses of a message that was sent, and the order in which they may follow.

#include <string_view>

namespace posthorn::providers {

/// Whether `status` is one of queued, sent, delivered, read, failed, undelivered.
bool is_message_status(std::string_view status);

/// Whether a message that stands at `from` moves on to `to`, in whatever order callbacks come in:
/// queued < sent < delivered < read; failed and undelivered end it unless delivered or read
/// follows (a receipt of the person's device outweighs a provider's guess). False for the same
/// status, for failed against undelivered, and when `to` is no canonical status. A `from` that is
/// none (empty: nothing is known yet) is below all.
bool status_rises(std::string_view from, std::string_view to);

}  // namespace posthorn::providers

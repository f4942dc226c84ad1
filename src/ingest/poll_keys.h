#pragma once
// What keeps a poll and a webhook that say the same from happening twice.

#include "ingest/intake.h"

namespace posthorn::ingest {

/// Of a poll: its item's key, so that it is kept once even where nothing can be made of it; no key
/// of the body alone, for the provider itself was asked; and no row when it is known. Of a webhook
/// whose own key says nothing of what a poll finds (Shopify): that of the item it stands for, which
/// polls look up and other webhooks do not.
void add_poll_keys(store::NewRequest& made, const LiveSource& live, const Arrival& arrival);

}  // namespace posthorn::ingest

#pragma once
// The payload that Messenger and Instagram share: `entry[].messaging[]`, and `standby[]` while
// another app has the conversation. Not for use outside providers/.

#include "providers/provider.h"

namespace posthorn::providers {

/// Keys: `<mid>:<state>`; for what has no mid (watermarks) the page, the person, the state and the
/// moment. In a delivery or read receipt the person is the sender, so `from` and `to` are swapped:
/// the message that it speaks of went from the page to the person.
Parsed parse_meta_messaging(const Incoming& request, std::string_view object);

/// A sample payload; `name` is one of the samples of the two providers.
json::object sample_meta_messaging(std::string_view object, std::string_view name,
                                   const SampleOrder& order);

}  // namespace posthorn::providers

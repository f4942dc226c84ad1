#pragma once
// The moments that a request speaks of: one of them is when it was signed. Not for use outside
// providers/.

#include <vector>

#include "base/time.h"
#include "providers/provider.h"

namespace posthorn::providers {

/// Numbers of 10 or 13 digits (unix seconds or milliseconds) and RFC 3339 times in the headers, the
/// query, the first 64 KiB of the body, and the payload of a JWT in a header; and `now` moved by
/// whole hours up to 14 (time zones). Each once; at most 64.
std::vector<Instant> request_times(const Incoming& request, Instant now);

}  // namespace posthorn::providers

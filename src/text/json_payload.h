#pragma once
// JSON that somebody else made and we only read.

#include <boost/json/value.hpp>
#include <string_view>

#include "base/error.h"

namespace posthorn::text {

/// A provider's payload: depth at most json_depth_max, well-formed UTF-8, no trailing text; of
/// duplicate keys the last counts, and the number of members is bounded by the length alone.
/// Error: invalid, "at byte N: what is wrong".
Result<boost::json::value> parse_payload(std::string_view text);

}  // namespace posthorn::text

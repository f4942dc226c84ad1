#pragma once
// The larger members of an endpoint's input. Not for use outside model/.

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

#include "model/endpoint.h"
#include "model/members.h"

namespace posthorn::model {

/// The member "secret" as text. Its faults never hold it.
std::optional<std::string> read_secret_text(Members& members);

/// An object of name and value; `before` are the headers that masked values stand for.
std::vector<Header> read_headers(const json::object& given, Faults& faults,
                                 const std::string& pointer, const std::vector<Header>& before);

/// A profile's name, a list of waits, {"profile"} or {"steps"}; null is the default. A wait is a
/// number of seconds or text like "30s".
RetryPolicy read_retry(const json::value& given, Faults& faults, const std::string& pointer);

}  // namespace posthorn::model

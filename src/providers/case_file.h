#pragma once
// Plays files of cases (tests/cases/providers/<provider>/<case>.json) through the providers.

#include <boost/json/object.hpp>
#include <filesystem>
#include <ostream>

#include "base/error.h"

namespace posthorn::providers {

/// What the providers make of one case: "verified", "reason", "idempotency_key", "events",
/// "response", "action", "parse_error". Errors: invalid, when it is not a case.
Result<boost::json::object> play_case(const boost::json::object& given);

/// Writes one line of JSON for each case below the folder, by provider and name: {"case",
/// "verified", "reason", "idempotency_key", "events", "response", "action", "parse_error"}.
/// Errors: invalid, when the folder or a case cannot be read; the lines before it were written.
Result<> check_cases(const std::filesystem::path& folder, std::ostream& out);

}  // namespace posthorn::providers

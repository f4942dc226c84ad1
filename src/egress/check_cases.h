#pragma once
// Plays a file of cases (tests/cases/ssrf.json, sns-url.json) through the policy.

#include <istream>
#include <ostream>

#include "base/error.h"

namespace posthorn::egress {

/// Reads a JSON array of cases and writes one line of JSON for each, in order:
/// {"index": 0, "verdict": "accept"|"reject", "why": text}; `why` is empty for an accepted one.
/// With `sns` the cases are addresses that SNS names (members url, kind, allowed_topics), else
/// outgoing URLs: stage "register" judges the text alone, "connect" also `resolves_to`, and a reply
/// that redirects is a reject, because redirects are never followed.
/// Errors: invalid, when the cases cannot be read; nothing was written then.
Result<> check_cases(std::istream& cases, bool sns, std::ostream& out);

}  // namespace posthorn::egress

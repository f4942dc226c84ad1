#pragma once
// Errors as the API tells them: application/problem+json (RFC 9457).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "http/message.h"
#include "model/faults.h"

namespace posthorn::api {

/// One refusal. `code` is stable, for programs; `detail` is one sentence for people. A fault's
/// pointer is an RFC 6901 pointer into the body, `?name` for a query parameter, the name of a
/// header, or `path/name` for a part of the path.
struct Problem {
  int status = 400;
  std::string code;
  std::string detail;
  std::vector<model::Fault> errors;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// "Not Found" for 404.
std::string_view title_of(int status);

/// The problem that an error of a lower layer means to the caller; 503 gets a Retry-After. An error
/// that no caller can do anything about becomes 500 without its text.
Problem problem_of(const Error& error);

/// 422 validation_failed (400 invalid_query when every fault is of the query string).
Problem problem_of(const model::Faults& faults);

http::Response to_response(const Problem& problem, std::string_view request_id);

}  // namespace posthorn::api

#pragma once
// What is checked from a request's head alone, before its body is read.

#include <expected>

#include "api/context.h"
#include "api/router.h"

namespace posthorn::api {

/// A head that may go on: where it leads and who sent it.
struct Entry {
  Routed routed;
  Caller caller;
};

/// Address and method, key and scope, content type and coding, length. `now` is wall-clock time.
std::expected<Entry, Problem> enter(Context& context, const Router& router,
                                    const http::RequestHead& head, Instant now);

/// The bucket of the caller's workspace takes this request. A Problem (429) when it is empty.
std::optional<Problem> take_rate(Context& context, const Caller& caller);

/// A Problem (503, or 429 for a workspace that holds its share) when too many publishes are in
/// flight.
std::optional<Problem> ask_publish_gate(Context& context, const Entry& entry);

/// RateLimit-*, X-RateLimit-*; nothing for a workspace without a limit.
void add_rate_headers(Context& context, const Caller& caller, http::Response& response);

}  // namespace posthorn::api

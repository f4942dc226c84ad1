#pragma once
// Received requests as answers.

#include <boost/json/object.hpp>
#include <expected>

#include "api/answer.h"
#include "api/context.h"
#include "model/received_request.h"

namespace posthorn::api {

/// In a list: without headers and body, secrets in the URL masked.
json::object request_shape(const Context& context, const model::ReceivedRequest& request);

/// With headers (secrets masked), and the body as text or base64 up to 64 KiB.
json::object request_detail(const Context& context, const model::ReceivedRequest& request);

/// The caller's request that the path names, with its body.
task<std::expected<model::ReceivedRequest, Problem>> own_request(Context& context,
                                                                 const Call& call);

/// Where it stands, as a sentence.
std::string in_words(const Context& context, const model::ReceivedRequest& request);

}  // namespace posthorn::api

#pragma once
// What the handlers of endpoints have in common.

#include <expected>

#include "api/context.h"
#include "model/endpoint_json.h"

namespace posthorn::api {

/// An endpoint with the document it was read from.
struct StoredEndpoint {
  model::Object object;
  model::Endpoint endpoint;
};

/// The caller's endpoint that the path names, as it is stored; 404 otherwise, 412 when If-Match
/// does not name its version.
task<std::expected<StoredEndpoint, Problem>> stored_endpoint(Context& context, const Call& call);

/// The same from the routing table, for reading.
std::shared_ptr<const model::Endpoint> routed_endpoint(const Context& context, const Call& call);

/// Rules for reading an endpoint's body: the URL may be https (by the egress guard) or that of a
/// bin of the workspace.
model::EndpointRules rules_for(const Context& context, const Call& call);

/// What a change of an endpoint is besides its document.
struct EndpointChange {
  std::optional<store::HeldChange> held;
  json::object more;  ///< Members of the answer beside the endpoint's own.
  int status = 200;
};

/// Commits `changed` in place of `stored` with its audit entry and answers with it.
task<Answer> save_endpoint(Context& context, Call& call, StoredEndpoint stored,
                           model::Endpoint changed, EndpointChange change = {});

}  // namespace posthorn::api

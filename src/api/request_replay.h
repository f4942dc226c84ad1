#pragma once
// Received requests that are verified and worked on again.

#include <expected>

#include "api/answer.h"
#include "env/clock.h"
#include "env/task.h"
#include "ingest/certificate_cache.h"
#include "ingest/source_index.h"
#include "model/received_request.h"
#include "model/replay_job.h"
#include "store/store.h"

namespace posthorn::api {

/// What a replay works with; references that outlive it.
struct ReplayPorts {
  store::Store& store;
  const ingest::SourceIndex& sources;
  ingest::CertificateCache* certificates;  ///< Null: what needs one is not verified again.
  const env::Timeline& timeline;
};

/// Whether the body is kept as it came: else the request can neither be verified nor worked on.
[[nodiscard]] bool has_whole_body(const model::ReceivedRequest& request);

/// Today's settings of its source, with the certificate that the request says it is signed with.
/// Errors: unavailable, when that cannot be had. `request` outlives the call.
task<Result<providers::Settings>> settings_for(ingest::CertificateCache* certificates,
                                               ingest::LiveSourcePtr live,
                                               const model::ReceivedRequest& request);

/// What sets the request to received, due now, so that it is worked on again. What it says happens
/// once all the same; with `force` it happens anew. `request` has its body and outlives the call. A
/// Problem when it cannot be: 409 with source_deleted, already_waiting, handshake, body_not_kept,
/// duplicate (without force), still_refused, one_time_token (without force),
/// certificate_unavailable; 503 of the store.
task<std::expected<store::RequestChange, Problem>> replay_change(
    ReplayPorts ports, const model::ReceivedRequest& request, bool force);

/// The request as it is once `change` is committed.
model::ReceivedRequest changed(model::ReceivedRequest request, const store::RequestChange& change);

/// Which requests of a workspace: for the store, and what the store cannot tell apart.
struct RequestQuery {
  store::RequestFilter filter;
  std::string provider;  ///< Of the sources of this provider that are there; empty: all.
};
/// Whether a row is wanted by its provider.
[[nodiscard]] bool is_wanted(const RequestQuery& query, const ingest::SourceIndex& sources,
                             const model::ReceivedRequest& row);

/// What a job's filter means: requests that were received before the job was made.
RequestQuery request_query(const model::ReplayJob& job);

}  // namespace posthorn::api

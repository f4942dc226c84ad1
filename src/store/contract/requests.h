#pragma once
// Received requests: what their cases are made of.

#include "store/contract/harness.h"

namespace posthorn::store::contract {

inline const SourceId source{5};

/// A request of `source` that waits for the worker; `body` decides its digest.
inline NewRequest new_request(Bench& bench, std::vector<DedupeKey> keys = {},
                              const std::string& body = "{}") {
  NewRequest made;
  made.request.source = source;
  made.request.workspace = workspace;
  made.request.received_at = bench.now();
  made.request.due_at = bench.now();
  made.request.method = "POST";
  made.request.url = "https://hooks.example/in/abc";
  made.request.body = share(body);
  made.request.body_bytes = static_cast<std::int64_t>(body.size());
  made.request.body_sha256 = std::string(31, 'd') + (body.empty() ? '\0' : body.back());
  made.keys = std::move(keys);
  return made;
}

inline Batch batch_of(NewRequest fresh) {
  Batch batch;
  batch.requests.push_back(std::move(fresh));
  return batch;
}

inline RequestReceipt receive(Bench& bench, NewRequest fresh) {
  return bench.apply(batch_of(std::move(fresh))).requests.at(0);
}
inline RequestReceipt receive_with(Bench& bench, std::vector<DedupeKey> keys,
                                   const std::string& body = "{}") {
  return receive(bench, new_request(bench, std::move(keys), body));
}

inline model::ReceivedRequest stored_request(Bench& bench, RequestId id) {
  auto found = must(bench.store().request(id));
  REQUIRE(found.has_value());
  return *std::move(found);
}

inline Batch batch_of(RequestChange change) {
  Batch batch;
  batch.request_changes.push_back(std::move(change));
  return batch;
}

inline std::vector<RequestId> due_requests(Bench& bench, SourceId of = source,
                                           Instant until = {INT64_MAX}) {
  return ids_of(must(bench.store().requests_due(of, {}, until, 10'000)));
}

}  // namespace posthorn::store::contract

#pragma once

#include "env/metrics.h"

namespace posthorn::ingest {

struct Metrics {
  explicit Metrics(env::MetricRegistry& registry)
      : received(registry, "posthorn_requests_received_total", "Verified requests that were kept"),
        duplicates(registry, "posthorn_requests_duplicate_total",
                   "Requests that said what an earlier one had said"),
        refused(registry, "posthorn_requests_refused_total", "Requests that did not verify"),
        unknown(registry, "posthorn_requests_unknown_total", "Calls of an unknown source"),
        overloaded(registry, "posthorn_requests_overloaded_total",
                   "Requests answered 503 because too much was in flight"),
        processed(registry, "posthorn_requests_processed_total", "Requests that were worked on"),
        events(registry, "posthorn_requests_events_total", "Events that requests made"),
        failed(registry, "posthorn_requests_failed_total",
               "Tries to work on a request that failed"),
        parked(registry, "posthorn_requests_parked_total", "Requests that were given up"),
        waiting(registry, "posthorn_requests_waiting", "Requests that wait for the worker"),
        acknowledged(registry, "posthorn_request_acknowledge_seconds",
                     "From the whole request to its answer"),
        lag(registry, "posthorn_request_lag_seconds", "From a request's commit to its events'") {}

  env::Counter received, duplicates, refused, unknown, overloaded, processed, events, failed,
      parked;
  env::Gauge waiting;
  env::DurationHistogram acknowledged, lag;
};

}  // namespace posthorn::ingest

#pragma once
#include "env/metrics.h"

namespace posthorn::api {

struct Metrics {
  explicit Metrics(env::MetricRegistry& registry)
      : requests(registry, "posthorn_api_requests_total", "Calls of the API that were answered"),
        refused(registry, "posthorn_api_refused_total", "Calls answered with 4xx"),
        failed(registry, "posthorn_api_failed_total", "Calls answered with 5xx"),
        published(registry, "posthorn_events_published_total", "Events committed by publishes"),
        duplicates(registry, "posthorn_events_duplicate_total",
                   "Publishes whose id was there already"),
        overloaded(registry, "posthorn_publishes_refused_total",
                   "Publishes refused because too many were in flight"),
        streams(registry, "posthorn_api_streams", "Open event streams") {}

  env::Counter requests, refused, failed, published, duplicates, overloaded;
  env::Gauge streams;
};

}  // namespace posthorn::api

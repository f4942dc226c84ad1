#pragma once

#include "env/metrics.h"

namespace posthorn::ingest {

struct PollMetrics {
  explicit PollMetrics(env::MetricRegistry& registry)
      : asked(registry, "posthorn_polls_total", "Questions that were asked of providers' APIs"),
        failed(registry, "posthorn_polls_failed_total", "Questions without a useful answer"),
        found(registry, "posthorn_polls_found_total",
              "Requests that polling found and no webhook had brought") {}

  env::Counter asked, failed, found;
};

}  // namespace posthorn::ingest

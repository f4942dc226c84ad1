#pragma once
// What the deliverer counts. Read directly by tests; exposed by env::MetricRegistry.

#include "env/http_sender.h"
#include "env/metrics.h"

namespace posthorn::deliver {

struct Metrics {
  explicit Metrics(env::MetricRegistry& registry);

  env::Counter delivered, exhausted, cancelled, parked;  ///< posthorn_deliveries_total{outcome}
  /// posthorn_attempts_total{result}: by status class when a status line was read.
  env::Counter ok, http_1xx, http_3xx, http_4xx, http_5xx, refused, dns, connect, tls, timeout,
      connection_lost, protocol_error;
  env::DurationHistogram attempt_total, attempt_first_byte;  ///< posthorn_attempt_duration_seconds
  env::DurationHistogram first_try, after_retry;  ///< posthorn_delivery_end_to_end_seconds
  env::Gauge in_flight;                           ///< Attempts, until their record is durable.
  env::Gauge waiting;                             ///< Pending deliveries in memory.
  env::Gauge payload_bytes;                       ///< Of event payloads held in memory.
  env::Gauge oldest_due_age;  ///< Seconds; of lanes that are neither held nor probing.
  env::Gauge lanes, lanes_probing;
  env::Counter auto_disabled;
  env::Counter records_delayed;  ///< Times that the store did not take a record at once.

  /// The counter of an attempt's result; not for not_sent.
  env::Counter& attempts(env::ExchangeResult result, int status);
};

}  // namespace posthorn::deliver

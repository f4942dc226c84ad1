#include "deliver/metrics.h"

#include <utility>

namespace posthorn::deliver {

namespace {
constexpr auto deliveries = "posthorn_deliveries_total";
constexpr auto deliveries_help = "Deliveries that ended, by outcome";
constexpr auto attempts_name = "posthorn_attempts_total";
constexpr auto attempts_help = "Attempts, by result";
constexpr auto seconds = "posthorn_attempt_duration_seconds";
constexpr auto seconds_help = "Time an attempt took, by phase";
constexpr auto end_to_end = "posthorn_delivery_end_to_end_seconds";
constexpr auto end_to_end_help = "From an event's publishing to its delivery";
}  // namespace

Metrics::Metrics(env::MetricRegistry& r)
    : delivered(r, deliveries, deliveries_help, R"(outcome="delivered")"),
      exhausted(r, deliveries, deliveries_help, R"(outcome="failed")"),
      cancelled(r, deliveries, deliveries_help, R"(outcome="cancelled")"),
      parked(r, deliveries, deliveries_help, R"(outcome="parked")"),
      ok(r, attempts_name, attempts_help, R"(result="ok")"),
      http_1xx(r, attempts_name, attempts_help, R"(result="http_1xx")"),
      http_3xx(r, attempts_name, attempts_help, R"(result="http_3xx")"),
      http_4xx(r, attempts_name, attempts_help, R"(result="http_4xx")"),
      http_5xx(r, attempts_name, attempts_help, R"(result="http_5xx")"),
      refused(r, attempts_name, attempts_help, R"(result="ssrf_blocked")"),
      dns(r, attempts_name, attempts_help, R"(result="dns")"),
      connect(r, attempts_name, attempts_help, R"(result="connect")"),
      tls(r, attempts_name, attempts_help, R"(result="tls")"),
      timeout(r, attempts_name, attempts_help, R"(result="timeout")"),
      connection_lost(r, attempts_name, attempts_help, R"(result="connection_lost")"),
      protocol_error(r, attempts_name, attempts_help, R"(result="protocol_error")"),
      attempt_total(r, seconds, seconds_help, R"(phase="total")"),
      attempt_first_byte(r, seconds, seconds_help, R"(phase="ttfb")"),
      first_try(r, end_to_end, end_to_end_help, R"(attempt="first")"),
      after_retry(r, end_to_end, end_to_end_help, R"(attempt="retry")"),
      in_flight(r, "posthorn_queue_in_flight", "Attempts begun and not yet recorded"),
      waiting(r, "posthorn_queue_waiting", "Pending deliveries held in memory"),
      payload_bytes(r, "posthorn_queue_payload_bytes", "Bytes of event payloads held in memory"),
      oldest_due_age(r, "posthorn_queue_oldest_due_age_seconds",
                     "Age of the oldest due delivery whose lane is neither held nor probing"),
      lanes(r, "posthorn_lanes", "Endpoints with a lane in memory"),
      lanes_probing(r, "posthorn_lanes_probing", "Lanes that probe a failing endpoint"),
      auto_disabled(r, "posthorn_endpoint_auto_disabled_total",
                    "Endpoints disabled after failures or 410"),
      records_delayed(r, "posthorn_delivery_records_delayed_total",
                      "Times that the store did not take finished attempts at once") {}

env::Counter& Metrics::attempts(env::ExchangeResult result, int status) {
  using env::ExchangeResult;
  switch (result) {
    case ExchangeResult::ok:
      if (status >= 500) return http_5xx;
      if (status >= 400) return http_4xx;
      if (status >= 300) return http_3xx;
      return status >= 200 ? ok : http_1xx;
    case ExchangeResult::refused:
      return refused;
    case ExchangeResult::dns_failed:
      return dns;
    case ExchangeResult::connect_failed:
      return connect;
    case ExchangeResult::tls_failed:
      return tls;
    case ExchangeResult::timed_out:
      return timeout;
    case ExchangeResult::connection_lost:
    case ExchangeResult::not_sent:
      return connection_lost;
    case ExchangeResult::protocol_error:
      return protocol_error;
  }
  std::unreachable();
}

}  // namespace posthorn::deliver

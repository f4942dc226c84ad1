#include <fmt/format.h>

#include <stdexcept>

#include "base/bytes.h"
#include "benchmark/measure.h"
#include "crypto/crypto.h"

namespace posthorn::benchmark {

void deliver(const Options& options, Report& report) {
  const auto reference = role({"reference"});
  Product durable_only;
  Product product;
  EndToEnd peer;
  product.call(
      "POST", "/v1/endpoints",
      fmt::format(
          R"({{"url":"http://127.0.0.1:{}/hook","event_types":["bench.*"],"concurrency":256}})",
          peer.sink_port()));

  auto body = payload(options.payload_bytes);
  body.replace(body.find(stamp_mark), stamp_mark.size(), std::string(stamp_mark.size(), '0'));
  const auto signature = to_hex(crypto::hmac(crypto::Digest::sha256, signing_key, body));

  LoadOptions to_reference;
  to_reference.port = reference->port();
  to_reference.request =
      post(reference->port(), "/in", fmt::format("X-Signature: {}\r\n", signature), body);
  LoadOptions to_durable;
  to_durable.port = durable_only.port();
  to_durable.request = publish_request(durable_only.port(), options.payload_bytes);
  EndToEndOptions end_to_end;
  end_to_end.load.port = product.port();
  end_to_end.load.request = publish_request(product.port(), options.payload_bytes);
  to_reference.connections = to_durable.connections = end_to_end.load.connections =
      options.connections;

  std::vector<double> reference_rate, durable_rate, rate, over_reference, over_durable, lag, p50,
      p99, cpu;
  for (int round = -1; round < options.rounds; ++round) {
    const double seconds = round < 0 ? std::min(1.0, options.seconds) : options.seconds;
    to_reference.seconds = to_durable.seconds = end_to_end.load.seconds = seconds;
    const auto a = measure(*reference, to_reference);
    const auto b = measure(durable_only.process(), to_durable);
    const double before = product.process().cpu_seconds();
    auto c = peer.run(end_to_end);
    const double used = product.process().cpu_seconds() - before;
    if (c.received == 0) throw std::runtime_error("nothing was delivered");
    if (c.drained_after_seconds < 0)
      throw std::runtime_error("not every published event arrived within 10 s");
    if (round < 0) continue;
    const double delivered = static_cast<double>(c.received) / seconds;
    reference_rate.push_back(a.rate);
    durable_rate.push_back(b.rate);
    rate.push_back(delivered);
    over_reference.push_back(delivered / a.rate);
    over_durable.push_back(delivered / b.rate);
    lag.push_back(c.drained_after_seconds);
    p50.push_back(percentile(c.latencies_ms, 0.50));
    p99.push_back(percentile(c.latencies_ms, 0.99));
    cpu.push_back(used * 1e6 / static_cast<double>(c.received_in_all));
  }
  report.ratios["end_to_end_over_reference"] = median(over_reference);
  report.ratios["end_to_end_over_durable"] = median(over_durable);
  report.figures["reference_requests_per_second"] = median(reference_rate);
  report.figures["durable_requests_per_second"] = median(durable_rate);
  report.figures["delivered_per_second"] = median(rate);
  report.figures["lag_at_end_seconds"] = median(lag);
  report.figures["saturated_p50_ms"] = median(p50);
  report.figures["saturated_p99_ms"] = median(p99);
  report.figures["cpu_us_per_message"] = median(cpu);

  // Latency from publish to receipt: one connection, and half the saturated rate in an open loop.
  auto single = end_to_end;
  single.load.connections = 1;
  single.load.seconds = options.seconds;
  auto alone = peer.run(single);
  report.figures["one_connection_p50_ms"] = percentile(alone.latencies_ms, 0.50);
  report.figures["one_connection_p99_ms"] = percentile(alone.latencies_ms, 0.99);
  auto half = end_to_end;
  half.load.seconds = options.seconds;
  half.load.rate = median(rate) / 2;
  auto calm = peer.run(half);
  report.figures["half_rate_p50_ms"] = percentile(calm.latencies_ms, 0.50);
  report.figures["half_rate_p99_ms"] = percentile(calm.latencies_ms, 0.99);
}

}  // namespace posthorn::benchmark

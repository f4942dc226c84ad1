#include <fmt/format.h>

#include "base/bytes.h"
#include "benchmark/measure.h"
#include "crypto/crypto.h"

namespace posthorn::benchmark {

namespace {

/// For servers that verify a signature: the payload holds no mark, since the signature covers its
/// bytes.
std::string signed_request(std::uint16_t port, std::size_t payload_bytes) {
  auto body = payload(payload_bytes);
  body.replace(body.find(stamp_mark), stamp_mark.size(), std::string(stamp_mark.size(), '0'));
  const auto signature = to_hex(crypto::hmac(crypto::Digest::sha256, signing_key, body));
  return post(port, "/in", fmt::format("X-Signature: {}\r\n", signature), body);
}

}  // namespace

void ingest(const Options& options, Report& report) {
  const auto floor = role({"floor"});
  const auto reference = role({"reference"});
  const auto no_store = role({"no-store"});
  Product product;

  const auto load = [&](Process& process, std::string request, double seconds) {
    LoadOptions made;
    made.port = process.port();
    made.request = std::move(request);
    made.connections = options.connections;
    made.seconds = seconds;
    return measure(process, made);
  };
  const auto request_of = [&](Process& process) {
    return signed_request(process.port(), options.payload_bytes);
  };

  std::vector<double> floor_cpu, no_store_cpu, reference_rate, durable_rate, cpu_ratio, rate_ratio,
      durable_cpu;
  std::vector<double> p50, p99;
  for (int round = -1; round < options.rounds; ++round) {
    // Round -1 warms everything up and does not count.
    const double seconds = round < 0 ? std::min(1.0, options.seconds) : options.seconds;
    const auto a = load(*floor, request_of(*floor), seconds);
    const auto b = load(*no_store, request_of(*no_store), seconds);
    const auto c = load(*reference, request_of(*reference), seconds);
    auto d =
        load(product.process(), publish_request(product.port(), options.payload_bytes), seconds);
    if (round < 0) continue;
    floor_cpu.push_back(a.cpu_us);
    no_store_cpu.push_back(b.cpu_us);
    reference_rate.push_back(c.rate);
    durable_rate.push_back(d.rate);
    durable_cpu.push_back(d.cpu_us);
    cpu_ratio.push_back(a.cpu_us / b.cpu_us);
    rate_ratio.push_back(d.rate / c.rate);
    p50.push_back(percentile(d.load.latencies_ms, 0.50));
    p99.push_back(percentile(d.load.latencies_ms, 0.99));
  }
  report.ratios["non_durable_over_floor_cpu"] = median(cpu_ratio);
  report.ratios["durable_over_reference"] = median(rate_ratio);
  report.figures["floor_cpu_us_per_request"] = median(floor_cpu);
  report.figures["non_durable_cpu_us_per_request"] = median(no_store_cpu);
  report.figures["reference_requests_per_second"] = median(reference_rate);
  report.figures["durable_requests_per_second"] = median(durable_rate);
  report.figures["durable_cpu_us_per_request"] = median(durable_cpu);
  report.figures["durable_saturated_p50_ms"] = median(p50);
  report.figures["durable_saturated_p99_ms"] = median(p99);

  // At half the saturated rate, in an open loop.
  LoadOptions half;
  half.port = product.port();
  half.request = publish_request(product.port(), options.payload_bytes);
  half.connections = options.connections;
  half.seconds = options.seconds;
  half.rate = median(durable_rate) / 2;
  auto calm = measure(product.process(), half);
  report.figures["durable_half_rate_p50_ms"] = percentile(calm.load.latencies_ms, 0.50);
  report.figures["durable_half_rate_p99_ms"] = percentile(calm.load.latencies_ms, 0.99);
}

}  // namespace posthorn::benchmark

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "benchmark/measure.h"
#include "benchmark/verified.h"
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

/// What a verified source takes, beside what the reference takes.
class Verified {
 public:
  Verified(Product& product, const Options& options)
      : product_(product),
        options_(options),
        signer_(product.port(), {make_stripe_source(product)}, options.payload_bytes) {}

  /// One stretch; `counts` unless it only warms up.
  void stretch(double seconds, double reference_rate, bool counts) {
    auto measured = measure(product_.process(), load(seconds, 0));
    const double lag = wait_for_worker(product_);
    if (!counts) return;
    rate_.push_back(measured.rate);
    ratio_.push_back(measured.rate / reference_rate);
    cpu_.push_back(measured.cpu_us);
    lag_.push_back(lag);
    p50_.push_back(percentile(measured.load.latencies_ms, 0.50));
    p99_.push_back(percentile(measured.load.latencies_ms, 0.99));
  }

  void at_half_rate(Report& report) {
    auto calm = measure(product_.process(), load(options_.seconds, median(rate_) / 2));
    report.figures["verified_half_rate_p50_ms"] = percentile(calm.load.latencies_ms, 0.50);
    report.figures["verified_half_rate_p99_ms"] = percentile(calm.load.latencies_ms, 0.99);
    report.figures["verified_half_rate_worker_lag_ms"] = wait_for_worker(product_);
  }

  void report(Report& report) const {
    report.ratios["verified_durable_over_reference"] = median(ratio_);
    report.figures["verified_requests_per_second"] = median(rate_);
    report.figures["verified_cpu_us_per_request"] = median(cpu_);
    report.figures["verified_saturated_p50_ms"] = median(p50_);
    report.figures["verified_saturated_p99_ms"] = median(p99_);
    // The longest: it must hold for each stretch.
    report.figures["verified_worker_lag_ms"] = longest_lag();
  }

 private:
  [[nodiscard]] LoadOptions load(double seconds, double rate) {
    LoadOptions made;
    made.port = product_.port();
    made.request = signer_.request();
    made.connections = options_.connections;
    made.seconds = seconds;
    made.rate = rate;
    made.change = [this](std::string& request) { signer_.change(request); };
    return made;
  }
  [[nodiscard]] double longest_lag() const {
    return lag_.empty() ? 0 : *std::ranges::max_element(lag_);
  }

  Product& product_;
  const Options& options_;
  StripeSigner signer_;
  std::vector<double> rate_, ratio_, cpu_, p50_, p99_, lag_;
};

}  // namespace

void ingest(const Options& options, Report& report) {
  const auto floor = role({"floor"});
  const auto reference = role({"reference"});
  const auto no_store = role({"no-store"});
  Product product;
  Verified verified(product, options);

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
    verified.stretch(seconds, c.rate, round >= 0);
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

  verified.report(report);
  verified.at_half_rate(report);

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

#pragma once
// What the suites share: payloads, medians, and the product as a process.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "benchmark/peers.h"
#include "benchmark/process.h"

namespace posthorn::benchmark {

inline constexpr std::string_view signing_key = "bench-signing-key";
inline constexpr std::string_view admin_key = "phk_bench_admin_key_0123456789abcdef";

double median(std::vector<double> values);

/// A JSON object of exactly `bytes` bytes that looks like a ticket and carries the mark of the
/// moment it was sent.
std::string payload(std::size_t bytes);

/// A whole HTTP request to 127.0.0.1:port with `body`; `headers` are whole lines with CRLF.
std::string post(std::uint16_t port, std::string_view target, std::string_view headers,
                 std::string_view body);

/// POST /v1/publish/bench.event with the admin key.
std::string publish_request(std::uint16_t port, std::size_t payload_bytes);

/// The product with an empty store in a folder of its own.
class Product {
 public:
  Product();
  [[nodiscard]] std::uint16_t port() const { return process_->port(); }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  std::string call(std::string_view method, std::string_view target, std::string_view body = {});

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
};

std::unique_ptr<Process> role(const std::vector<std::string>& arguments);

/// CPU of `process` per answered request, in microseconds, while `load` runs.
struct Measured {
  LoadResult load;
  double rate = 0;
  double cpu_us = 0;
};
Measured measure(Process& process, const LoadOptions& load);

void ingest(const Options& options, Report& report);
void deliver(const Options& options, Report& report);
void egress(const Options& options, Report& report);
void store(const Options& options, Report& report);

}  // namespace posthorn::benchmark

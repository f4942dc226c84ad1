#pragma once
// `posthorn bench`: measures Posthorn and the limits it is held against in one run, interleaved,
// because absolute rates of a machine drift while ratios hold. See docs/performance.md.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::benchmark {

struct Options {
  double seconds = 2;  ///< Of each measured stretch.
  int rounds = 3;
  int connections = 256;
  std::size_t payload_bytes = 1024;
};

/// `ratios`: ours against the limit, 1.0 is the limit. `figures`: every absolute number, its unit
/// in the name.
struct Report {
  std::string suite;
  std::map<std::string, double> ratios;
  std::map<std::string, double> figures;

  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::string table() const;
};

/// The names that run() takes: ingest, deliver, egress, store.
const std::vector<std::string_view>& suites();

/// Throws std::runtime_error when a program under measurement fails.
Report run(std::string_view suite, const Options& options);

/// A program under measurement, started by run() as `posthorn bench-role NAME [ARGUMENT...]`:
/// floor, floor-tls, reference, no-store, floor-client, floor-client-tls, client, client-tls; and
/// those of stripe_roles.h.
/// Returns the exit code.
int run_role(const std::vector<std::string>& arguments);

}  // namespace posthorn::benchmark

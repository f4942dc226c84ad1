#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

#include "benchmark/measure.h"

namespace posthorn::benchmark {

namespace {

/// What a client role prints when it is done.
struct ClientFigures {
  double rate = 0, cpu_us = 0;
};

ClientFigures run_client(const std::string& name, std::uint16_t port, const Options& options,
                         double seconds, const std::string& certificate_file = {}) {
  std::vector<std::string> arguments{own_path(),
                                     "bench-role",
                                     name,
                                     std::to_string(port),
                                     std::to_string(options.connections),
                                     fmt::format("{}", seconds),
                                     std::to_string(options.payload_bytes)};
  if (!certificate_file.empty()) arguments.push_back(certificate_file);
  const Process process(arguments, "done cpu_us=");
  const std::string& line = process.ready_line();
  ClientFigures figures;
  const auto number = [&line](std::string_view name_of) {
    const auto at = line.find(name_of);
    return at == std::string::npos ? 0.0 : std::stod(line.substr(at + name_of.size()));
  };
  figures.cpu_us = number("cpu_us=");
  figures.rate = number(",rate=");
  if (figures.cpu_us <= 0) throw std::runtime_error(name + " sent nothing: " + line);
  return figures;
}

}  // namespace

void egress(const Options& options, Report& report) {
  const auto plain = role({"floor"});
  const TemporaryFolder folder;
  const auto certificate = make_test_certificate();
  const auto certificate_file = folder.path() + "/certificate.pem";
  const auto key_file = folder.path() + "/key.pem";
  std::ofstream(certificate_file) << certificate.certificate_pem;
  std::ofstream(key_file) << certificate.key_pem;
  const auto encrypted = role({"floor-tls", certificate_file, key_file});
  std::vector<double> plain_ratio, tls_ratio, floor_cpu, ours_cpu, floor_tls_cpu, ours_tls_cpu,
      rate, tls_rate;
  for (int round = -1; round < options.rounds; ++round) {
    const double seconds = round < 0 ? std::min(1.0, options.seconds) : options.seconds;
    const auto a = run_client("floor-client", plain->port(), options, seconds);
    const auto b = run_client("client", plain->port(), options, seconds);
    const auto c =
        run_client("floor-client", encrypted->port(), options, seconds, certificate_file);
    const auto d = run_client("client", encrypted->port(), options, seconds, certificate_file);
    if (round < 0) continue;
    plain_ratio.push_back(a.cpu_us / b.cpu_us);
    tls_ratio.push_back(c.cpu_us / d.cpu_us);
    floor_cpu.push_back(a.cpu_us);
    ours_cpu.push_back(b.cpu_us);
    floor_tls_cpu.push_back(c.cpu_us);
    ours_tls_cpu.push_back(d.cpu_us);
    rate.push_back(b.rate);
    tls_rate.push_back(d.rate);
  }
  report.ratios["egress_over_floor_cpu"] = median(plain_ratio);
  report.ratios["egress_tls_over_floor_cpu"] = median(tls_ratio);
  report.figures["floor_client_cpu_us_per_request"] = median(floor_cpu);
  report.figures["client_cpu_us_per_request"] = median(ours_cpu);
  report.figures["floor_client_tls_cpu_us_per_request"] = median(floor_tls_cpu);
  report.figures["client_tls_cpu_us_per_request"] = median(ours_tls_cpu);
  report.figures["client_requests_per_second"] = median(rate);
  report.figures["client_tls_requests_per_second"] = median(tls_rate);
}

}  // namespace posthorn::benchmark

#include "benchmark/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace posthorn::benchmark {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string payload(std::size_t bytes) {
  std::string made = fmt::format(
      R"({{"sent_ns":"{}","ticket":{{"id":"tkt_1042","subject":"Cannot sign in","priority":"high","tags":["login","mobile"],"requester":{{"name":"Asha Rao","email":"asha@example.com"}},"created_at":"2026-11-21T06:34:31.204Z"}},"text":")",
      stamp_mark);
  constexpr std::string_view words =
      "I have tried to reset my password twice and never get the mail. ";
  while (made.size() + 2 < bytes) made += words[made.size() % words.size()];
  return made + "\"}";
}

std::string post(std::uint16_t port, std::string_view target, std::string_view headers,
                 std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: "
      "application/json\r\n{}Content-Length: {}\r\n\r\n{}",
      target, port, headers, body.size(), body);
}

std::string publish_request(std::uint16_t port, std::size_t payload_bytes) {
  return post(port, "/v1/publish/bench.event",
              fmt::format("Authorization: Bearer {}\r\n", admin_key), payload(payload_bytes));
}

Product::Product()
    : process_(std::make_unique<Process>(
          std::vector<std::string>{own_path(), "serve", "--data", folder_.path(), "--listen",
                                   "127.0.0.1:0", "--dev"},
          "ready http://",
          std::map<std::string, std::string>{{"POSTHORN_ADMIN_KEY", std::string(admin_key)},
                                             {"POSTHORN_LOG__LEVEL", "error"}})) {}

std::string Product::call(std::string_view method, std::string_view target, std::string_view body) {
  return benchmark::call(port(), method, target, admin_key, body);
}

std::unique_ptr<Process> role(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{own_path(), "bench-role"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return std::make_unique<Process>(command, "ready ");
}

Measured measure(Process& process, const LoadOptions& load) {
  const double before = process.cpu_seconds();
  Measured measured{run_load(load)};
  const double used = process.cpu_seconds() - before;
  if (measured.load.answered == 0)
    throw std::runtime_error("a program under measurement answered nothing");
  if (measured.load.refused * 100 > measured.load.answered)
    throw std::runtime_error("a program under measurement refused more than 1 % of the requests");
  measured.rate = static_cast<double>(measured.load.answered) / measured.load.seconds;
  measured.cpu_us = used * 1e6 / static_cast<double>(measured.load.answered);
  return measured;
}

const std::vector<std::string_view>& suites() {
  static const std::vector<std::string_view> names{"ingest", "deliver", "egress", "store"};
  return names;
}

Report run(std::string_view suite, const Options& options) {
  Report report;
  report.suite = suite;
  if (suite == "ingest") ingest(options, report);
  if (suite == "deliver") deliver(options, report);
  if (suite == "egress") egress(options, report);
  if (suite == "store") store(options, report);
  return report;
}

std::string Report::json() const {
  std::string out = fmt::format(R"({{"suite":"{}","ratios":{{)", suite);
  const char* comma = "";
  for (const auto& [name, value] : ratios) {
    out += fmt::format(R"({}"{}":{:.4f})", comma, name, value);
    comma = ",";
  }
  out += "},\"figures\":{";
  comma = "";
  for (const auto& [name, value] : figures) {
    out += fmt::format(R"({}"{}":{:.3f})", comma, name, value);
    comma = ",";
  }
  return out + "}}";
}

std::string Report::table() const {
  std::string out = fmt::format("{}\n", suite);
  for (const auto& [name, value] : ratios)
    out += fmt::format("  {:<44} {:>10.2f}  (1.0 is the limit)\n", name, value);
  for (const auto& [name, value] : figures)
    out += fmt::format("    {:<42} {:>14.2f}\n", name, value);
  return out;
}

}  // namespace posthorn::benchmark

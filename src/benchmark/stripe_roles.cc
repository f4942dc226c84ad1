// The programs that the long measurements of receiving start: load for verified sources, and a
// store that remembers many ids.

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <stdexcept>

#include "benchmark/stripe_roles.h"
#include "benchmark/verified.h"
#include "env/log.h"
#include "net/system.h"
#include "store/sqlite/sqlite_store.h"

namespace posthorn::benchmark {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error("nothing in " + path);
  return lines;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int stripe_load(const std::vector<std::string>& arguments) {
  raise_descriptor_limit();
  LoadOptions options;
  options.port = static_cast<std::uint16_t>(std::stoi(arguments.at(1)));
  options.connections = std::stoi(arguments.at(3));
  options.seconds = std::stod(arguments.at(4));
  options.rate = std::stod(arguments.at(5));
  const auto payload_bytes = static_cast<std::size_t>(std::stoul(arguments.at(6)));
  const auto first_id = std::stoull(arguments.at(7));
  StripeSigner signer(options.port, lines_of(arguments.at(2)), payload_bytes, first_id);
  options.request = signer.request();
  options.change = [&signer](std::string& request) { signer.change(request); };
  std::map<int, std::uint64_t> statuses;
  std::string acknowledged;
  options.on_answer = [&](std::uint64_t number, int status) {
    ++statuses[status];
    if (number >= acknowledged.size()) acknowledged.resize(number + (1U << 20), '0');
    if (status / 100 == 2) acknowledged[number] = '1';
  };
  auto result = run_load(options);
  const auto sent = signer.next_id() - first_id;
  acknowledged.resize(sent, '0');
  if (arguments.size() > 8) {
    std::ofstream file(arguments[8], std::ios::binary);
    file << acknowledged;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + arguments[8]);
  }
  std::string counted;
  for (const auto& [status, count] : statuses)
    counted += fmt::format(R"({}"{}":{})", counted.empty() ? "" : ",", status, count);
  fmt::print(
      R"({{"sent":{},"answered":{},"seconds":{:.3f},"rate":{:.1f},"p50_ms":{:.2f},"p99_ms":{:.2f},"statuses":{{{}}}}})"
      "\n",
      sent, result.answered, result.seconds, static_cast<double>(result.answered) / result.seconds,
      percentile(result.latencies_ms, 0.50), percentile(result.latencies_ms, 0.99), counted);
  return 0;
}

int fill_request_keys(const std::vector<std::string>& arguments) {
  constexpr std::uint64_t keys_per_commit = 2000;
  net::SystemClock clock;
  env::NullLog log;
  store::SqliteOptions options;
  options.folder = arguments.at(1);
  options.clock = &clock;
  options.log = &log;
  options.ballast_bytes = 0;
  auto opened = store::SqliteStore::open(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().what);
  const auto count = std::stoull(arguments.at(2));
  for (std::uint64_t done = 0; done < count;) {
    store::Batch batch;
    for (std::uint64_t i = 0; i < keys_per_commit && done < count; ++i, ++done) {
      store::NewRequest made;
      made.request.source = SourceId{1};
      made.request.workspace = WorkspaceId{1};
      made.request.received_at = made.request.processed_at = clock.now();
      made.request.method = "POST";
      made.request.state = model::RequestState::processed;
      made.keys.push_back({.text = fmt::format("id:filler_{}", done)});
      batch.requests.push_back(std::move(made));
    }
    const auto applied = (*opened)->apply_blocking(std::move(batch));
    if (!applied) throw std::runtime_error(applied.error().what);
  }
  return 0;
}

}  // namespace posthorn::benchmark

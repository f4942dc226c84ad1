// posthorn_sim: runs worlds by their seeds. See docs/simulation.md.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "sim/planted_bugs.h"
#include "sim/world.h"

using namespace posthorn;

namespace {

constexpr std::uint64_t seeds_per_bug = 300;  ///< Within which each planted bug must be found.
constexpr std::uint64_t repeated_seeds = 5;   ///< Run twice, to see that a seed says it all.

/// For the signal handler: a broken assertion must say how to see it again.
volatile std::uint64_t running_seed = 0;

void on_abort(int) {
  char line[64] = "posthorn_sim --seed ";
  std::size_t length = std::strlen(line);
  char digits[20];
  std::size_t count = 0;
  for (std::uint64_t rest = running_seed; rest > 0 || count == 0; rest /= 10)
    digits[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) line[length++] = digits[--count];
  line[length++] = '\n';
  if (write(STDERR_FILENO, line, length) < 0) _exit(1);
}

sim::Report run(std::uint64_t seed, bool trace = false) {
  running_seed = seed;
  auto world = std::make_unique<sim::World>(seed);
  if (trace) world->trace();
  auto report = world->run();
  static auto& stuck = *new std::vector<std::unique_ptr<sim::World>>;  // Kept for good.
  if (!world->is_apart()) stuck.push_back(std::move(world));
  return report;
}

void tell(const sim::Report& report) {
  fmt::print("seed {}: {} events, {} requests, {} processes, {} of virtual time, digest {:016x}\n",
             report.seed, report.events, report.requests, report.processes, to_human(report.time),
             report.digest);
  if (report.verdict.empty()) return;
  fmt::print("  broken: {}\n  with: {}\n  again: posthorn_sim --seed {}\n", report.verdict,
             report.plan, report.seed);
}

struct Tally {
  std::uint64_t passed = 0, failed = 0;
  void count(bool good) { ++(good ? passed : failed); }
  [[nodiscard]] int close() const {
    fmt::print("{} passed, {} failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
  }
};

/// A judge that never finds anything would pass everything.
bool canary_fails() {
  sim::World world(1);
  world.lie();
  if (!world.run().verdict.empty()) return true;
  fmt::print("the canary lives: a lost event was not noticed\n");
  return false;
}

int run_many(std::uint64_t first, std::uint64_t seeds, std::chrono::minutes time) {
  Tally tally;
  tally.count(canary_fails());
  const auto begun = std::chrono::steady_clock::now();
  sim::Report sum;
  for (std::uint64_t n = 0; time.count() > 0 || n < seeds; ++n) {
    if (time.count() > 0 && std::chrono::steady_clock::now() - begun > time) break;
    const auto report = run(first + n);
    tally.count(report.verdict.empty());
    if (!report.verdict.empty()) tell(report);
    sum.events += report.events;
    sum.requests += report.requests;
    sum.processes += report.processes;
    sum.time += report.time;
    if (n >= repeated_seeds) continue;
    const bool same = run(first + n).digest == report.digest;
    tally.count(same);
    if (!same) fmt::print("seed {} ran differently the second time\n", report.seed);
  }
  fmt::print("{} events, {} requests, {} processes, {} of virtual time\n", sum.events, sum.requests,
             sum.processes, to_human(sum.time));
  return tally.close();
}

bool is_found(const sim::PlantedBug& bug, std::uint64_t first) {
  planted_bug = bug.bug;
  for (std::uint64_t n = 0; n < seeds_per_bug; ++n) {
    const auto report = run(first + n);
    if (report.verdict.empty()) continue;
    fmt::print("found {:<24} after {:>3} seeds: {}\n", bug.name, n + 1, report.verdict);
    return true;
  }
  fmt::print("NOT found {:<20} in {} seeds: {}\n", bug.name, seeds_per_bug, bug.breaks);
  return false;
}

int run_planted(std::string_view wanted, std::uint64_t first) {
  Tally tally;
  for (const auto& bug : sim::planted_bugs()) {
    if (wanted != "all" && wanted != bug.name) continue;
    tally.count(is_found(bug, first));
    std::fflush(stdout);
  }
  if (tally.passed + tally.failed == 0) {
    fmt::print(stderr, "there is no planted bug \"{}\": --list names them\n", wanted);
    return 2;
  }
  return tally.close();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  CLI::App app{"Runs the delivery engine in simulated worlds and checks what it promises."};
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 100, first = 1;
  int minutes = 0;
  std::string wanted;
  bool list = false, trace = false;
  app.add_option("--seed", seed, "one world");
  app.add_flag("--trace", trace, "with --seed: print what happens");
  app.add_option("--seeds", seeds, "so many worlds (100)");
  app.add_option("--minutes", minutes, "new worlds for so long")->check(CLI::PositiveNumber);
  app.add_option("--first", first, "the first seed (1; with --minutes from the time of day)");
  app.add_option("--planted", wanted, "prove that this planted bug is found, or all of them");
  app.add_flag("--list", list, "name the planted bugs");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    for (const auto& bug : sim::planted_bugs()) fmt::print("{:<24} {}\n", bug.name, bug.breaks);
    return 0;
  }
  if (seed) {
    if (!wanted.empty())
      for (const auto& bug : sim::planted_bugs())
        if (bug.name == wanted) planted_bug = bug.bug;
    const auto report = run(*seed, trace);
    tell(report);
    return report.verdict.empty() ? 0 : 1;
  }
  if (!wanted.empty()) return run_planted(wanted, first);
  if (minutes > 0 && app.count("--first") == 0) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    first = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }
  return run_many(first, seeds, std::chrono::minutes(minutes));
}

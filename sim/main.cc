// posthorn_sim: runs worlds by their seeds. See docs/simulation.md.

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "sim/world.h"

using namespace posthorn;

namespace {

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
  sim::World world(seed);
  if (trace) world.trace();
  return world.run();
}

void tell(const sim::Report& report) {
  fmt::print("seed {}: {} events, {} requests, {} processes, {} of virtual time, digest {:016x}\n",
             report.seed, report.events, report.requests, report.processes, to_human(report.time),
             report.digest);
  if (report.verdict.empty()) return;
  fmt::print("  broken: {}\n  again: posthorn_sim --seed {}\n", report.verdict, report.seed);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  CLI::App app{"Runs the delivery engine in simulated worlds and checks what it promises."};
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 100, first = 1;
  app.add_option("--seed", seed, "one world");
  bool trace = false;
  app.add_flag("--trace", trace, "with --seed: print what happens");
  app.add_option("--seeds", seeds, "so many worlds");
  app.add_option("--first", first, "the first seed");
  CLI11_PARSE(app, argc, argv);
  if (seed) {
    const auto report = run(*seed, trace);
    tell(report);
    return report.verdict.empty() ? 0 : 1;
  }
  std::uint64_t failed = 0;
  for (std::uint64_t next = first; next < first + seeds; ++next) {
    const auto report = run(next);
    if (report.verdict.empty()) continue;
    ++failed;
    tell(report);
  }
  fmt::print("{} passed, {} failed\n", seeds - failed, failed);
  return failed == 0 ? 0 : 1;
}

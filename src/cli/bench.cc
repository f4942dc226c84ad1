// bench, and the programs it starts

#include <fmt/format.h>

#include "benchmark/benchmark.h"
#include "cli/command_line.h"

namespace posthorn::cli {

void add_bench(CLI::App& root, Context& context) {
  struct Chosen {
    std::vector<std::string> suites;
    benchmark::Options options;
  };
  auto chosen = std::make_shared<Chosen>();
  auto* bench = root.add_subcommand(
      "bench", "Measures Posthorn against the limits of this machine, in one run");
  std::vector<std::string> names;
  for (const auto name : benchmark::suites()) names.emplace_back(name);
  bench->add_option("SUITE", chosen->suites, "ingest, deliver, egress, store (several allowed)")
      ->required()
      ->check(CLI::IsMember(names));
  bench->add_option("--seconds", chosen->options.seconds, "Of each measured stretch")
      ->check(CLI::Range(0.2, 600.0));
  bench
      ->add_option("--rounds", chosen->options.rounds, "Interleaved repetitions; medians are shown")
      ->check(CLI::Range(1, 100));
  bench->add_option("--connections", chosen->options.connections)->check(CLI::Range(1, 4096));
  bench->add_option("--payload", chosen->options.payload_bytes, "Bytes")
      ->check(CLI::Range(300, 1'000'000));
  add_examples(*bench, {"deliver --seconds 5 --rounds 3"});
  bench->callback([&context, chosen] {
    context.action = [&context, chosen] {
      for (const auto& suite : chosen->suites) {
        const auto report = benchmark::run(suite, chosen->options);
        fmt::print("{}{}", context.output.as_json ? report.json() : report.table(),
                   context.output.as_json ? "\n" : "");
        std::fflush(stdout);
      }
      return static_cast<int>(done);
    };
  });

  auto arguments = std::make_shared<std::vector<std::string>>();
  auto* role =
      root.add_subcommand("bench-role", "A program that bench measures against")->group("");
  role->add_option("ARGUMENT", *arguments)->required();
  role->callback([&context, arguments] {
    context.action = [arguments] { return benchmark::run_role(*arguments); };
  });
}

}  // namespace posthorn::cli

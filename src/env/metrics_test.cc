#include "env/metrics.h"

#include <doctest/doctest.h>

#include <set>

#include "env/http_sender.h"

using namespace posthorn::env;

TEST_CASE("metrics: the exposition has samples of one name together under one help") {
  MetricRegistry registry;
  Counter late(registry, "posthorn_b_total", "Bees", "result=\"timed_out\"");
  Gauge gauge(registry, "posthorn_a", "Ants");
  Counter first(registry, "posthorn_b_total", "Bees", "result=\"ok\"");
  late.add();
  first.add(41);
  first.add();
  gauge.set(7);
  gauge.add(-9);
  CHECK(registry.exposition() ==
        "# HELP posthorn_a Ants\n# TYPE posthorn_a gauge\nposthorn_a -2\n"
        "# HELP posthorn_b_total Bees\n# TYPE posthorn_b_total counter\n"
        "posthorn_b_total{result=\"ok\"} 42\nposthorn_b_total{result=\"timed_out\"} 1\n");
  CHECK(first.value() == 42);
  CHECK(gauge.value() == -2);
}

TEST_CASE("metrics: one that is gone is not shown") {
  MetricRegistry registry;
  {
    const Counter counter(registry, "posthorn_gone_total", "x");
  }
  CHECK(registry.exposition().empty());
}

TEST_CASE("histogram: buckets count what is at most their bound, and all that is below") {
  MetricRegistry registry;
  DurationHistogram seconds(registry, "posthorn_seconds", "x", "kind=\"a\"");
  seconds.observe(0.0005);
  seconds.observe(0.00051);
  seconds.observe(20'000);
  seconds.observe(-1);
  CHECK(seconds.count() == 4);
  const std::string text = registry.exposition();
  const auto has = [&text](std::string_view line) { return text.find(line) != std::string::npos; };
  CHECK(has("posthorn_seconds_bucket{kind=\"a\",le=\"0.0005\"} 2\n"));
  CHECK(has("posthorn_seconds_bucket{kind=\"a\",le=\"0.001\"} 3\n"));
  CHECK(has("posthorn_seconds_bucket{kind=\"a\",le=\"10800\"} 3\n"));
  CHECK(has("posthorn_seconds_bucket{kind=\"a\",le=\"+Inf\"} 4\n"));
  CHECK(has("posthorn_seconds_count{kind=\"a\"} 4\n"));
  CHECK(has("posthorn_seconds_sum{kind=\"a\"} 20000.00101\n"));
}

TEST_CASE("exchange results: every one has its own name") {
  std::set<std::string_view> names;
  for (int result = 0; result <= static_cast<int>(ExchangeResult::not_sent); ++result)
    names.insert(to_string(static_cast<ExchangeResult>(result)));
  CHECK(names.size() == static_cast<std::size_t>(ExchangeResult::not_sent) + 1);
  CHECK_FALSE(names.contains("unknown"));
}

#include "env/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace posthorn::env {

void MetricRegistry::add(const Metric* metric) {
  const std::lock_guard lock(mutex_);
  metrics_.push_back(metric);
}

void MetricRegistry::remove(const Metric* metric) {
  const std::lock_guard lock(mutex_);
  std::erase(metrics_, metric);
}

std::string MetricRegistry::exposition() const {
  const std::lock_guard lock(mutex_);
  // Samples of one name must stand together.
  auto sorted = metrics_;
  std::ranges::sort(sorted, {}, [](const Metric* metric) {
    return std::tuple(std::string_view(metric->name()), std::string_view(metric->label()));
  });
  std::string out;
  std::string_view last;
  for (const Metric* metric : sorted) {
    if (metric->name() != last) {
      last = metric->name();
      out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", last, metric->help(), metric->type());
    }
    metric->write_samples(out);
  }
  return out;
}

Metric::Metric(MetricRegistry& registry, std::string_view name, std::string_view help,
               std::string_view label)
    : registry_(registry), name_(name), help_(help), label_(label) {
  registry_.add(this);
}

Metric::~Metric() { registry_.remove(this); }

namespace {
std::string braces(const std::string& label) { return label.empty() ? "" : "{" + label + "}"; }
}  // namespace

void Counter::write_samples(std::string& out) const {
  out += fmt::format("{}{} {}\n", name(), braces(label()), value());
}

void Gauge::write_samples(std::string& out) const {
  out += fmt::format("{}{} {}\n", name(), braces(label()), value());
}

void DurationHistogram::observe(double seconds) {
  const auto bucket = std::ranges::lower_bound(bounds, seconds) - bounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(static_cast<std::uint64_t>(std::max(seconds, 0.0) * 1e6),
                    std::memory_order_relaxed);
}

void DurationHistogram::write_samples(std::string& out) const {
  const std::string with = label().empty() ? "" : label() + ",";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    below += buckets_[i].load(std::memory_order_relaxed);
    out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name(), with, bounds[i], below);
  }
  below += buckets_[bounds.size()].load(std::memory_order_relaxed);
  out += fmt::format("{}_bucket{{{}le=\"+Inf\"}} {}\n", name(), with, below);
  out += fmt::format("{}_sum{} {}\n", name(), braces(label()),
                     static_cast<double>(sum_us_.load(std::memory_order_relaxed)) / 1e6);
  out += fmt::format("{}_count{} {}\n", name(), braces(label()), below);
}

}  // namespace posthorn::env

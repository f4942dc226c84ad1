#pragma once
// Counters, gauges and histograms as named members of a struct in each folder (`metrics.h`), so
// that a unit test reads them directly and /metrics is generated from what exists.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::env {

class Metric;

/// Every metric of a process, in the order made. Metrics must not outlive it. Thread-safe.
class MetricRegistry {
 public:
  void add(const Metric* metric);
  void remove(const Metric* metric);
  /// Prometheus text format 0.0.4.
  [[nodiscard]] std::string exposition() const;

 private:
  mutable std::mutex mutex_;
  std::vector<const Metric*> metrics_;
};

/// A metric's name, help and one optional fixed label (`{result="timeout"}`).
class Metric {
 public:
  Metric(MetricRegistry& registry, std::string_view name, std::string_view help,
         std::string_view label = {});
  virtual ~Metric();
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] virtual std::string_view type() const = 0;
  /// Appends the sample lines (without HELP and TYPE).
  virtual void write_samples(std::string& out) const = 0;

 private:
  MetricRegistry& registry_;
  std::string name_, help_, label_;
};

/// Only goes up; its name ends with `_total`.
class Counter final : public Metric {
 public:
  using Metric::Metric;
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view type() const override { return "counter"; }
  void write_samples(std::string& out) const override;

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge final : public Metric {
 public:
  using Metric::Metric;
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t change) { value_.fetch_add(change, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view type() const override { return "gauge"; }
  void write_samples(std::string& out) const override;

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Seconds in fixed buckets from 0.5 ms to 3 h.
class DurationHistogram final : public Metric {
 public:
  using Metric::Metric;
  static constexpr std::array<double, 16> bounds{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 10800};
  void observe(double seconds);
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view type() const override { return "histogram"; }
  void write_samples(std::string& out) const override;

 private:
  std::array<std::atomic<std::uint64_t>, 17> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_us_{0};
};

}  // namespace posthorn::env

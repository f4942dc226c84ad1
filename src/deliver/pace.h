#pragma once
// How fast a lane may go: adaptive concurrency, probing of an endpoint that fails, and the rate
// limit. Pure: moments of the timeline come in, permission goes out. One thread.

#include <array>
#include <optional>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/endpoint.h"

namespace posthorn::deliver {

class Pace {
 public:
  /// Attempts at once of a lane that nothing is known about.
  static constexpr int concurrency_start = 4;
  /// So many failures in a row, of at least two deliveries, and the lane probes.
  static constexpr int failures_until_probing = 3;

  /// `known_failures`: consecutive failures before this process knew the lane.
  Pace(const model::Endpoint& endpoint, Millis probe_gap_max, int known_failures);

  /// The endpoint's settings changed; what was learned stays.
  void configure(const model::Endpoint& endpoint);
  /// Forgets what was learned: the endpoint was enabled again.
  void reset();

  /// Whether an attempt may begin now.
  [[nodiscard]] bool may_begin(Instant now);
  /// When may_begin() can become true by time alone; none: only by an attempt's end, or now.
  [[nodiscard]] std::optional<Instant> may_begin_at(Instant now);
  void begin(Instant now);
  /// What was begun ends, with a verdict.
  void end(DeliveryId delivery, bool success, Instant started, Instant now);
  /// What was begun came to nothing: it was cancelled, or never sent.
  void abandon();

  [[nodiscard]] bool probing() const { return probing_; }
  [[nodiscard]] int in_flight() const { return in_flight_; }
  [[nodiscard]] int concurrency() const { return probing_ ? 1 : concurrency_; }
  [[nodiscard]] std::optional<Instant> next_probe_at() const;

 private:
  struct Last {
    DeliveryId delivery;
    bool success = true;
  };

  void learn(bool success, Instant started, Instant now);
  void note(DeliveryId delivery, bool success);
  void refill(Instant now);
  [[nodiscard]] Millis probe_gap() const;

  Millis probe_gap_max_;
  std::vector<Millis> steps_;
  bool may_probe_ = true;
  int concurrency_max_ = 32;
  std::optional<double> per_ms_;  ///< Tokens a millisecond; none: unlimited.
  double tokens_ = 1;
  double tokens_max_ = 1;
  Instant refilled_at_{INT64_MIN};

  int in_flight_ = 0;
  int concurrency_ = concurrency_start;
  int successes_ = 0;             ///< Since concurrency_ last changed.
  Instant halved_at_{INT64_MIN};  ///< Failures of attempts begun earlier halve no more.
  std::array<Last, failures_until_probing> last_{};
  std::size_t next_last_ = 0;
  bool probing_ = false;
  bool probe_in_flight_ = false;
  std::size_t probes_failed_ = 0;
  Instant last_end_;  ///< Of an attempt; meaningful while probing_.
};

}  // namespace posthorn::deliver

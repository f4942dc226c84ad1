#include "deliver/pace.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace posthorn::deliver {

namespace {
constexpr double burst_ms = 100;  ///< A rate limit lets through at once what it would in this time.
}

Pace::Pace(const model::Endpoint& endpoint, Millis probe_gap_max, int known_failures)
    : probe_gap_max_(probe_gap_max) {
  configure(endpoint);
  tokens_ = tokens_max_;
  concurrency_ = std::min(concurrency_start, concurrency_max_);
  // A lane that failed before a restart is approached carefully, not with a burst.
  if (known_failures >= failures_until_probing) concurrency_ = 1;
}

void Pace::configure(const model::Endpoint& endpoint) {
  steps_ = endpoint.retry.steps;
  may_probe_ = endpoint.probing;
  if (!may_probe_) probing_ = false;
  concurrency_max_ = std::max(endpoint.concurrency_max, 1);
  concurrency_ = std::clamp(concurrency_, 1, concurrency_max_);
  if (!endpoint.rate_per_second || *endpoint.rate_per_second <= 0) {
    per_ms_.reset();
    return;
  }
  per_ms_ = *endpoint.rate_per_second / 1000;
  tokens_max_ = std::max(1.0, *per_ms_ * burst_ms);
  tokens_ = std::min(tokens_, tokens_max_);
}

void Pace::reset() {
  concurrency_ = std::min(concurrency_start, concurrency_max_);
  successes_ = 0;
  last_ = {};
  probing_ = false;
  probes_failed_ = 0;
}

void Pace::refill(Instant now) {
  if (!per_ms_) return;
  if (refilled_at_.unix_ms != INT64_MIN && now > refilled_at_)
    tokens_ = std::min(tokens_max_,
                       tokens_ + *per_ms_ * static_cast<double>((now - refilled_at_).count()));
  refilled_at_ = std::max(refilled_at_, now);
}

bool Pace::may_begin(Instant now) {
  const auto at = may_begin_at(now);
  return at && *at <= now;
}

std::optional<Instant> Pace::may_begin_at(Instant now) {
  if (in_flight_ >= concurrency() && !planted(Planted::concurrency_ignored)) return std::nullopt;
  Instant at = now;
  if (probing_) at = std::max(at, *next_probe_at());
  if (per_ms_) {
    refill(now);
    // The sum of many refills may miss a whole token by a rounding error.
    constexpr double whole = 1 - 1e-9;
    if (tokens_ < whole)
      at = std::max(
          at, now + Millis(static_cast<std::int64_t>(std::ceil((whole - tokens_) / *per_ms_))));
  }
  return at;
}

void Pace::begin(Instant now) {
  ++in_flight_;
  probe_in_flight_ = probing_;
  if (!per_ms_) return;
  refill(now);
  if (!planted(Planted::rate_ignored)) tokens_ -= 1;
}

void Pace::abandon() {
  PH_ASSERT(in_flight_ > 0);
  --in_flight_;
}

void Pace::end(DeliveryId delivery, bool success, Instant started, Instant now) {
  PH_ASSERT(in_flight_ > 0);
  --in_flight_;
  last_end_ = now;
  learn(success, started, now);
  note(delivery, success);
}

void Pace::learn(bool success, Instant started, Instant now) {
  if (success) {
    if (++successes_ < concurrency_) return;
    successes_ = 0;
    concurrency_ = std::min(concurrency_ + 1, concurrency_max_);
    return;
  }
  successes_ = 0;
  if (started < halved_at_) return;
  concurrency_ = std::max(concurrency_ / 2, 1);
  halved_at_ = now;
}

void Pace::note(DeliveryId delivery, bool success) {
  last_[next_last_] = {delivery, success};
  next_last_ = (next_last_ + 1) % last_.size();
  if (success) {
    if (probing_) concurrency_ = 1;
    probing_ = false;
    probes_failed_ = 0;
    return;
  }
  if (probing_) {
    // Those that were in flight when probing began were no probes.
    if (std::exchange(probe_in_flight_, false)) ++probes_failed_;
    return;
  }
  const bool all_failed =
      std::ranges::none_of(last_, [](const Last& last) { return last.success; });
  const bool several = std::ranges::any_of(
      last_, [this](const Last& last) { return last.delivery != last_[0].delivery; });
  if (!may_probe_ || !all_failed || !several) return;
  probing_ = true;
  probes_failed_ = 0;
}

Millis Pace::probe_gap() const {
  if (steps_.empty()) return probe_gap_max_;
  return std::min(steps_[std::min(probes_failed_, steps_.size() - 1)], probe_gap_max_);
}

std::optional<Instant> Pace::next_probe_at() const {
  if (!probing_) return std::nullopt;
  return last_end_ + probe_gap();
}

}  // namespace posthorn::deliver

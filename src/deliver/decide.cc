#include "deliver/decide.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/planted.h"

namespace posthorn::deliver {

namespace {

std::optional<Millis> longest_retry_after(const env::Exchange& exchange, Instant now) {
  std::optional<Millis> longest;
  for (const auto& header : exchange.headers) {
    if (!equal_ignoring_case_ascii(header.name, "retry-after")) continue;
    const auto span = parse_retry_after(header.value, now);
    if (span && (!longest || *span > *longest)) longest = span;
  }
  return longest;
}

/// Jitter makes odd spans; people are told whole seconds.
std::string rounded_words(Millis span) {
  return to_human(span < 1s ? span : std::chrono::floor<std::chrono::seconds>(span));
}

}  // namespace

std::optional<Millis> parse_retry_after(std::string_view value, Instant now) {
  value = trim(value);
  if (value.empty()) return std::nullopt;
  if (std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
    constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(retry_after_max);
    if (read.ec == std::errc::result_out_of_range || seconds > most.count()) return retry_after_max;
    return std::chrono::seconds(seconds);
  }
  const auto date = parse_http_date(value);
  if (!date || *date < now) return std::nullopt;
  return std::min(*date - now, Millis(retry_after_max));
}

bool is_success(const env::Exchange& exchange) {
  const int end = planted(Planted::redirect_is_success) ? 400 : 300;
  return exchange.result == env::ExchangeResult::ok && exchange.status >= 200 &&
         exchange.status < end;
}

Verdict decide(const env::Exchange& exchange, int attempts_made, const model::RetryPolicy& policy,
               double jitter, Instant wall_now) {
  Verdict verdict;
  if (is_success(exchange)) {
    verdict.success = true;
    verdict.state = model::DeliveryState::succeeded;
    verdict.words = "delivered";
    return verdict;
  }
  verdict.gone = exchange.result == env::ExchangeResult::ok && exchange.status == 410 &&
                 !planted(Planted::gone_ignored);
  auto retries = policy.steps.size();
  if (planted(Planted::one_attempt_less) && retries > 0) --retries;
  if (planted(Planted::one_attempt_more) && retries > 0) ++retries;
  const auto made = static_cast<std::size_t>(std::max(attempts_made, 1));
  if (made > retries) {
    verdict.state = model::DeliveryState::exhausted;
    verdict.words = retries == 0 ? "failed, no retries are set"
                                 : fmt::format("all {} attempts failed", attempts_made);
  } else {
    Millis step = policy.steps[std::min(made, policy.steps.size()) - 1];
    if (planted(Planted::retry_early)) step /= 2;
    const double share = std::clamp(jitter, 0.0, 1.0) / 10;
    Millis wait =
        step + Millis(static_cast<std::int64_t>(share * static_cast<double>(step.count())));
    const auto asked = longest_retry_after(exchange, wall_now);
    const bool lengthened = asked && *asked > wait && !planted(Planted::retry_after_ignored);
    if (lengthened) wait = *asked;
    verdict.retry_in = wait;
    verdict.words = fmt::format("retry {} of {} in {}{}", made, retries, rounded_words(wait),
                                lengthened ? " (Retry-After)" : "");
  }
  if (verdict.gone) verdict.words = "410 Gone: endpoint disabled; " + verdict.words;
  return verdict;
}

LaneEffect count_attempt(const model::Lane& lane, const model::Endpoint& endpoint,
                         model::Trigger trigger, bool success, Instant started, Instant ended) {
  LaneEffect effect;
  effect.lane = lane;
  if (trigger == model::Trigger::test) return effect;
  if (success) {
    effect.changed = lane.failures > 0 || lane.failing_told;
    if (!planted(Planted::success_keeps_count)) effect.lane.failures = 0;
    effect.lane.first_failure_at = {};
    effect.lane.failing_told = false;
    return effect;
  }
  if (trigger == model::Trigger::replay) return effect;
  if (started <= lane.counted_until && !planted(Planted::burst_counts_each)) return effect;

  effect.changed = true;
  auto& counted = effect.lane;
  if (counted.failures == 0) counted.first_failure_at = started;
  ++counted.failures;
  counted.counted_until = ended;
  const int limit = endpoint.disable_after;
  if (limit <= 0) return effect;
  effect.disable = counted.failures >= limit + (planted(Planted::disable_late) ? 1 : 0) &&
                   ended - counted.first_failure_at >= endpoint.disable_min_span;
  if (!effect.disable && !counted.failing_told && counted.failures >= (limit + 1) / 2) {
    effect.tell_failing = true;
    counted.failing_told = true;
  }
  return effect;
}

}  // namespace posthorn::deliver

// What is judged when something is committed.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/oracle.h"

namespace posthorn::sim {

using model::DeliveryState;
using model::ObjectKind;

namespace {

/// How long after an edit the engine may still count by what it knew before.
constexpr Millis edit_echo = 60s;

bool is_disabling(const store::ObjectWrite& write, EndpointId endpoint) {
  return write.object.kind == ObjectKind::endpoint && write.object.id == endpoint.value &&
         write.action == store::ObjectWrite::Action::replace;
}

std::ptrdiff_t events_of(const store::Batch& batch, std::string_view type) {
  return std::ranges::count_if(batch.events,
                               [type](const auto& made) { return made.event.type == type; });
}

}  // namespace

void Oracle::committed(Life& life, const store::Batch& batch) {
  digest_.add("committed", batch.attempts.size(), batch.events.size(), batch.objects.size());
  if (batch.epochs) {
    for (const auto& record : batch.attempts)
      if (!owns(life, record.attempt.endpoint))
        blame(fmt::format("G20: {} was recorded by a process that lost its shard",
                          record.attempt.delivery.text()));
    for (const auto& lane : batch.lanes)
      if (!owns(life, lane.endpoint))
        blame(fmt::format("G20: the lane of {} was written by a process that lost it",
                          lane.endpoint.text()));
  } else if (!batch.attempts.empty() || !batch.lanes.empty()) {
    blame("G20: records were written without proof of ownership");
  }
  for (const auto& change : batch.changes) {
    if (change.crashes.value_or(0) == 0) continue;
    auto& known = truth_.deliveries[change.delivery];
    if (!std::exchange(known.fell, false))
      blame(
          fmt::format("G6: {} is said to have been in flight at a death", change.delivery.text()));
    ++known.deaths;
    if (change.state == DeliveryState::parked && known.deaths < 3)
      blame(fmt::format("G6: {} was parked after {} deaths", change.delivery.text(), known.deaths));
  }
  for (const auto& record : batch.attempts) {
    digest_.add("recorded", record.attempt.delivery.value,
                static_cast<std::uint64_t>(record.attempt.number),
                static_cast<std::uint64_t>(record.state));
    check_record(life, record);
    count(life, batch, record);
  }
  check_notices(batch);
}

void Oracle::check_record(Life& life, const store::AttemptRecord& record) {
  const auto& attempt = record.attempt;
  auto& known = truth_.deliveries[attempt.delivery];
  const auto name = [&] {
    return fmt::format("{} (attempt {})", attempt.delivery.text(), attempt.number);
  };
  known.deaths = 0;
  auto& last = known.last_of[life.number];
  if (last.number != attempt.number) {
    blame(fmt::format("G7: {} was recorded and not made", name()));
    return;
  }
  if (!last.returned) {
    blame(fmt::format("G6: {} was recorded before it ended, or was cancelled", name()));
    return;
  }
  if (std::exchange(last.recorded, true)) blame(fmt::format("G7: {} was recorded twice", name()));
  if (attempt.success != last.success || attempt.status != last.status)
    blame(fmt::format("G6: {} was recorded with another outcome", name()));
  const auto& endpoint = truth_.endpoints.at(attempt.endpoint).spec;
  const bool more = attempt.number <= static_cast<int>(endpoint.retry.steps.size());
  const DeliveryState expected = last.success ? DeliveryState::succeeded
                                 : more       ? DeliveryState::pending
                                              : DeliveryState::exhausted;
  if (record.state != expected)
    blame(fmt::format("G8: {} became {} and not {}", name(), static_cast<int>(record.state),
                      static_cast<int>(expected)));
  if (record.state != DeliveryState::pending) return;
  const Millis wait = record.due_at - last.ended;
  if (wait < last.wait || wait > last.wait_max)
    blame(fmt::format("G8: {} is due in {} ms, expected {} to {}", name(), wait.count(),
                      last.wait.count(), last.wait_max.count()));
}

void Oracle::count(const Life& life, const store::Batch& batch,
                   const store::AttemptRecord& record) {
  const auto& attempt = record.attempt;
  auto& endpoint = truth_.endpoints.at(attempt.endpoint);
  const auto& last = truth_.deliveries[attempt.delivery].last_of[life.number];
  const bool calm = !endpoint.editing && endpoint.calm_since + edit_echo <= machine_.steady() &&
                    !endpoint.deleted;
  if (!calm) endpoint.count_known = false;

  bool failing = false, disable = false;
  if (last.success) {
    endpoint.failures = 0;
    endpoint.failing_told = false;
    if (calm) endpoint.count_known = true;
  } else if (attempt.trigger != model::Trigger::replay && last.started > endpoint.counted_until) {
    ++endpoint.failures;
    endpoint.counted_until = last.ended;
    const int limit = endpoint.spec.disable_after;
    disable = limit > 0 && endpoint.failures >= limit;
    failing =
        limit > 0 && !disable && !endpoint.failing_told && endpoint.failures >= (limit + 1) / 2;
    endpoint.failing_told |= failing;
  }
  const bool gone = last.status == 410;
  const auto write = std::ranges::find_if(
      batch.objects, [&](const auto& one) { return is_disabling(one, attempt.endpoint); });
  const bool disables = write != batch.objects.end();
  if (disables && batch.attempts.size() == 1) check_disabling(batch, endpoint, gone || disable);
  // `enabled` already says what this commit made of it.
  const bool was_enabled = endpoint.enabled || disables;
  if (!endpoint.count_known || !was_enabled) return;
  if ((disable || gone) && !disables)
    blame(fmt::format("G10: {} was not disabled after {} failures{}", attempt.endpoint.text(),
                      endpoint.failures, gone ? " (410)" : ""));
  if (failing && events_of(batch, "endpoint.failing") == 0)
    blame(fmt::format("G10: endpoint.failing of {} is missing", attempt.endpoint.text()));
}

void Oracle::check_disabling(const store::Batch& batch, EndpointTruth& endpoint, bool expected) {
  const auto& id = batch.attempts.front().attempt.endpoint;
  const auto say = [&](std::string_view what) {
    blame(fmt::format("G10: {} was disabled {}", id.text(), what));
  };
  ++endpoint.auto_disabled;
  if (endpoint.count_known && !expected)
    say(fmt::format("after {} of {} failures", endpoint.failures, endpoint.spec.disable_after));
  if (events_of(batch, "endpoint.disabled") != 1) say("without its event");
  const auto has_kind = [&](ObjectKind kind) {
    return std::ranges::any_of(batch.objects,
                               [kind](const auto& write) { return write.object.kind == kind; });
  };
  if (!has_kind(ObjectKind::notification)) say("without a notification");
  if (!has_kind(ObjectKind::outgoing_mail)) say("without a mail");
  if (batch.audit.empty()) say("without an audit entry");
  const auto held = tables_->held.find(id);
  if (held == tables_->held.end() ||
      std::ranges::none_of(held->second, [](const auto& interval) { return !interval.until; }))
    say("and its deliveries are not held");
}

void Oracle::check_notices(const store::Batch& batch) {
  const auto exhausted = std::ranges::count_if(
      batch.attempts, [](const auto& record) { return record.state == DeliveryState::exhausted; });
  const auto recovered = std::ranges::count_if(batch.attempts, [](const auto& record) {
    return record.state == DeliveryState::succeeded && record.attempt.number > 1;
  });
  if (events_of(batch, "delivery.exhausted") != exhausted)
    blame("G6: delivery.exhausted is not told with the attempt");
  if (events_of(batch, "delivery.recovered") != recovered)
    blame("G6: delivery.recovered is not told with the attempt");
}

void Oracle::answered(Life& life, const store::Batch& batch, std::optional<Errc> refused) {
  if (!batch.attempts.empty() || (batch.epochs && !batch.lanes.empty())) {
    const bool later = refused == Errc::unavailable || refused == Errc::io;
    life.saw_store_faults |= later;
    // Refused for good is an answer too: the store takes records again.
    life.store_refuses = later && (life.store_refuses || !batch.attempts.empty());
  }
  if (refused || batch.attempts.size() != 1) return;
  const auto id = batch.attempts.front().attempt.endpoint;
  if (std::ranges::any_of(batch.objects, [&](const auto& one) { return is_disabling(one, id); }))
    truth_.endpoints.at(id).answered_off = true;
}

}  // namespace posthorn::sim

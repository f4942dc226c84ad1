#include "api/replay_runner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "api/request_replay.h"
#include "api/try.h"

namespace posthorn::api {

namespace {

constexpr Millis retry_gap = 2s;  ///< After the store refused.
constexpr Millis look_gap = 30s;  ///< Without a notice.

/// Rows of one step: at most half a second's worth, so that a pause is felt soon.
int step_size(const model::ReplayJob& job, int most) {
  if (job.dry_run) return most;
  return std::clamp(static_cast<int>(job.rate_per_second / 2), 1, most);
}

}  // namespace

store::DeliveryFilter store_filter(const model::ReplayJob& job) {
  store::DeliveryFilter filter;
  filter.workspace = job.workspace;
  filter.endpoint = job.filter.endpoint;
  filter.event = job.filter.event;
  filter.states = job.filter.states;
  filter.event_types = job.filter.event_types;
  filter.status_codes = job.filter.status_codes;
  filter.since = job.filter.since;
  // What the job itself makes must not match it.
  filter.until = job.filter.until ? std::min(*job.filter.until, job.created_at) : job.created_at;
  return filter;
}

task<> ReplayRunner::run() {
  auto waiter = hub_.join();
  const auto listening =
      ports_.store.listen([this](std::shared_ptr<const store::CommitNotice> notice) {
        const bool concerns = std::ranges::any_of(notice->objects, [](const auto& changed) {
          return changed.kind == model::ObjectKind::replay_job;
        });
        if (concerns) hub_.notify();
      });
  for (;;) {
    auto next = ports_.clock.steady() + retry_gap;
    if (const auto stepped = co_await step_all())
      next = *stepped;
    else
      ports_.log.warning("replay.delayed", {{"error", stepped.error().what}});
    if (!co_await waiter.wait(ports_.clock, next)) co_return;
  }
}

task<Result<Tick>> ReplayRunner::step_all() {
  Tick next = ports_.clock.steady() + look_gap;
  store::Page page{.after = 0, .limit = 100, .oldest_first = true};
  for (;;) {
    store::ObjectFilter everything;
    PH_CO_TRY(auto found,
              co_await ports_.store.list_objects(model::ObjectKind::replay_job, everything, page));
    for (auto& object : found.rows) {
      PH_CO_TRY(auto job, model::replay_job_from(object));
      if (job.state != model::ReplayState::running) {
        next_step_.erase(job.id);
        continue;
      }
      const auto id = job.id;
      const auto gap = Millis{static_cast<std::int64_t>(
          std::ceil(1000.0 * step_size(job, step_rows_max) / job.rate_per_second))};
      auto& due = next_step_[id];
      if (due <= ports_.clock.steady()) {
        const bool dry = job.dry_run;
        PH_CO_TRY_VOID(co_await step(std::move(object), std::move(job)));
        due = ports_.clock.steady() + (dry ? Millis{0} : gap);
      }
      next = std::min(next, due);
    }
    if (!found.next) co_return next;
    page.after = *found.next;
  }
}

task<Result<>> ReplayRunner::step(model::Object object, model::ReplayJob job) {
  const store::Page page{
      .after = job.cursor, .limit = step_size(job, step_rows_max), .oldest_first = true};
  store::Batch batch;
  PH_CO_TRY(const auto next, job.requests ? co_await take_requests(job, page, batch)
                                          : co_await take_deliveries(job, page, batch));
  job.updated_at = ports_.clock.now();
  if (next) {
    job.cursor = *next;
  } else {
    job.state = model::ReplayState::completed;
    job.finished_at = job.updated_at;
    job.counts.total = job.counts.seen;
  }
  store::ObjectWrite write;
  write.action = store::ObjectWrite::Action::replace;
  write.object = model::to_object(job);
  write.object.expires_at = object.expires_at;
  write.expected_version = object.version;
  batch.objects.push_back(std::move(write));
  const auto applied = co_await ports_.store.apply(std::move(batch));
  // Somebody paused or cancelled it meanwhile, or changed one of its requests: nothing was written,
  // and the next look sees that.
  if (!applied && applied.error().code != Errc::conflict) co_return fail(applied.error());
  co_return Result<>{};
}

task<Result<std::optional<std::uint64_t>>> ReplayRunner::take_deliveries(model::ReplayJob& job,
                                                                         store::Page page,
                                                                         store::Batch& batch) {
  auto filter = store_filter(job);
  PH_CO_TRY(auto found, co_await ports_.store.list_deliveries(std::move(filter), page));
  const auto seen = static_cast<std::int64_t>(found.rows.size());
  job.counts.seen += seen;
  if (job.dry_run) co_return found.next;
  PH_CO_TRY(batch.deliveries, co_await replays_of(std::move(found.rows)));
  const auto made = static_cast<std::int64_t>(batch.deliveries.size());
  job.counts.replayed += made;
  job.counts.skipped += seen - made;
  co_return found.next;
}

task<Result<std::optional<std::uint64_t>>> ReplayRunner::take_requests(model::ReplayJob& job,
                                                                       store::Page page,
                                                                       store::Batch& batch) {
  const auto wanted = request_query(job);
  auto filter = wanted.filter;
  PH_CO_TRY(const auto found, co_await ports_.store.list_requests(std::move(filter), page));
  const ReplayPorts replay{ports_.store, ports_.sources, ports_.certificates, ports_.timeline};
  for (const auto& row : found.rows) {
    if (!is_wanted(wanted, ports_.sources, row)) continue;
    ++job.counts.seen;
    if (job.dry_run) continue;
    // One at a time: bodies may be large.
    PH_CO_TRY(const auto request, co_await ports_.store.request(row.id));
    if (!request) {
      ++job.counts.skipped;
      continue;
    }
    auto change = co_await replay_change(replay, *request, job.requests->force);
    if (!change && change.error().status >= 500)
      co_return fail(Errc::unavailable, change.error().detail);
    if (change) batch.request_changes.push_back(*std::move(change));
    ++(change ? job.counts.replayed : job.counts.skipped);
  }
  co_return found.next;
}

task<Result<std::vector<store::NewDelivery>>> ReplayRunner::replays_of(
    std::vector<model::Delivery> page) {
  constexpr std::size_t group = 16;  // Payloads in memory at once.
  std::set<EventId> wanted, alive;
  for (const auto& delivery : page) wanted.insert(delivery.event);
  while (!wanted.empty()) {
    std::vector<EventId> some;
    while (some.size() < group && !wanted.empty())
      some.push_back(wanted.extract(wanted.begin()).value());
    PH_CO_TRY(const auto events, co_await ports_.store.events(std::move(some)));
    for (const auto& event : events)
      if (event->data) alive.insert(event->id);
  }
  const auto routing = ports_.routing.current();
  std::vector<store::NewDelivery> replays;
  for (const auto& delivery : page) {
    if (!alive.contains(delivery.event) || !routing->endpoint(delivery.endpoint)) continue;
    store::NewDelivery again;
    again.event = delivery.event;
    again.endpoint = delivery.endpoint;
    again.workspace = delivery.workspace;
    again.due_at = ports_.timeline.now();
    again.key_hash = delivery.key_hash;
    again.replay_of = delivery.id;
    replays.push_back(again);
  }
  co_return replays;
}

}  // namespace posthorn::api

#include "ingest/polling.h"

#include <algorithm>
#include <vector>

#include "ingest/poll_position.h"

namespace posthorn::ingest {
namespace {

constexpr Millis wait_max{3'600'000};     // Whatever a provider asks for.
constexpr Millis long_poll_pause{1'000};  // One that does not wait must not be asked all the time.

}  // namespace

Polling::Polling(Ports ports, PollingConfig config)
    : ports_(ports),
      config_(config),
      alarm_(ports.context, ports.clock),
      tasks_(ports.context, ports.log, {}) {}

Polling::~Polling() = default;

task<Result<>> Polling::start() {
  listening_ =
      ports_.store.listen([this](const std::shared_ptr<const store::CommitNotice>& notice) {
        const bool sources_changed =
            std::ranges::any_of(notice->objects, [](const store::ObjectRef& object) {
              return object.kind == model::ObjectKind::source;
            });
        if (sources_changed) asio::post(ports_.context, [this] { alarm_.ring(); });
      });
  store::Page page{.after = 0, .limit = 500, .oldest_first = true};
  for (;;) {
    store::ObjectFilter all;
    PH_CO_TRY(const auto found,
              co_await ports_.store.list_objects(model::ObjectKind::poll_state, all, page));
    for (const auto& object : found.rows) {
      PH_CO_TRY(auto position, poll_position_from(object));
      entries_[SourceId{object.parent}].position = std::move(position);
    }
    if (!found.next) break;
    page.after = *found.next;
  }
  tasks_.spawn("polling", run());
  co_return Result<>{};
}

task<> Polling::stop() {
  listening_.reset();
  stopping_ = true;
  alarm_.ring();
  co_await tasks_.stop();
}

task<> Polling::run() {
  while (!stopping_) {
    if (ports_.sources.has_changes())
      if (const auto refreshed = co_await ports_.sources.refresh_changed(); !refreshed)
        ports_.log.warning("polling.sources_unread", {{"what", refreshed.error().what}});
    co_await scan();
    const Tick now = ports_.clock.steady();
    std::vector<std::pair<Tick, SourceId>> due;
    Tick next = now + config_.rescan;
    for (const auto& [id, entry] : entries_) {
      if (entry.running || !entry.settings) continue;
      if (entry.due <= now)
        due.emplace_back(entry.due, id);
      else
        next = std::min(next, entry.due);
    }
    std::ranges::sort(due);
    for (const auto& [at, id] : due) {
      auto& entry = entries_[id];
      const bool is_long = entry.settings->poller->long_polls;
      int& slots = is_long ? long_polls_ : looks_;
      if (slots >= (is_long ? config_.long_polls_max : config_.in_flight_max)) continue;
      auto live = ports_.sources.by_id(id);
      if (!live) continue;
      ++slots;
      entry.running = true;
      tasks_.spawn("poll", turn(std::move(live), entry.settings));
    }
    co_await alarm_.wait_until(next);
  }
}

/// Takes over what changed of the sources, and forgets the positions of those that are gone or are
/// not polled any more.
task<> Polling::scan() {
  for (const auto& live : ports_.sources.all())
    if (!live->source.poll.empty()) take_over(live, entries_[live->source.id]);
  std::vector<SourceId> gone;
  for (const auto& [id, entry] : entries_) {
    if (entry.running) continue;
    const auto live = ports_.sources.by_id(id);
    if (!live || live->source.poll.empty()) gone.push_back(id);
  }
  for (const auto id : gone) {
    auto& entry = entries_[id];
    entry.settings.reset();
    {
      const std::lock_guard lock(health_mutex_);
      health_.erase(id);
    }
    if (const auto forgotten = co_await forget(entry.position))
      entries_.erase(id);
    else
      ports_.log.warning("polling.not_forgotten",
                         {{"source", id.text()}, {"what", forgotten.error().what}});
  }
}

void Polling::take_over(const LiveSourcePtr& live, Entry& entry) {
  if (entry.running || entry.version == live->source.version) return;
  const Tick now = ports_.clock.steady();
  entry.version = live->source.version;
  auto settings = poll_settings(live->source);
  const bool begins = settings && !entry.settings;
  entry.settings = settings ? std::make_shared<const PollSettings>(*std::move(settings)) : nullptr;
  entry.failures = 0;
  entry.due = now;
  const std::lock_guard lock(health_mutex_);
  if (!entry.settings) {
    health_.erase(live->source.id);
    return;
  }
  auto& health = health_[live->source.id];
  if (begins) health.complete = now;
  health.interval = entry.settings->interval;
  health.due = now;
}

Millis Polling::wait_after(const PollSettings& settings, const Entry& entry,
                           const Outcome& outcome) {
  if (!outcome.failed && outcome.more) return Millis{0};
  Millis wait = settings.interval;
  if (outcome.failed) {
    const int doublings = std::min(entry.failures - 1, 16);
    wait = std::min(config_.failure_first * (1 << doublings), config_.failure_max);
    if (outcome.wait) wait = std::clamp(*outcome.wait, Millis{1'000}, wait_max);
  } else if (settings.poller->long_polls && settings.settings.integer("long_poll_seconds") > 0) {
    return long_poll_pause;
  }
  // Sources that began together, or met the same fault, come apart.
  return wait + Millis{static_cast<std::int64_t>(
                    ports_.random.below(static_cast<std::uint64_t>(wait.count()) / 10 + 1))};
}

void Polling::settle(const PollSettings& settings, SourceId id, const Outcome& outcome) {
  auto& entry = entries_[id];
  entry.failures = outcome.failed ? entry.failures + 1 : 0;
  const Tick now = ports_.clock.steady();
  entry.due = now + wait_after(settings, entry, outcome);
  if (outcome.failed) {
    ports_.metrics.failed.add();
    ports_.log.warning("polling.failed", {{"source", id.text()}, {"what", outcome.error}});
  }
  const std::lock_guard lock(health_mutex_);
  const auto health = health_.find(id);
  if (health == health_.end()) return;
  health->second.error = outcome.error;
  health->second.more = outcome.more;
  if (!outcome.failed && !outcome.more) health->second.complete = now;
  health->second.due = entry.due;
}

task<> Polling::turn(LiveSourcePtr live, SettingsPtr settings) {
  const SourceId id = live->source.id;
  auto& entry = entries_[id];
  auto outcome = co_await look(live, settings, entry);
  outcome.error = without_secrets(*settings, std::move(outcome.error));
  settle(*settings, id, outcome);
  entry.running = false;
  --(settings->poller->long_polls ? long_polls_ : looks_);
  alarm_.ring();
}

json::value Polling::health(SourceId source) const {
  const std::lock_guard lock(health_mutex_);
  const auto found = health_.find(source);
  if (found == health_.end()) return nullptr;
  const auto& health = found->second;
  const Tick now = ports_.clock.steady();
  const bool late = now - health.complete > 2 * health.interval + config_.rescan;
  const auto moment = [](std::optional<Instant> at) {
    return at ? json::value(to_rfc3339(*at)) : json::value(nullptr);
  };
  return json::object{
      {"last_polled_at", moment(health.polled_at)},
      {"last_error", health.error.empty() ? json::value(nullptr) : json::value(health.error)},
      {"behind", health.more || late},
      {"next_poll_at", moment(ports_.clock.now() + std::max(health.due - now, Millis{0}))}};
}

}  // namespace posthorn::ingest

#include "sim/world.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "model/endpoint_json.h"
#include "sim/audience.h"

namespace posthorn::sim {

namespace {

constexpr Millis restart_after = 2s;
constexpr Millis restart_gap = 20s;  ///< Between starts when one fails after the other.
constexpr Millis rest_within = 96h;
constexpr Millis probing_gap = 6min;  ///< More than between two probes.
constexpr Millis late_max = 20s;      ///< In a world at rest: the hosts of many take one at a time.
constexpr int processes_max = 100;    ///< Without those that poison ends.
constexpr int processes_for_poison = 6;  ///< For each delivery of it: three deaths, failed starts.
constexpr int handlers_max = 100'000;    ///< At one moment.
constexpr int wake_ups_max = 1'000'000;  ///< In one world.

std::vector<int> every_shard() {
  std::vector<int> shards(store::shard_count);
  for (int i = 0; i < store::shard_count; ++i) shards[static_cast<std::size_t>(i)] = i;
  return shards;
}

}  // namespace

World::World(std::uint64_t seed) : seed_(seed), plan_(seed) {
  rows_ = std::make_unique<store::MemoryStore>(clock_);
  oracle_.look_at(rows_->tables());
}

World::~World() = default;

void World::lie() {
  Promise promise;
  promise.event = EventId{UINT64_MAX};
  truth_.promises.push_back(std::move(promise));
}

void World::trace() {
  traces_ = true;
  digest_.trace([this](std::string_view what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    fmt::print("{:>12} {} {} {} {}\n", clock_.steady().ms, what, a, b, c);
  });
}

void World::at(Millis when, std::function<void()> action) {
  agenda_.emplace(clock_.steady() + when, std::move(action));
}

void World::spawn(task<> work) {
  ++running_tasks_;
  asio::co_spawn(context_, std::move(work), [this](std::exception_ptr bug) {
    --running_tasks_;
    if (bug) std::rethrow_exception(bug);
  });
}

void World::settle() {
  try {
    context_.restart();
    for (int handlers = 0; context_.poll_one() > 0; ++handlers) {
      if (handlers < handlers_max) continue;
      oracle_.blame("it spins: time does not go on");
      break;
    }
  } catch (const std::exception& bug) {
    oracle_.blame(std::string("an exception: ") + bug.what());
  }
}

bool World::go_on(Tick end, const std::function<bool()>& done) {
  settle();
  while (oracle_.verdict().empty()) {
    if (done()) return true;
    const auto sleeper = clock_.next();
    const bool has_action = !agenda_.empty();
    const Tick action_at = has_action ? agenda_.begin()->first : Tick{INT64_MAX};
    const Tick next = std::min(action_at, sleeper.value_or(Tick{INT64_MAX}));
    if (next > end) {
      clock_.go_to(end);
      return done();
    }
    if (action_at <= next) {
      clock_.go_to(action_at);
      const auto action = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      action();
    } else {
      clock_.wake_next();
    }
    settle();
    if (++wake_ups_ > wake_ups_max) oracle_.blame("it spins: it wakes up over and over");
  }
  return false;
}

void World::start_process(std::vector<int> shards) {
  const bool alone =
      std::ranges::all_of(processes_, [](const auto& one) { return one->is_dead(); });
  if (alone) {
    // A restart opens the store anew.
    listening_.reset();
    rows_ = std::make_unique<store::MemoryStore>(clock_, rows_->tables());
    listening_ = rows_->listen(
        [this](std::shared_ptr<const store::CommitNotice> notice) { learn(*notice); });
  }
  deliver::EngineConfig config;
  config.in_flight_max = plan_.in_flight_max;
  config.per_target_max = plan_.per_target_max;
  config.drain_limit = plan_.drain_limit;
  config.window_rows_max = plan_.window_rows_max;
  config.admin_mails = {"ops@example.com"};
  if (journals_.empty() || plan_.two_owners) journals_.emplace_back();
  const int number = static_cast<int>(processes_.size()) + 1;
  Process::Machine machine{.context = context_,
                           .clock = clock_,
                           .journal = journals_.back(),
                           .peers = peers_,
                           .oracle = oracle_,
                           .truth = truth_,
                           .faults = faults_,
                           .vault = vault_,
                           .rows = [this]() -> store::MemoryStore& { return *rows_; },
                           .on_bug =
                               [](std::exception_ptr bug) {
                                 if (bug) std::rethrow_exception(bug);
                               }};
  processes_.push_back(std::make_unique<Process>(std::move(machine), number, seed_, config));
  processes_.back()->start(std::move(shards));
}

Process* World::serving() {
  for (const auto& process : processes_)
    if (process->serves()) return process.get();
  return nullptr;
}

std::ptrdiff_t World::poisoned_deliveries() const {
  std::ptrdiff_t count = 0;
  for (const EventId event : truth_.poison) {
    const auto made = rows_->tables()->of_event.find(event);
    if (made != rows_->tables()->of_event.end()) count += std::ssize(made->second);
  }
  return count;
}

/// Whoever watches the service: what has no living owner gets one.
void World::look_after_processes() {
  if (restarting_) return;
  std::vector<int> orphans;
  for (const int shard : every_shard()) {
    const int owner = oracle_.owner(shard);
    const bool alive = owner > 0 && !processes_[static_cast<std::size_t>(owner - 1)]->is_dead();
    if (!alive) orphans.push_back(shard);
  }
  const bool starting = std::ranges::any_of(processes_, [](const auto& one) {
    return !one->is_dead() && one->phase() == Process::Phase::starting;
  });
  if (orphans.empty() || starting) return;
  if (std::ssize(processes_) >= processes_max + processes_for_poison * poisoned_deliveries())
    return oracle_.blame("the process is restarted over and over");
  restarting_ = true;
  const Millis quiet = last_start_ + restart_gap - clock_.steady();
  at(fate_.span(0ms, restart_after) + std::max(quiet, 0ms), [this, orphans] {
    restarting_ = false;
    last_start_ = clock_.steady();
    start_process(orphans);
  });
}

void World::learn(const store::CommitNotice& notice) {
  for (const auto& fresh : notice.deliveries)
    digest_.add("delivery", fresh.id.value, fresh.endpoint.value, fresh.key_hash);
  for (const auto& event : notice.events)
    if (const auto call = truth_.calls.find(*event->data); call != truth_.calls.end())
      truth_.audiences[event->id] = audience_of(truth_, call->second);
  for (const auto& object : notice.objects) {
    if (object.kind != model::ObjectKind::endpoint) continue;
    auto& truth = truth_.endpoints[EndpointId{object.id}];
    const auto& objects = rows_->tables()->objects;
    if (object.removed) {
      truth.deleted = true;
      for (const auto& process : processes_)
        if (!process->is_dead() && !process->store().is_committing())
          process->routing().remove(EndpointId{object.id});
      digest_.add("deleted", object.id);
      continue;
    }
    auto endpoint = model::endpoint_from(objects.at(object.id), vault_).value();
    if (endpoint.enabled && !truth.enabled) {
      truth.answered_off = false;
      truth.failures = 0;
      truth.failing_told = false;
    }
    truth.enabled = endpoint.enabled;
    digest_.add("endpoint", object.id, endpoint.enabled,
                static_cast<std::uint64_t>(endpoint.version));
    // Whoever committed it sees to its own table; other nodes are told.
    const auto told = std::make_shared<const model::Endpoint>(std::move(endpoint));
    for (const auto& process : processes_)
      if (!process->is_dead() && !process->store().is_committing()) process->routing().upsert(told);
  }
}

void World::take_apart() {
  agenda_.clear();
  for (const auto& process : processes_) process->kill();
  const auto all_gone = [this] {
    return running_tasks_ == 0 && std::ranges::all_of(processes_, [](const auto& process) {
             return process->phase() == Process::Phase::gone;
           });
  };
  for (int step = 0; step < 2'000; ++step) {
    settle();
    if (all_gone()) {
      is_apart_ = true;
      return;
    }
    if (!clock_.next()) break;
    clock_.wake_next();
  }
  oracle_.blame("a process could not be taken apart");
}

void World::heal() {
  healed_ = true;
  agenda_.clear();
  restarting_ = false;
  faults_ = {};
  peers_.heal();
  truth_.poison.clear();
  for (const auto& process : processes_)
    process->store().crash_at_next_commit(FaultyStore::Crash::none);
}

bool World::is_at_rest() const {
  const auto& tables = *rows_->tables();
  if (!tables.expansions.empty() || running_tasks_ > 0) return false;
  return std::ranges::all_of(tables.pending, [&](const auto& lane) {
    return std::ranges::all_of(
        lane.second, [&](const auto& due) { return tables.is_dropped(lane.first, due.second); });
  });
}

void World::judge_punctuality() {
  const auto never = [] { return false; };
  go_on(clock_.steady() + probing_gap, never);
  auto made = std::make_shared<Publication>();
  model::Event event;
  event.workspace = WorkspaceId{1};
  event.application = ApplicationId{1};
  event.type = "ticket.created";
  event.actor = "key:key_1";
  event.data = share("{}");
  made->events.push_back(std::move(event));
  made->delay = 10s;
  spawn(publish(made));
  if (!go_on(clock_.steady() + 1s, [this] { return running_tasks_ == 0; })) return;
  const EventId published = truth_.promises.back().event;
  go_on(clock_.steady() + made->delay + late_max, never);
  const auto deliveries = rows_->tables()->of_event.find(published);
  if (deliveries == rows_->tables()->of_event.end()) return;  // Nobody wanted it.
  for (const DeliveryId id : deliveries->second)
    if (truth_.deliveries[id].sends == 0)
      oracle_.blame(
          fmt::format("G5: {} has not left {} after its time", id.text(), to_human(late_max)));
}

void World::tell_lanes() {
  for (const auto& [id, queue] : rows_->tables()->pending) {
    const int owner = oracle_.owner(store::shard_of(id));
    const auto& process = *processes_.at(static_cast<std::size_t>(owner - 1));
    const auto lane = process.engine().lane_view(id);
    fmt::print("{}: {} pending; process {}: state {}, {} in memory, {} of {} in flight\n",
               id.text(), queue.size(), owner, static_cast<int>(lane.state), lane.waiting,
               lane.in_flight, lane.concurrency);
  }
}

Report World::run() {
  create_endpoints();
  start_process(every_shard());
  plan_publications();
  plan_faults();
  if (plan_.edits) plan_edits();
  const Tick load_end = clock_.steady() + plan_.load_span;
  const auto never = [this] {
    look_after_processes();
    return false;
  };
  go_on(load_end, never);

  // Faults end; what is owed must come to rest by itself.
  heal();
  const Tick end = clock_.steady() + rest_within;
  bool at_rest = false;
  while (oracle_.verdict().empty() && !at_rest && clock_.steady() < end) {
    go_on(clock_.steady() + 5s, never);
    for (const auto& [id, endpoint] : truth_.endpoints)
      if (!endpoint.deleted && !endpoint.enabled && !endpoint.editing) spawn(edit(id, 1, true));
    spawn(replay_exhausted(true));
    go_on(clock_.steady() + 10min, [this] {
      look_after_processes();
      return is_at_rest();
    });
    at_rest = is_at_rest();
    if (!at_rest) continue;
    // A last look: what came to rest may have told others.
    go_on(clock_.steady() + 2min, never);
    const bool blocked = std::ranges::any_of(truth_.endpoints, [](const auto& endpoint) {
      return !endpoint.second.deleted && !endpoint.second.enabled;
    });
    at_rest = is_at_rest() && !blocked;
  }
  if (oracle_.verdict().empty() && at_rest) judge_punctuality();
  if (traces_) tell_lanes();
  for (const auto& process : processes_) process->stop();
  go_on(clock_.steady() + 1min, [this] {
    return std::ranges::all_of(
        processes_, [](const auto& process) { return process->phase() == Process::Phase::gone; });
  });
  if (oracle_.verdict().empty()) oracle_.judge_end();
  Report report;
  report.time = clock_.steady() - Tick{0};
  take_apart();
  report.seed = seed_;
  report.digest = digest_.value();
  report.verdict = oracle_.verdict();
  report.plan = plan_.words();
  for (const auto& [id, known] : truth_.deliveries)
    report.requests += static_cast<std::size_t>(known.sends);
  report.events = rows_->tables()->events.size();
  report.processes = processes_.size();
  return report;
}

}  // namespace posthorn::sim

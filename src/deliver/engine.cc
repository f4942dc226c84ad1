#include "deliver/engine.h"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <climits>
#include <type_traits>

#include "base/planted.h"
#include "deliver/engine_state.h"
#include "deliver/notices.h"

namespace posthorn::deliver {

namespace {

constexpr int crashes_until_parked = 3;
constexpr Millis drain_look = 5ms;
constexpr int start_tries = 10;  ///< Of each call to a store that fails while the engine starts.
constexpr Millis start_retry = 200ms;

/// A start makes many calls: one that fails for a moment must not end it, or a machine whose disk
/// stutters would never count the deaths of what was in flight.
template <class Ask>
std::invoke_result_t<Ask> patiently(env::Clock& sleeper, Ask ask) {
  for (int tries = 1;; ++tries) {
    auto answer = co_await ask();
    const bool again = !answer && tries < start_tries &&
                       (answer.error().code == Errc::unavailable ||
                        answer.error().code == Errc::io || answer.error().code == Errc::timed_out);
    if (!again) co_return answer;
    co_await sleeper.sleep_until(sleeper.steady() + start_retry);
  }
}

}  // namespace

Engine::State::State(Ports engine_ports, EngineConfig engine_config)
    : ports(engine_ports),
      config(std::move(engine_config)),
      alarm(ports.context, ports.sleeper),
      record_alarm(ports.context, ports.sleeper),
      sends(ports.context, ports.log, env::stop_process()),
      work(ports.context, ports.log, env::stop_process()),
      records(ports.context, ports.log, env::stop_process()) {}

Engine::State::~State() {
  // Lanes and the targets that they wait for hold each other.
  for (auto& [host, target] : targets) target->waiting.clear();
}

Engine::Engine(Ports ports, EngineConfig config)
    : state_(std::make_shared<State>(ports, std::move(config))) {}
Engine::~Engine() = default;

task<> Engine::State::nap(Millis span) {
  co_await ports.sleeper.sleep_until(ports.clock.steady() + span);
}

task<Result<>> Engine::State::start(std::string node, std::vector<int> wanted, bool begin_paused) {
  node_name = std::move(node);
  paused = begin_paused;
  auto leased =
      co_await patiently(ports.sleeper, [&] { return ports.store.lease(node_name, wanted); });
  if (!leased) co_return fail(std::move(leased).error());
  epochs = *std::move(leased);
  shards = std::move(wanted);
  for (const int shard : shards) owned[static_cast<std::size_t>(shard)] = true;
  auto counted_crashes = co_await count_crashes();
  if (!counted_crashes) co_return counted_crashes;
  listen();
  auto found_lanes = co_await patiently(ports.sleeper, [this] { return find_due_lanes(); });
  if (!found_lanes) co_return found_lanes;
  start_expanding();
  work.spawn("deliver.time", keep_time());
  work.spawn("deliver.sweep", sweep());
  co_return Result<>();
}

task<Result<>> Engine::State::count_crashes() {
  const auto leftovers = ports.journal.take_leftovers();
  store::Batch batch;
  batch.epochs = epochs;
  const NoticeTime time{ports.clock.now(), now()};
  for (const auto id : leftovers) {
    const auto read =
        co_await patiently(ports.sleeper, [this, id] { return ports.store.delivery(id); });
    if (!read) co_return fail(read.error());
    const auto& found = *read;
    if (!found || found->state != model::DeliveryState::pending || !owns(found->endpoint)) continue;
    store::DeliveryChange change;
    change.delivery = id;
    change.only_if = model::DeliveryState::pending;
    change.crashes = found->crashes + 1;
    const int parked_from = planted(Planted::parked_at_once)        ? 1
                            : planted(Planted::poison_never_parked) ? INT_MAX
                                                                    : crashes_until_parked;
    if (*change.crashes >= parked_from) {
      change.state = model::DeliveryState::parked;
      add_parked_notice(batch, *found, time);
      ports.metrics.parked.add();
      ports.log.error("delivery.parked",
                      {{"delivery", id.text()}, {"endpoint", found->endpoint.text()}});
    }
    batch.changes.push_back(change);
  }
  if (batch.changes.empty()) co_return Result<>();
  const auto applied = co_await patiently(ports.sleeper, [&] { return ports.store.apply(batch); });
  if (!applied) co_return fail(applied.error());
  co_return Result<>();
}

task<> Engine::State::stop() {
  stopping = true;
  listening.reset();
  const Tick deadline = ports.clock.steady() + config.drain_limit;
  alarm.ring();
  co_await work.stop();
  for (auto& [lane, taken] : std::exchange(without_payload, {}))
    give_back(lane, std::move(taken.row), 0ms);
  while (sends.size() > 0 && ports.clock.steady() < deadline) co_await nap(drain_look);
  giving_up = true;
  co_await sends.stop();
  record_alarm.ring();
  while (recording) co_await nap(drain_look);
  co_await records.stop();
}

store::EpochsPtr Engine::epochs() const { return state_->epochs; }

task<Result<>> Engine::start(std::string node, std::vector<int> shards, bool paused) {
  return state_->start(std::move(node), std::move(shards), paused);
}

void Engine::resume() {
  state_->paused = false;
  state_->pump();
}

task<> Engine::stop() { return state_->stop(); }

namespace {
task<env::Exchange> send_on_context(env::HttpSender& sender, env::OutgoingRequest request) {
  co_return co_await sender.send(std::move(request));
}
}  // namespace

task<env::Exchange> Engine::send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                      std::shared_ptr<const model::Event> event) {
  // The sender belongs to the engine's context; the caller may live on another.
  env::OutgoingRequest request;
  const Body body = format_body(*event, endpoint->format);
  HmacCache hmacs(8);
  request.url = endpoint->url;
  request.headers =
      message_headers(*event, *endpoint, DeliveryId{}, 1, state_->ports.clock.now(), body, hmacs);
  request.body = body.bytes;
  request.limit = endpoint->timeout;
  co_return co_await asio::co_spawn(
      state_->ports.context, send_on_context(state_->ports.sender, std::move(request)), use_task);
}

void Engine::endpoint_changed(EndpointId id) {
  const std::lock_guard lock(state_->inbox.mutex);
  state_->inbox.changed.push_back(id);
  state_->post_inbox();
}

LaneView Engine::lane_view(EndpointId id) const {
  const std::lock_guard lock(state_->views_mutex);
  const auto found = state_->views.find(id);
  return found == state_->views.end() ? LaneView{} : found->second;
}

}  // namespace posthorn::deliver

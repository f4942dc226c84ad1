// One attempt: from the row that was chosen to the exchange that came of it.

#include <boost/system/system_error.hpp>

#include <algorithm>

#include "deliver/engine_state.h"

#include "base/planted.h"

namespace posthorn::deliver {

namespace {
constexpr std::size_t payloads_per_read = 32;
constexpr Millis payload_retry = 1s;
constexpr Millis not_sent_retry = 1s;
}  // namespace

void Engine::State::begin(const LanePtr& lane, LaneQueue::Taken taken) {
  ++in_flight;
  ports.metrics.in_flight.set(in_flight);
  if (lane->queue.pace().in_flight() == 1) ++busy_lanes;
  ++lane->target->in_flight;
  if (taken.row.event) return launch(lane, std::move(taken));
  without_payload.emplace_back(lane, std::move(taken));
  start_loading();
}

void Engine::State::launch(const LanePtr& lane, LaneQueue::Taken taken) {
  // Its payload was being read when the store stopped taking records.
  if (!takes_records()) return give_back(lane, std::move(taken.row), 0ms);
  // The routing table was changed before whoever disabled the endpoint was answered.
  const auto endpoint = ports.routing.current()->endpoint(lane->id);
  const bool off = endpoint && !endpoint->enabled && !planted(Planted::disabled_is_sent);
  if (!endpoint || off || stopping || lane->dropped) {
    give_back(lane, std::move(taken.row), 0ms);
    if (!stopping && !lane->dropped) look_at_endpoint(lane);
    return;
  }
  if (!taken.row.event->data) return drop_without_payload(lane, std::move(taken.row));
  auto trigger = taken.row.due.trigger;
  if (taken.probe && trigger != model::Trigger::replay) trigger = model::Trigger::probe;
  sent_lately.add(taken.row.due.id);
  sends.spawn("deliver.send", send(lane, std::move(taken.row), endpoint, trigger));
}

void Engine::State::free_target(const LanePtr& lane) {
  if (lane->queue.pace().in_flight() == 0) --busy_lanes;
  auto& target = *lane->target;
  --target.in_flight;
  wake_waiting(target);
}

void Engine::State::wake_waiting(Target& target) {
  if (target.in_flight >= config.per_target_max) return;
  while (!target.waiting.empty()) {
    const LanePtr next = std::move(target.waiting.front());
    target.waiting.pop_front();
    next->waits_for_target = false;
    if (next->dropped) continue;
    return make_ready(next);
  }
}

void Engine::State::give_back(const LanePtr& lane, Row row, Millis later) {
  row.not_before = now() + later;
  lane->queue.put_back(std::move(row), now(), rows_max(*lane));
  free_target(lane);
  --in_flight;
  ports.metrics.in_flight.set(in_flight);
  make_ready(lane);
}

void Engine::State::start_loading() {
  if (std::exchange(loading_payloads, true)) return;
  work.spawn("deliver.payloads", load_payloads());
}

task<> Engine::State::load_payloads() {
  while (!without_payload.empty()) {
    const auto count = std::min(without_payload.size(), payloads_per_read);
    const auto end = without_payload.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<std::pair<LanePtr, LaneQueue::Taken>> wanting(
        std::make_move_iterator(without_payload.begin()), std::make_move_iterator(end));
    without_payload.erase(without_payload.begin(), end);
    std::vector<EventId> ids;
    for (const auto& [lane, taken] : wanting) ids.push_back(taken.row.due.event);
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());

    const auto found = co_await ports.store.events(std::move(ids));
    if (!found) ports.log.warning("deliver.payloads_unread", {{"why", found.error().what}});
    for (auto& [lane, taken] : wanting) {
      if (!found) {
        give_back(lane, std::move(taken.row), payload_retry);
        continue;
      }
      const auto event =
          std::ranges::find(*found, taken.row.due.event, [](const auto& e) { return e->id; });
      if (event == found->end()) {
        drop_without_payload(lane, std::move(taken.row));
        continue;
      }
      taken.row.event = counted(*event, payload);
      launch(lane, std::move(taken));
    }
    pump();
  }
  loading_payloads = false;
}

void Engine::State::drop_without_payload(const LanePtr& lane, Row row) {
  // Erased or past its retention: there is nothing left that could be sent.
  ports.log.info("delivery.payload_gone", {{"delivery", row.due.id.text()}});
  work.spawn("deliver.cancel", cancel_one(lane, row.due.id));
  give_back(lane, std::move(row), 1min);
}

task<> Engine::State::cancel_one(LanePtr lane, DeliveryId id) {
  store::DeliveryChange change;
  change.delivery = id;
  change.only_if = model::DeliveryState::pending;
  change.state = model::DeliveryState::cancelled;
  store::Batch batch;
  batch.epochs = epochs;
  batch.changes.push_back(change);
  const auto applied = co_await ports.store.apply(std::move(batch));
  if (!applied) {  // The row comes up again in a minute.
    ports.log.warning("deliver.cancel_waits",
                      {{"endpoint", lane->id.text()}, {"why", applied.error().what}});
    co_return;
  }
  ports.metrics.cancelled.add();
}

env::OutgoingRequest Engine::State::request_of(const std::shared_ptr<const model::Event>& event,
                                               const model::Endpoint& endpoint, DeliveryId delivery,
                                               int attempt) {
  const Body& body = body_of(event, endpoint.format);
  env::OutgoingRequest request;
  request.url = endpoint.url;
  request.headers =
      message_headers(*event, endpoint, delivery, attempt, ports.clock.now(), body, hmacs);
  request.body = body.bytes;
  if (planted(Planted::body_changes) && attempt > 1) request.body = share(*body.bytes + " ");
  request.limit = endpoint.timeout;
  return request;
}

const Body& Engine::State::body_of(const std::shared_ptr<const model::Event>& event,
                                   model::PayloadFormat format) {
  if (last_body.id != event->id || last_body.format != format || !event->id) {
    last_body.body = format_body(*event, format);
    last_body.id = event->id;
    last_body.format = format;
  }
  return last_body.body;
}

double Engine::State::draw_jitter() {
  constexpr std::uint64_t steps = 1u << 20;
  return static_cast<double>(ports.random.below(steps)) / static_cast<double>(steps);
}

task<> Engine::State::send(LanePtr lane, Row row, std::shared_ptr<const model::Endpoint> endpoint,
                           model::Trigger trigger) {
  Outcome outcome;
  outcome.started = now();
  auto& attempt = outcome.attempt;
  attempt.delivery = row.due.id;
  attempt.endpoint = lane->id;
  attempt.number = row.due.attempts + 1;
  attempt.trigger = trigger;
  attempt.started_at = ports.clock.now();
  auto request = request_of(row.event, *endpoint, row.due.id, attempt.number);
  outcome.lane = std::move(lane);
  outcome.row = std::move(row);
  outcome.endpoint = std::move(endpoint);

  const auto slot = ports.journal.begin(attempt.delivery);
  env::Exchange exchange;
  try {
    exchange = co_await ports.sender.send(std::move(request));
  } catch (const boost::system::system_error& ended) {
    if (ended.code() != asio::error::operation_aborted) throw;
    exchange.result = env::ExchangeResult::not_sent;
  }
  if (!planted(Planted::journal_not_ended)) ports.journal.end(slot);
  end_attempt(std::move(outcome), std::move(exchange));
}

void Engine::State::end_attempt(Outcome outcome, env::Exchange exchange) {
  const LanePtr lane = outcome.lane;
  const bool cancelled = giving_up && exchange.result != env::ExchangeResult::ok &&
                         !planted(Planted::cancelled_is_failure);
  if (cancelled || exchange.result == env::ExchangeResult::not_sent) {
    give_back(lane, std::move(outcome.row), not_sent_retry);
    return pump();
  }
  auto& attempt = outcome.attempt;
  outcome.ended = now();
  outcome.verdict =
      decide(exchange, attempt.number, outcome.endpoint->retry, draw_jitter(), ports.clock.now());
  lane->queue.sent(attempt.delivery, outcome.verdict.success, outcome.started, outcome.ended);
  lane->active_at = outcome.ended;
  free_target(lane);

  auto& metrics = ports.metrics;
  metrics.attempts(exchange.result, exchange.status).add();
  metrics.attempt_total.observe(exchange.timings.total_ms / 1000.0);
  if (exchange.timings.first_byte_ms >= 0)
    metrics.attempt_first_byte.observe(exchange.timings.first_byte_ms / 1000.0);
  attempt.result = exchange.result;
  attempt.status = exchange.status;
  attempt.success = outcome.verdict.success;
  attempt.timings = exchange.timings;
  attempt.remote_address = std::move(exchange.remote_address);
  attempt.tls = std::move(exchange.tls);
  attempt.detail = std::move(exchange.detail);
  attempt.response_headers = std::move(exchange.headers);
  attempt.response_body = std::move(exchange.body);
  attempt.response_truncated = exchange.body_truncated;
  attempt.decision = outcome.verdict.words;
  if (outcome.verdict.retry_in) attempt.retry_at = outcome.ended + *outcome.verdict.retry_in;
  finished.push_back(std::move(outcome));
  start_recording();
  make_ready(lane);
  pump();
}

}  // namespace posthorn::deliver

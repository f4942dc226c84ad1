// What comes from the store: fresh deliveries as they are committed, rows that were left there,
// lanes that become due.

#include <algorithm>

#include "deliver/engine_state.h"

#include "base/planted.h"

namespace posthorn::deliver {

namespace {

constexpr int reads_max = 8;
constexpr std::size_t rows_total_max = 65'536;  ///< Over all lanes.
constexpr std::size_t rows_min = 8;
constexpr std::size_t rows_per_read = 256;
constexpr int lanes_per_page = 256;
constexpr int key_rows_max = 1'000;
constexpr int exhausted_max = 500;  ///< Of a workspace, that an ordered lane reads when it begins.
constexpr Millis read_retry = 1s;
constexpr Millis sweep_gap = 30s;
/// Lanes are taken into memory this long before their next due time: more than a sweep's gap.
constexpr Millis sweep_ahead = 60s;

}  // namespace

std::shared_ptr<const model::Event> counted(std::shared_ptr<const model::Event> event,
                                            std::shared_ptr<PayloadBudget> budget) {
  struct Hold {
    std::shared_ptr<const model::Event> event;
    std::shared_ptr<PayloadBudget> budget;
    std::size_t bytes;
    ~Hold() { budget->bytes -= bytes; }
  };
  const std::size_t bytes = event->data ? event->data->size() : 0;
  budget->bytes += bytes;
  const auto* seen = event.get();
  const auto hold = std::shared_ptr<Hold>(new Hold{std::move(event), std::move(budget), bytes});
  return {hold, seen};
}

void Engine::State::listen() {
  listening = ports.store.listen([this](std::shared_ptr<const store::CommitNotice> notice) {
    if (notice->deliveries.empty() && !notice->others && notice->touched.empty()) return;
    const std::lock_guard lock(inbox.mutex);
    inbox.notices.push_back(std::move(notice));
    post_inbox();
  });
}

void Engine::State::post_inbox() {
  if (std::exchange(inbox.posted, true)) return;
  asio::post(ports.context, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drain_inbox();
  });
}

void Engine::State::drain_inbox() {
  absorb_inbox();
  start_reads();
  pump();
}

void Engine::State::absorb_inbox() {
  std::vector<std::shared_ptr<const store::CommitNotice>> notices;
  std::vector<EndpointId> changed;
  {
    const std::lock_guard lock(inbox.mutex);
    notices.swap(inbox.notices);
    changed.swap(inbox.changed);
    inbox.posted = false;
  }
  if (stopping) return;
  // What is told must be known in full before anything is read or sent because of it: a row that a
  // read brought, and that was sent and settled, must not come up again from an older notice.
  absorbing = true;
  for (const auto id : changed) {
    if (!owns(id)) continue;
    const auto lane = lane_of(id);
    if (lane->loaded) look_at_endpoint(lane);
  }
  for (const auto& notice : notices) take_notice(*notice);
  absorbing = false;
}

void Engine::State::take_notice(const store::CommitNotice& notice) {
  for (const auto& fresh : notice.deliveries) {
    if (owns(fresh.endpoint)) take_fresh(fresh);
  }
  for (const auto& event : notice.events)
    if (event->fan_out > store::fan_out_inline_max) start_expanding();
  const auto touch = [this](const LanePtr& lane) {
    if (!lane->loaded) return;
    lane->queue.refresh();
    make_ready(lane);
  };
  if (notice.others && notice.touched.empty())
    for (const auto& [id, lane] : lanes) touch(lane);
  for (const auto id : notice.touched)
    if (owns(id)) touch(lane_of(id));
}

void Engine::State::take_fresh(const store::FreshDelivery& fresh) {
  if (planted(Planted::fresh_ignored) && fresh.id.value % 8 == 0) return;
  const auto known = lanes.find(fresh.endpoint);
  if (known == lanes.end() || !known->second->loaded) {
    // The lane's first read begins after this commit, and finds the row.
    lane_of(fresh.endpoint);
    return;
  }
  if (sent_lately.contains(fresh.id)) return;
  const LanePtr lane = known->second;
  if (lane->deleted) return start_cancelling(lane);
  Row row;
  row.due.id = fresh.id;
  row.due.due_at = fresh.due_at;
  row.due.key_hash = fresh.key_hash;
  row.due.trigger = fresh.trigger;
  row.due.replay_of = fresh.replay_of;
  if (fresh.event) {
    row.due.event = fresh.event->id;
    row.due.created_at = fresh.event->created_at;
    if (payload->bytes < config.payload_bytes_max / 2) row.event = counted(fresh.event, payload);
  } else {
    // Only the store knows which event it is.
    lane->queue.refresh();
    return make_ready(lane);
  }
  lane->queue.add(std::move(row), now(), rows_max(*lane));
  make_ready(lane);
}

std::size_t Engine::State::rows_max(const LaneEntry& lane) const {
  // A burst that fits is sent without being read back from the store (a fifth of what a delivery
  // costs). Where an order is kept all rows are looked at for each one that is sent: fewer there.
  const std::size_t most = static_cast<std::size_t>(
      lane.queue.ordered() ? std::min(config.ordered_rows_max, config.window_rows_max)
                           : config.window_rows_max);
  const std::size_t share = rows_total_max / std::max<std::size_t>(lanes.size(), 1);
  return std::clamp(share, std::min(rows_min, most), most);
}

void Engine::State::queue_read(const LanePtr& lane) {
  if (lane->read_queued || stopping) return;
  lane->read_queued = true;
  reads.push_back(lane);
  start_reads();
}

void Engine::State::start_reads() {
  while (!absorbing && !stopping && !reads.empty() && reads_running < reads_max) {
    const LanePtr next = std::move(reads.front());
    reads.pop_front();
    ++reads_running;
    work.spawn("deliver.read", read(next));
  }
}

task<> Engine::State::read(LanePtr lane) {
  if (!lane->loaded) {
    auto found = co_await ports.store.lane(lane->id);
    if (found) {
      lane->durable = found->value_or(model::Lane{});
      lane->durable.endpoint = lane->id;
      if (planted(Planted::failures_forgotten)) lane->durable.failures = 0;
      lane->loaded = true;
      look_at_endpoint(lane);
      if (lane->endpoint && lane->queue.wants_exhausted()) co_await read_exhausted(lane);
    } else {
      ports.log.warning("deliver.lane_unread",
                        {{"endpoint", lane->id.text()}, {"why", found.error().what}});
      co_await nap(read_retry);
    }
  } else if (auto& window = lane->queue.window(); lane->queue.wants_read(now(), rows_max(*lane))) {
    const std::size_t limit = std::min(rows_max(*lane), rows_per_read);
    const auto cursor = window.begin_read();
    auto found =
        co_await ports.store.due(lane->id, cursor, Instant{INT64_MAX}, static_cast<int>(limit));
    if (found) {
      window.end_read(*std::move(found), limit, now(), rows_max(*lane));
    } else {
      ports.log.warning("deliver.queue_unread",
                        {{"endpoint", lane->id.text()}, {"why", found.error().what}});
      window.fail_read(now() + read_retry);
    }
  }
  lane->read_queued = false;
  --reads_running;
  if (!lane->loaded && !lane->dropped) queue_read(lane);
  start_reads();
  make_ready(lane);
  pump();
}

task<> Engine::State::read_exhausted(LanePtr lane) {
  store::DeliveryFilter filter;
  filter.workspace = lane->endpoint->workspace;
  filter.states = {model::DeliveryState::exhausted};
  store::Page page{.after = 0, .limit = exhausted_max, .oldest_first = false};
  const auto found = co_await ports.store.list_deliveries(std::move(filter), page);
  // With more of them, or without an answer, each key is asked about.
  if (!found || found->next) co_return;
  std::set<std::uint64_t> keys;
  for (const auto& delivery : found->rows)
    if (delivery.endpoint == lane->id && delivery.key_hash != 0) keys.insert(delivery.key_hash);
  lane->queue.know_exhausted(std::move(keys));
}

task<> Engine::State::ask_key(LanePtr lane, std::uint64_t key) {
  auto pending =
      co_await ports.store.pending_of_key(lane->id, key, DeliveryId{UINT64_MAX}, key_rows_max);
  Result<std::optional<DeliveryId>> head = std::optional<DeliveryId>{};
  const bool blocks = lane->endpoint && lane->endpoint->on_exhausted == model::OnExhausted::block;
  if (pending && blocks) head = co_await ports.store.blocking_head(lane->id, key);
  absorb_inbox();
  if (pending && head) {
    lane->queue.answer(key, *std::move(pending), *head, now());
  } else {
    ports.log.warning("deliver.key_unread",
                      {{"endpoint", lane->id.text()},
                       {"why", pending ? head.error().what : pending.error().what}});
    lane->queue.fail_answer(key, now() + read_retry);
  }
  make_ready(lane);
  pump();
}

task<> Engine::State::sweep() {
  while (!stopping) {
    co_await nap(sweep_gap);
    if (stopping) co_return;
    const auto found = co_await find_due_lanes();
    if (!found) ports.log.warning("deliver.lanes_unread", {{"why", found.error().what}});
    look_for_edits();
    co_await evict_idle();
    measure();
    pump();
    start_expanding();
  }
}

task<Result<>> Engine::State::find_due_lanes() {
  std::optional<model::Lane> after;
  while (true) {
    PH_CO_TRY(const auto page,
              co_await ports.store.lanes_due(now() + sweep_ahead, shards, lanes_per_page, after));
    for (const auto& found : page) {
      if (!owns(found.endpoint)) continue;
      const auto lane = lane_of(found.endpoint);
      if (lane->loaded && lane->deleted) look_at_endpoint(lane);
    }
    if (page.size() < static_cast<std::size_t>(lanes_per_page)) co_return Result<>();
    after = page.back();
  }
}

void Engine::State::start_expanding() {
  if (planted(Planted::fan_out_not_finished)) return;
  expand_again = true;
  if (std::exchange(expanding, true)) return;
  work.spawn("deliver.expand", expand());
}

task<> Engine::State::expand() {
  while (!stopping && std::exchange(expand_again, false)) {
    while (!stopping) {
      const auto more = co_await ports.store.expand_some();
      if (!more) {
        ports.log.warning("deliver.fan_out_waits", {{"why", more.error().what}});
        break;  // The next sweep tries again.
      }
      if (!*more) break;
    }
  }
  expanding = false;
}

}  // namespace posthorn::deliver

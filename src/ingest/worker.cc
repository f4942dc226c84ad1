#include "ingest/worker.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "ingest/worker_batch.h"

namespace posthorn::ingest {
namespace {

constexpr Millis backstop{5'000};
constexpr Millis store_pause{500};
/// What a body counts in a batch before its size is known.
constexpr std::int64_t unread_bytes = 32 << 10;

}  // namespace

Worker::Worker(Ports ports, WorkerConfig config)
    : ports_(ports),
      config_(std::move(config)),
      alarm_(ports.context, ports.clock),
      tasks_(ports.context, ports.log, env::stop_process()) {}

Worker::~Worker() = default;

task<Result<>> Worker::start(store::EpochsPtr epochs) {
  epochs_ = std::move(epochs);
  // Listening comes first: what is committed while the store is read is then seen twice, not never.
  listening_ = ports_.store.listen(
      [this](const std::shared_ptr<const store::CommitNotice>& notice) { note(*notice); });
  SourceId behind;
  for (;;) {
    constexpr int page = 500;
    PH_CO_TRY(const auto waiting, co_await ports_.store.sources_with_requests(behind, page));
    for (const auto& [source, due] : waiting) {
      auto& lane = lanes_[source];
      if (due <= ports_.timeline.now())
        lane.behind = true;
      else
        lane.next_due = due;
      behind = source;
    }
    if (static_cast<int>(waiting.size()) < page) break;
  }
  tasks_.spawn("ingest_worker", run());
  co_return Result<>{};
}

task<> Worker::stop() {
  listening_.reset();
  stopping_ = true;
  alarm_.ring();
  co_await tasks_.stop();
}

void Worker::note(const store::CommitNotice& notice) {
  std::vector<RequestPtr> received;
  bool sources_changed = false;
  for (const auto* list : {&notice.requests, &notice.changed_requests})
    for (const auto& request : *list)
      if (request->state == model::RequestState::received) received.push_back(request);
  for (const auto& object : notice.objects)
    sources_changed |= object.kind == model::ObjectKind::source;
  if (received.empty() && !sources_changed) return;
  asio::post(ports_.context, [this, received = std::move(received), sources_changed] {
    take_over(received);
    // A source that goes on has what came while it was paused in the store.
    if (sources_changed)
      for (auto& [id, lane] : lanes_) lane.behind = true;
    alarm_.ring();
  });
}

void Worker::take_over(const std::vector<RequestPtr>& requests) {
  const Instant now = ports_.timeline.now();
  for (const auto& request : requests) {
    auto& lane = lanes_[request->source];
    if (request->due_at > now) {
      if (!lane.next_due || request->due_at < *lane.next_due) lane.next_due = request->due_at;
    } else if (lane.behind || static_cast<int>(lane.items.size()) >= config_.window_of_source ||
               static_cast<int>(in_memory_) >= config_.window_max) {
      lane.behind = true;
    } else if (queued_.insert(request->id).second) {
      push(request->source, lane, {request->id, request->body ? request : nullptr});
    } else {
      // Replayed while it was in work: the store tells what it is now.
      lane.behind = true;
    }
  }
}

void Worker::push(SourceId source, Lane& lane, Item item) {
  if (item.request) {
    if (bodies_bytes_ + item.request->body_bytes > config_.bodies_bytes_max)
      item.request = nullptr;
    else
      bodies_bytes_ += item.request->body_bytes;
  }
  lane.items.push_back(std::move(item));
  waiting_.insert(source);
  ++in_memory_;
}

Worker::Item Worker::pop(Lane& lane) {
  Item item = std::move(lane.items.front());
  lane.items.pop_front();
  --in_memory_;
  if (item.request) bodies_bytes_ -= item.request->body_bytes;
  return item;
}

void Worker::leave_in_store(Lane& lane) {
  while (!lane.items.empty()) queued_.erase(pop(lane).id);
  lane.behind = true;
}

/// Turns go round until the batch is full or nothing waits.
std::vector<Worker::Item> Worker::take() {
  std::vector<Item> items;
  std::int64_t bytes = 0;
  const auto has_room = [&] {
    return static_cast<int>(items.size()) < config_.batch_max && bytes < config_.batch_bytes_max;
  };
  while (!waiting_.empty() && has_room()) {
    auto place = waiting_.upper_bound(last_turn_);
    if (place == waiting_.end()) place = waiting_.begin();
    last_turn_ = *place;
    Lane& lane = lanes_[last_turn_];
    if (const auto live = ports_.sources.by_id(last_turn_); live && live->source.paused)
      leave_in_store(lane);
    for (int turn = 0; turn < config_.turn_max && !lane.items.empty() && has_room(); ++turn) {
      items.push_back(pop(lane));
      const auto& request = items.back().request;
      bytes += request ? request->body_bytes : unread_bytes;
    }
    if (lane.items.empty()) waiting_.erase(place);
  }
  return items;
}

/// Reads what one lane left in the store; false when no lane is behind.
task<bool> Worker::refill() {
  const Instant now = ports_.timeline.now();
  for (auto& [source, lane] : lanes_) {
    if (lane.next_due && *lane.next_due <= now) {
      lane.next_due.reset();
      lane.behind = true;
    }
    if (!lane.behind || !lane.items.empty()) continue;
    if (const auto live = ports_.sources.by_id(source); live && live->source.paused) continue;
    lane.behind = false;
    const SourceId id = source;
    // What is acting still is received in the store and stands in front.
    const int limit = config_.window_of_source + static_cast<int>(queued_.size());
    auto found = co_await ports_.store.requests_due(id, std::nullopt, now, limit);
    auto& same = lanes_[id];
    if (!found) {
      same.behind = true;
      // A full disk is told of by the store, once.
      if (found.error().code != Errc::unavailable)
        ports_.log.warning("ingest.refill_failed", {{"what", found.error().what}});
      co_await ports_.clock.sleep_until(ports_.clock.steady() + store_pause);
      co_return true;
    }
    same.behind |= static_cast<int>(found->size()) == limit;
    for (const auto& due : *found)
      if (queued_.insert(due.id).second) push(id, same, {due.id, nullptr});
    if (found->empty()) {
      const auto next = co_await ports_.store.sources_with_requests(SourceId{id.value - 1}, 1);
      if (next && !next->empty() && next->front().first == id && next->front().second > now)
        lanes_[id].next_due = next->front().second;
    }
    co_return true;
  }
  co_return false;
}

task<> Worker::wait() {
  Millis pause = backstop;
  const Instant now = ports_.timeline.now();
  for (const auto& [source, lane] : lanes_)
    if (lane.next_due) pause = std::min(pause, std::max(Millis{1}, *lane.next_due - now));
  co_await alarm_.wait_until(ports_.clock.steady() + pause);
}

task<> Worker::run() {
  while (!stopping_) {
    // Whoever changed a source may take it over later than its commit is heard of here.
    if (ports_.sources.has_changes())
      if (const auto refreshed = co_await ports_.sources.refresh_changed(); !refreshed)
        ports_.log.warning("ingest.refresh_failed", {{"what", refreshed.error().what}});
    auto items = take();
    ports_.metrics.waiting.set(static_cast<std::int64_t>(in_memory_ + items.size()));
    if (items.empty()) {
      if (!co_await refill()) co_await wait();
      continue;
    }
    if (!co_await load(items)) {
      co_await ports_.clock.sleep_until(ports_.clock.steady() + store_pause);
      continue;
    }
    co_await work(std::move(items));
  }
}

/// Reads the bodies that are not there; false (and everything is left in the store) when the store
/// cannot be read.
task<bool> Worker::load(std::vector<Item>& items) {
  std::vector<RequestId> missing;
  for (const auto& item : items)
    if (!item.request) missing.push_back(item.id);
  if (missing.empty()) co_return true;
  auto found = co_await ports_.store.requests(missing);
  if (!found) {
    ports_.log.warning("ingest.read_failed", {{"what", found.error().what}});
    done(items);
    for (auto& [source, lane] : lanes_) lane.behind = true;
    co_return false;
  }
  std::map<RequestId, RequestPtr> by_id;
  for (auto& request : *found) by_id[request->id] = std::move(request);
  for (auto& item : items)
    if (!item.request) item.request = by_id[item.id];
  std::erase_if(items, [this](const Item& item) {
    const bool gone = !item.request || item.request->state != model::RequestState::received;
    if (gone) queued_.erase(item.id);
    return gone;
  });
  co_return true;
}

void Worker::done(const std::vector<Item>& items) {
  for (const auto& item : items) queued_.erase(item.id);
}

task<> Worker::work(std::vector<Item> items) {
  WorkerBatch batch({ports_.store, ports_.timeline, ports_.clock, ports_.publisher, ports_.parsed});
  std::vector<Item> in_batch;
  std::optional<std::string> broken;
  for (auto& item : items) {
    const auto live = ports_.sources.by_id(item.request->source);
    try {
      const auto added = co_await batch.add(item.request, live);
      if (!added) {
        broken = added.error().what;
      } else if (*added == WorkerBatch::Added::needs_action) {
        tasks_.spawn("ingest_action", act(item.request, live));
        continue;
      }
    } catch (const std::exception& bug) {
      ports_.log.error("ingest.bug", {{"request", item.id.text()}, {"what", bug.what()}});
      broken = std::string("a bug: ") + bug.what();
    }
    in_batch.push_back(std::move(item));
  }
  if (broken) {
    // The batch may hold half of what failed: each of them in a batch of its own.
    if (in_batch.size() > 1) co_return co_await work_one_by_one(std::move(in_batch));
    co_await fail_one(in_batch.front().request, *std::move(broken));
    co_return done(in_batch);
  }
  if (in_batch.empty()) co_return;
  const auto applied = co_await ports_.store.apply(batch.take(epochs_));
  if (applied) {
    batch.observe(*applied, ports_.metrics);
    done(in_batch);
    co_return;
  }
  if (applied.error().code == Errc::unavailable) {
    done(in_batch);
    for (const auto& item : in_batch) lanes_[item.request->source].behind = true;
    co_await ports_.clock.sleep_until(ports_.clock.steady() + store_pause);
  } else if (applied.error().code == Errc::stale_epoch) {
    // The shard has another owner, who finds them in the store.
    ports_.log.warning("ingest.stale_epoch", {{"requests", in_batch.size()}});
    done(in_batch);
  } else if (in_batch.size() > 1) {
    co_await work_one_by_one(std::move(in_batch));
  } else {
    co_await fail_one(in_batch.front().request, applied.error().what);
    done(in_batch);
  }
}

task<> Worker::work_one_by_one(std::vector<Item> items) {
  for (auto& item : items) {
    std::vector<Item> one;
    one.push_back(std::move(item));
    co_await work(std::move(one));
  }
}

task<> Worker::fail_one(RequestPtr request, std::string why) {
  ports_.metrics.failed.add();
  const auto step = static_cast<std::size_t>(request->attempts);
  const bool given_up = step >= config_.retry_steps.size();
  store::Batch batch;
  batch.epochs = epochs_;
  store::RequestChange change;
  change.request = request->id;
  change.attempts = request->attempts + 1;
  change.error = why;
  change.state = given_up ? model::RequestState::parked : model::RequestState::received;
  if (!given_up) change.due_at = ports_.timeline.now() + config_.retry_steps[step];
  batch.request_changes.push_back(std::move(change));
  if (given_up) {
    ports_.metrics.parked.add();
    add_parked_notice(batch, *request, why, ports_.clock.now());
  }
  ports_.log.warning(
      given_up ? "ingest.parked" : "ingest.failed",
      {{"request", request->id.text()}, {"attempts", request->attempts + 1}, {"what", why}});
  const auto applied = co_await ports_.store.apply(std::move(batch));
  // A conflict says that a person was faster; anything else leaves it as it was, to be found again.
  if (!applied && applied.error().code != Errc::conflict)
    lanes_[request->source].next_due = ports_.timeline.now() + backstop;
}

/// Does what a request asks of us (to confirm a subscription), then marks it as done. A crash
/// between the two does it twice, which confirms it once more.
task<> Worker::act(RequestPtr request, LiveSourcePtr live) {
  std::string bug;
  try {
    co_await try_to_act(request, std::move(live));
  } catch (const std::exception& thrown) {
    // Cancelled: it is done after the next start.
    const auto* ended = dynamic_cast<const boost::system::system_error*>(&thrown);
    if (ended != nullptr && ended->code() == asio::error::operation_aborted) throw;
    bug = thrown.what();
  }
  if (!bug.empty()) {
    ports_.log.error("ingest.bug", {{"request", request->id.text()}, {"what", bug}});
    co_await fail_one(request, "a bug: " + bug);
  }
  queued_.erase(request->id);
}

task<> Worker::try_to_act(RequestPtr request, LiveSourcePtr live) {
  const auto exchange = co_await ports_.fetcher.fetch(get_of(action_url(*live, *request)));
  if (exchange.result == env::ExchangeResult::ok && exchange.status < 300) {
    WorkerBatch batch(
        {ports_.store, ports_.timeline, ports_.clock, ports_.publisher, ports_.parsed});
    const auto added = co_await batch.add(request, live, /*acted=*/true);
    auto applied = added ? co_await ports_.store.apply(batch.take(epochs_))
                         : Result<store::Applied>(fail(added.error()));
    if (applied)
      batch.observe(*applied, ports_.metrics);
    else
      co_await fail_one(request, applied.error().what);
  } else {
    co_await fail_one(request, exchange.result == env::ExchangeResult::ok
                                   ? "its address answered " + std::to_string(exchange.status)
                                   : exchange.detail);
  }
}

}  // namespace posthorn::ingest

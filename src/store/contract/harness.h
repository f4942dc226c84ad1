#pragma once
// What every store's tests are made of. A store shows that it keeps the contract with
//
//   TEST_CASE("sqlite store: keeps the contract") {
//     store::contract::run_store_contract([] { return std::make_unique<SqliteHarness>(); });
//   }
//
// where the harness makes an empty store and can close and open it again.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "store/store.h"

// A designated initialiser names what a case is about; the rest has its defaults.
#pragma clang diagnostic ignored "-Wmissing-designated-field-initializers"

namespace posthorn::store::contract {

/// A clock that stands until it is moved. Any thread.
class FixedClock final : public env::Clock {
 public:
  [[nodiscard]] Instant now() const override { return {wall_.load()}; }
  [[nodiscard]] Tick steady() const override { return {steady_.load()}; }
  task<> sleep_until(Tick) override { co_return; }
  void advance(Millis span) {
    wall_ += span.count();
    steady_ += span.count();
  }
  /// As an operator sets it: the steady clock does not move.
  void jump(Millis span) { wall_ += span.count(); }

 private:
  std::atomic<std::int64_t> wall_{1'800'000'000'000};
  std::atomic<std::int64_t> steady_{5'000};
};

/// A store that begins empty and uses clock() for all its times.
class Harness {
 public:
  virtual ~Harness() = default;
  virtual Store& store() = 0;
  /// Closes the store and opens it again on what was committed; earlier references are dead.
  virtual void reopen() = 0;
  FixedClock& clock() { return clock_; }

 private:
  FixedClock clock_;
};
using MakeHarness = std::function<std::unique_ptr<Harness>()>;

/// This thread's context. It is kept to the end of the process: a store's thread may still be
/// inside its post() when the coroutine that it resumed has ended.
inline asio::io_context& context_of_thread() {
  static std::mutex mutex;
  static std::vector<std::unique_ptr<asio::io_context>> kept;
  thread_local asio::io_context* mine = nullptr;
  if (mine == nullptr) {
    const std::lock_guard lock(mutex);
    mine = kept.emplace_back(std::make_unique<asio::io_context>(1)).get();
  }
  mine->restart();
  return *mine;
}

/// Runs one coroutine to its end on this thread.
template <class T>
T wait_for(task<T> work) {
  asio::io_context& context = context_of_thread();
  std::optional<T> result;
  std::exception_ptr bug;
  asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
    bug = error;
    result.emplace(std::move(value));
  });
  context.run();
  if (bug) std::rethrow_exception(bug);
  return *std::move(result);
}

/// The value of a call that must succeed.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().what);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
template <class T>
T must(task<Result<T>> work) {
  return must(wait_for(std::move(work)));
}

/// The ids of rows, in their order.
template <class Row>
auto ids_of(const std::vector<Row>& rows) {
  std::vector<decltype(Row::id)> found;
  for (const auto& row : rows) found.push_back(row.id);
  return found;
}

inline const WorkspaceId workspace{1};
inline const ApplicationId application{1};

/// One store for one case, with the calls that most cases make. When it ends, the store must find
/// no fault with itself.
class Bench {
 public:
  explicit Bench(const MakeHarness& make) : harness_(make()) {}
  ~Bench() {
    if (std::uncaught_exceptions() > 0) return;
    const auto faults = wait_for(store().check());
    CHECK(faults.has_value());
    if (faults)
      for (const auto& fault : *faults) FAIL_CHECK(fault);
  }

  Store& store() { return harness_->store(); }
  FixedClock& clock() { return harness_->clock(); }
  void reopen() { harness_->reopen(); }
  [[nodiscard]] Instant now() { return clock().now(); }

  [[nodiscard]] NewEvent event(std::vector<EndpointId> targets, std::string key = {}) {
    NewEvent made;
    made.event.workspace = workspace;
    made.event.application = application;
    made.event.type = "ticket.created";
    made.event.key = std::move(key);
    made.event.actor = "system";
    made.event.created_at = made.event.due_at = now();
    made.event.data = share(R"({"n":1})");
    made.targets = std::move(targets);
    return made;
  }

  Applied apply(Batch batch) { return must(store().apply(std::move(batch))); }
  [[nodiscard]] Errc refusal(Batch batch) {
    auto applied = wait_for(store().apply(std::move(batch)));
    REQUIRE_FALSE(applied.has_value());
    return applied.error().code;
  }

  EventReceipt publish_event(NewEvent event) {
    Batch batch;
    batch.events.push_back(std::move(event));
    return apply(std::move(batch)).events.at(0);
  }
  EventReceipt publish(std::vector<EndpointId> targets, std::string key = {}) {
    return publish_event(event(std::move(targets), std::move(key)));
  }

  [[nodiscard]] AttemptRecord attempt(const model::Delivery& of, model::DeliveryState next,
                                      Millis retry_in = 1s) {
    const bool success = next == model::DeliveryState::succeeded;
    AttemptRecord record;
    record.attempt.delivery = of.id;
    record.attempt.endpoint = of.endpoint;
    record.attempt.number = of.attempts + 1;
    record.attempt.started_at = now();
    record.attempt.status = success ? 204 : 500;
    record.attempt.success = success;
    record.attempt.decision = success ? "delivered" : "failed";
    record.state = next;
    record.due_at = now() + retry_in;
    if (next == model::DeliveryState::pending) record.attempt.retry_at = record.due_at;
    return record;
  }
  /// Records one attempt of the delivery as it stands.
  void record(DeliveryId id, model::DeliveryState next, Millis retry_in = 1s) {
    Batch batch;
    batch.attempts.push_back(attempt(delivery(id), next, retry_in));
    apply(std::move(batch));
  }
  void change_held(EndpointId endpoint, HeldChange::Action action,
                   std::optional<DeliveryId> recover_from = {}) {
    Batch batch;
    batch.held.push_back({action, endpoint, recover_from});
    apply(std::move(batch));
  }
  DeliveryId replay(const model::Delivery& of) {
    NewDelivery fresh;
    fresh.event = of.event;
    fresh.endpoint = of.endpoint;
    fresh.workspace = of.workspace;
    fresh.due_at = now();
    fresh.key_hash = of.key_hash;
    fresh.replay_of = of.id;
    Batch batch;
    batch.deliveries.push_back(fresh);
    return apply(std::move(batch)).deliveries.at(0);
  }

  [[nodiscard]] model::Delivery delivery(DeliveryId id) {
    auto found = must(store().delivery(id));
    REQUIRE(found.has_value());
    return *found;
  }
  [[nodiscard]] model::DeliveryState state(DeliveryId id) { return delivery(id).state; }
  [[nodiscard]] std::shared_ptr<const model::Event> stored(EventId id) {
    auto found = must(store().events({id}));
    REQUIRE(found.size() == 1);
    return found.front();
  }
  /// Ids of what is due up to `until`.
  [[nodiscard]] std::vector<DeliveryId> due(EndpointId endpoint, Instant until = {INT64_MAX}) {
    return ids_of(must(store().due(endpoint, {}, until, 10'000)));
  }

 private:
  std::unique_ptr<Harness> harness_;
};

/// All pages of a list, joined; `list` takes a Page. Fails when the pages do not end.
template <class List>
auto all_pages(Page page, List list) {
  auto found = must(list(page));
  auto rows = std::move(found.rows);
  CHECK(std::ssize(rows) <= page.limit);
  for (int calls = 0; found.next; ++calls) {
    REQUIRE(calls < 10'000);
    page.after = *found.next;
    found = must(list(page));
    CHECK(std::ssize(found.rows) <= page.limit);
    for (auto& row : found.rows) rows.push_back(std::move(row));
  }
  return rows;
}

inline std::vector<EndpointId> endpoints(std::uint64_t first, std::uint64_t count) {
  std::vector<EndpointId> made;
  for (std::uint64_t i = 0; i < count; ++i) made.push_back(EndpointId{first + i});
  return made;
}

}  // namespace posthorn::store::contract

#pragma once
// A small world for the engine's tests: virtual time on one io_context, a scripted network, the
// memory store. Nothing here waits for real time.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/vault.h"
#include "deliver/engine.h"
#include "deliver/metrics.h"
#include "env/virtual_clock.h"
#include "model/endpoint_json.h"
#include "store/memory/memory_store.h"

namespace posthorn::deliver::testing {

using env::VirtualClock;

class CountingRandom final : public env::Random {
 public:
  std::string bytes(std::size_t count) override { return std::string(count, '\x07'); }
  std::uint64_t below(std::uint64_t) override { return 0; }  // No jitter: times are exact.
};

/// What the peer does with one request.
struct Reply {
  int status = 200;
  Millis after{0};
  env::ExchangeResult result = env::ExchangeResult::ok;
  std::vector<env::Header> headers;
};

struct SentRequest {
  Millis at{0};  ///< Since the world began.
  std::string url;
  std::vector<env::Header> headers;
  std::string body;
  DeliveryId delivery;
  int attempt = 0;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& header : headers)
      if (header.name == name) return header.value;
    return "";
  }
};

class ScriptedSender final : public env::HttpSender {
 public:
  ScriptedSender(VirtualClock& clock, Tick start) : clock_(clock), start_(start) {}

  task<env::Exchange> send(env::OutgoingRequest request) override {
    SentRequest seen{clock_.steady() - start_, request.url, request.headers, *request.body, {}, 0};
    seen.delivery = delivery_from_uuid(seen.header("X-Webhook-Delivery")).value_or(DeliveryId{});
    seen.attempt = std::stoi(seen.header("X-Webhook-Attempt"));
    sent.push_back(seen);
    const Reply reply = script(seen);
    in_flight_max = std::max(in_flight_max, ++in_flight);
    bool cancelled = false;
    try {
      co_await clock_.sleep_until(clock_.steady() + reply.after);
    } catch (const boost::system::system_error&) {
      cancelled = true;
    }
    --in_flight;
    env::Exchange exchange;
    exchange.result = cancelled ? env::ExchangeResult::connection_lost : reply.result;
    if (exchange.result == env::ExchangeResult::ok) exchange.status = reply.status;
    exchange.headers = reply.headers;
    exchange.timings.total_ms = static_cast<int>(reply.after.count());
    co_return exchange;
  }

  std::function<Reply(const SentRequest&)> script = [](const SentRequest&) { return Reply{}; };
  std::vector<SentRequest> sent;
  int in_flight = 0, in_flight_max = 0;

 private:
  VirtualClock& clock_;
  Tick start_;
};

class SimpleJournal final : public env::InflightJournal {
 public:
  std::uint32_t begin(DeliveryId id) override {
    slots.emplace(++next_, id);
    return next_;
  }
  void end(std::uint32_t slot) override { slots.erase(slot); }
  std::vector<DeliveryId> take_leftovers() override { return std::exchange(leftovers, {}); }

  std::map<std::uint32_t, DeliveryId> slots;
  std::vector<DeliveryId> leftovers;

 private:
  std::uint32_t next_ = 0;
};

class World {
 public:
  explicit World(store::MemoryTablesPtr tables = {}, EngineConfig config = {})
      : memory(clock, std::move(tables)), engine_config(std::move(config)) {}
  ~World() { stop(); }

  /// Creates an endpoint as the API would.
  std::shared_ptr<const model::Endpoint> add_endpoint(
      const std::function<void(model::Endpoint&)>& edit = [](model::Endpoint&) {}) {
    model::Endpoint made;
    made.workspace = WorkspaceId{1};
    made.application = ApplicationId{1};
    made.url = "https://receiver.example/hook";
    made.created_at = made.updated_at = clock.now();
    edit(made);
    store::Batch batch;
    store::ObjectWrite write;
    write.object = model::to_object(made, vault);
    batch.objects.push_back(write);
    const auto stored = memory.apply_blocking(std::move(batch)).value().objects.front();
    return route(stored);
  }

  /// Writes an edited endpoint, with its held interval, and tells the engine: as the API would.
  void edit_endpoint(EndpointId id, const std::function<void(model::Endpoint&)>& edit,
                     std::optional<store::HeldChange> held = {}) {
    model::Endpoint changed = *routing.current()->endpoint(id);
    edit(changed);
    store::Batch batch;
    store::ObjectWrite write;
    write.action = store::ObjectWrite::Action::replace;
    write.object = model::to_object(changed, vault);
    write.expected_version = changed.version;
    batch.objects.push_back(write);
    if (held) batch.held.push_back(*held);
    route(memory.apply_blocking(std::move(batch)).value().objects.front());
    if (engine) engine->endpoint_changed(id);
  }
  void disable(EndpointId id) {
    edit_endpoint(
        id,
        [this](model::Endpoint& endpoint) {
          endpoint.enabled = false;
          endpoint.disabled_reason = model::DisabledReason::manual;
          endpoint.disabled_at = clock.now();
        },
        store::HeldChange{store::HeldChange::Action::open, id, {}});
  }
  void enable(EndpointId id, std::optional<DeliveryId> recover_from = {}) {
    edit_endpoint(
        id,
        [](model::Endpoint& endpoint) {
          endpoint.enabled = true;
          endpoint.disabled_reason = model::DisabledReason::none;
          endpoint.disabled_at.reset();
        },
        store::HeldChange{store::HeldChange::Action::close, id, recover_from});
  }
  void remove_endpoint(EndpointId id) {
    store::Batch batch;
    store::ObjectWrite write;
    write.action = store::ObjectWrite::Action::remove;
    write.object.kind = model::ObjectKind::endpoint;
    write.object.id = id.value;
    write.object.workspace = WorkspaceId{1};
    batch.objects.push_back(write);
    REQUIRE(memory.apply_blocking(std::move(batch)));
    routing.remove(id);
    if (engine) engine->endpoint_changed(id);
  }

  /// Publishes one event; the receipt's first delivery is the first target's.
  store::EventReceipt publish(std::string type, std::string key = {}, Millis delay = 0ms,
                              std::string data = "{}") {
    model::Event event;
    event.workspace = WorkspaceId{1};
    event.application = ApplicationId{1};
    event.type = std::move(type);
    event.key = std::move(key);
    event.actor = "key:key_0000000000001";
    event.created_at = clock.now();
    event.due_at = timeline.now() + delay;
    event.data = share(std::move(data));
    store::Batch batch;
    batch.events.push_back(publisher.route(std::move(event)));
    return memory.apply_blocking(std::move(batch)).value().events.front();
  }

  /// Begins an engine on everything that is stored; the old one must have been stopped.
  void start() {
    engine =
        std::make_unique<Engine>(Engine::Ports{context, clock, clock, timeline, random, sender,
                                               *port, routing, publisher, journal, log, metrics},
                                 engine_config);
    std::vector<int> shards(store::shard_count);
    for (int i = 0; i < store::shard_count; ++i) shards[static_cast<std::size_t>(i)] = i;
    REQUIRE(get(engine->start("test", shards, start_paused)));
  }
  void stop() {
    if (!engine) return;
    get(engine->stop());
    settle();
    engine.reset();
  }

  /// Runs everything that can run now.
  void settle() {
    context.restart();
    while (context.poll() > 0) context.restart();
  }
  /// Runs until the condition holds; false when `limit` of virtual time has passed first.
  bool run_until(const std::function<bool()>& condition, Millis limit = 24h) {
    const Tick end = clock.steady() + limit;
    settle();
    while (!condition()) {
      if (!clock.advance(end)) return condition();
      settle();
    }
    return true;
  }
  void run_for(Millis span) {
    const Tick end = clock.steady() + span;
    settle();
    while (clock.advance(end)) settle();
    clock.jump_to(end);
    settle();
  }

  /// Runs a coroutine to its end.
  template <class T>
  T get(task<T> work) {
    std::exception_ptr bug;
    bool done = false;
    if constexpr (std::is_void_v<T>) {
      asio::co_spawn(context, std::move(work), [&](std::exception_ptr thrown) {
        bug = thrown;
        done = true;
      });
      REQUIRE(run_until([&] { return done; }));
      if (bug) std::rethrow_exception(bug);
    } else {
      std::optional<T> result;
      asio::co_spawn(context, std::move(work), [&](std::exception_ptr thrown, T value) {
        bug = thrown;
        result.emplace(std::move(value));
        done = true;
      });
      REQUIRE(run_until([&] { return done; }));
      if (bug) std::rethrow_exception(bug);
      return *std::move(result);
    }
  }

  model::Delivery delivery(DeliveryId id) { return get(memory.delivery(id)).value().value(); }
  model::DeliveryState state(DeliveryId id) { return delivery(id).state; }
  model::Endpoint stored_endpoint(EndpointId id) {
    const auto object = get(memory.object(model::ObjectKind::endpoint, id.value)).value().value();
    return model::endpoint_from(object, vault).value();
  }
  std::vector<model::Object> objects(model::ObjectKind kind) {
    return get(memory.list_objects(kind, {}, {0, 500, true})).value().rows;
  }
  std::vector<std::shared_ptr<const model::Event>> events(std::string type) {
    store::EventFilter filter;
    filter.types = {std::move(type)};
    return get(memory.list_events(filter, {0, 500, true})).value().rows;
  }
  /// When each request of a delivery was sent, since the world began.
  std::vector<Millis> times(DeliveryId id) {
    std::vector<Millis> found;
    for (const auto& request : sender.sent)
      if (request.delivery == id) found.push_back(request.at);
    return found;
  }
  void check_store() {
    for (const auto& broken : get(memory.check()).value()) FAIL_CHECK(broken);
  }

  asio::io_context context{1};
  VirtualClock clock{context};
  env::Timeline timeline{clock, Instant{}};
  CountingRandom random;
  ScriptedSender sender{clock, clock.steady()};
  crypto::Vault vault = crypto::Vault::for_tests(7);
  store::MemoryStore memory;
  store::Store* port = &memory;  ///< What the engine sees.
  publish::RoutingTable routing;
  publish::Publisher publisher{memory, routing, timeline};
  SimpleJournal journal;
  env::NullLog log;
  env::MetricRegistry registry;
  Metrics metrics{registry};
  EngineConfig engine_config;
  bool start_paused = false;
  std::unique_ptr<Engine> engine;

 private:
  std::shared_ptr<const model::Endpoint> route(const model::Object& stored) {
    auto endpoint =
        std::make_shared<const model::Endpoint>(model::endpoint_from(stored, vault).value());
    routing.upsert(endpoint);
    return endpoint;
  }
};

/// For messages of failed checks: "0 1000 6000" milliseconds.
inline std::string text_of(const std::vector<Millis>& times) {
  std::string out;
  for (const Millis at : times) out += (out.empty() ? "" : " ") + std::to_string(at.count());
  return out;
}

}  // namespace posthorn::deliver::testing

// What people, publishers and fate do to a world.

#include <fmt/format.h>

#include <algorithm>

#include "model/endpoint_json.h"
#include "sim/audience.h"
#include "sim/world.h"

namespace posthorn::sim {

using model::ObjectKind;

namespace {

const WorkspaceId workspace{1};
const ApplicationId main_application{1};
const ApplicationId bulk_application{2};
constexpr int bulk_endpoints = 115;

constexpr Millis publish_again = 1s;
constexpr std::string_view types[] = {"ticket.created", "ticket.updated", "survey.done"};

enum Edit { disable = 0, enable = 1, remove = 2 };

}  // namespace

void World::store_endpoint(model::Endpoint endpoint) {
  store::Batch batch;
  store::ObjectWrite write;
  write.object = model::to_object(endpoint, vault_);
  batch.objects.push_back(std::move(write));
  const auto stored = rows_->apply_blocking(std::move(batch)).value().objects.front();
  auto& truth = truth_.endpoints[EndpointId{stored.id}];
  truth.spec = model::endpoint_from(stored, vault_).value();
}

model::Endpoint World::draw_endpoint(int number) {
  model::Endpoint made;
  made.workspace = workspace;
  made.application = main_application;
  made.url = fmt::format("https://peer{}.example/hook", number / 2);
  model::EndpointSecret secret;
  secret.text = Secret(fmt::format("secret of endpoint {}", number));
  made.secrets.push_back(std::move(secret));
  switch (work_.number(0, 3)) {
    case 0:
      made.event_types = {"*"};
      break;
    case 1:
      made.event_types = {"ticket.*"};
      break;
    case 2:
      made.event_types = {"ticket.created", "delivery.*", "endpoint.*"};
      break;
    default:
      made.event_types = {"*.done", "ticket.updated"};
  }
  switch (work_.number(0, 3)) {
    case 0:
      made.retry = {.profile = "custom", .steps = {1s, 2s, 4s}};
      break;
    case 1:
      made.retry = {.profile = "custom", .steps = {500ms, 10s, 60s, 5min}};
      break;
    case 2:
      made.retry = {.profile = "custom", .steps = {}};
      break;
    default:
      break;  // The standard schedule.
  }
  made.concurrency_max = work_.chance(50) ? work_.number(1, 4) : 32;
  made.probing = work_.chance(70);
  made.disable_after = work_.chance(70) ? work_.number(2, 10) : 0;
  made.timeout = Millis(work_.number(1, 10) * 1000);
  if (plan_.rate_limits && work_.chance(50)) made.rate_per_second = work_.number(1, 5);
  if (plan_.ordering && work_.chance(60)) {
    made.ordering = model::Ordering::key;
    made.on_exhausted = work_.chance(50) ? model::OnExhausted::block : model::OnExhausted::skip;
  }
  return made;
}

void World::create_endpoints() {
  for (int i = 0; i < plan_.endpoints; ++i) store_endpoint(draw_endpoint(i));
  if (!plan_.bulk) return;
  for (int i = 0; i < bulk_endpoints; ++i) {
    auto made = draw_endpoint(1000);
    made.application = bulk_application;
    made.event_types = {"ticket.created"};
    made.ordering = model::Ordering::none;
    store_endpoint(std::move(made));
  }
}

void World::plan_publications() {
  for (int n = 0; n < plan_.publications; ++n) {
    auto made = std::make_shared<Publication>();
    const int count = work_.chance(80) ? 1 : work_.number(2, 6);
    for (int i = 0; i < count; ++i) {
      model::Event event;
      event.workspace = workspace;
      event.application = main_application;
      event.type = types[work_.below(std::size(types))];
      if (work_.chance(60)) event.key = fmt::format("k{}", work_.number(0, 2));
      event.actor = "key:key_1";
      event.hop = work_.chance(5) ? 3 : 0;
      if (work_.chance(85)) event.client_id = fmt::format("client-{}-{}", n, i);
      event.data = share(fmt::format(R"({{"n":{},"i":{},"big":12345678901234567890}})", n, i));
      made->events.push_back(std::move(event));
    }
    if (work_.chance(15)) made->delay = work_.span(1s, 10min);
    made->poison = plan_.poison && n < 2;
    if (plan_.bulk && n == plan_.publications / 2) {
      made->events.resize(1);
      made->events[0].application = bulk_application;
      made->events[0].type = "ticket.created";
    }
    // Bursts: several publications at one moment.
    const Millis when =
        work_.chance(30) ? plan_.load_span / 3 : work_.span(0ms, plan_.load_span * 4 / 5);
    at(when, [this, made] { spawn(publish(made)); });
  }
}

task<> World::publish(std::shared_ptr<const Publication> publication) {
  while (true) {
    Process* process = serving();
    if (process == nullptr) {
      if (healed_ && !oracle_.verdict().empty()) co_return;
      co_await clock_.sleep_until(clock_.steady() + publish_again);
      continue;
    }
    store::Batch batch;
    batch.publish_actor = "key:key_1";
    for (auto event : publication->events) {
      event.created_at = clock_.now();
      event.due_at = process->timeline().now() + publication->delay;
      truth_.calls[*event.data] = candidates(truth_, event);
      store::NewEvent made;
      made.content_digest = *event.data;
      made.event = std::move(event);
      batch.events.push_back(std::move(made));
    }
    digest_.add("publishing", static_cast<std::uint64_t>(process->life().number),
                batch.events.size());
    const auto applied = co_await process->publisher().publish(std::move(batch));
    for (const auto& event : publication->events) truth_.calls.erase(*event.data);
    if (!applied) {
      digest_.add("unpublished", static_cast<std::uint64_t>(applied.error().code));
      // After a crash nobody knows whether it was taken: without an id of its own it is not tried
      // again.
      const bool named = std::ranges::none_of(
          publication->events, [](const auto& event) { return event.client_id.empty(); });
      if (applied.error().code == Errc::cancelled && !named) co_return;
      co_await clock_.sleep_until(clock_.steady() + publish_again);
      continue;
    }
    for (std::size_t i = 0; i < applied->events.size(); ++i) {
      const auto& receipt = applied->events[i];
      digest_.add("published", receipt.id.value, receipt.fan_out, receipt.duplicate);
      if (publication->poison && !healed_) truth_.poison.insert(receipt.id);
      if (receipt.conflict) oracle_.blame("G15: the same content is called a conflict");
      Promise promise;
      promise.event = receipt.id;
      promise.data = *publication->events[i].data;
      promise.client_id = publication->events[i].client_id;
      promise.fan_out = receipt.fan_out;
      truth_.promises.push_back(std::move(promise));
    }
    co_return;
  }
}

task<> World::edit(EndpointId id, int kind, bool must_succeed) {
  auto& truth = truth_.endpoints.at(id);
  if (truth.editing || truth.deleted) co_return;
  truth.editing = true;
  while (!truth.deleted && oracle_.verdict().empty()) {
    Process* process = serving();
    if (process == nullptr) {
      if (!must_succeed) break;
      co_await clock_.sleep_until(clock_.steady() + publish_again);
      continue;
    }
    const auto object = co_await process->store().object(ObjectKind::endpoint, id.value);
    if (object && object->has_value()) {
      auto endpoint = model::endpoint_from(**object, vault_).value();
      const bool done = kind == enable ? endpoint.enabled : kind == disable && !endpoint.enabled;
      if (done) break;
      store::Batch batch;
      store::ObjectWrite write;
      store::HeldChange held;
      held.endpoint = id;
      if (kind == remove) {
        write.action = store::ObjectWrite::Action::remove;
        write.object = **object;
      } else {
        endpoint.enabled = kind == enable;
        endpoint.disabled_reason =
            kind == enable ? model::DisabledReason::none : model::DisabledReason::manual;
        write.action = store::ObjectWrite::Action::replace;
        write.object = model::to_object(endpoint, vault_);
        held.action =
            kind == enable ? store::HeldChange::Action::close : store::HeldChange::Action::open;
        if (kind == enable && !must_succeed && people_.chance(30)) {
          // Some of what was held is not wanted any more.
          const auto intervals = co_await process->store().held(id);
          if (!intervals || intervals->empty()) break;
          held.recover_from = DeliveryId{intervals->back().from.value + people_.below(20)};
          truth.asked_to_drop = true;
        }
        batch.held.push_back(held);
      }
      write.expected_version = (*object)->version;
      batch.objects.push_back(std::move(write));
      digest_.add("editing", id.value, static_cast<std::uint64_t>(kind));
      const auto applied = co_await process->store().apply(std::move(batch));
      digest_.add(applied ? "edited" : "unedited", id.value, static_cast<std::uint64_t>(kind));
      if (applied) {
        std::shared_ptr<const model::Endpoint> changed;
        if (kind != remove)
          changed = std::make_shared<const model::Endpoint>(
              model::endpoint_from(applied->objects.front(), vault_).value());
        for (const auto& one : processes_) {
          if (one->is_dead()) continue;
          if (changed)
            one->routing().upsert(changed);
          else
            one->routing().remove(id);
          one->engine().endpoint_changed(id);
        }
        if (kind != enable) truth.answered_off = true;
        break;
      }
    }
    if (!must_succeed) break;
    co_await clock_.sleep_until(clock_.steady() + publish_again);
  }
  truth.deletion_told = truth.deleted;
  truth.editing = false;
  truth.calm_since = clock_.steady();
}

task<> World::replay_exhausted(bool heads_only) {
  Process* process = serving();
  if (process == nullptr) co_return;
  std::vector<model::Delivery> wanted;
  std::set<DeliveryId> replayed;
  for (const auto& [id, row] : rows_->tables()->deliveries) {
    // One that was not wanted back, or parked, freed nothing.
    const auto state = rows_->tables()->seen(row).state;
    const bool came_to_nothing =
        state == model::DeliveryState::cancelled || state == model::DeliveryState::parked;
    if (row.delivery.replay_of && !came_to_nothing) replayed.insert(row.delivery.replay_of);
  }
  for (const auto& [id, row] : rows_->tables()->deliveries) {
    const auto& endpoint = truth_.endpoints.at(row.delivery.endpoint);
    const bool blocks = endpoint.spec.ordering == model::Ordering::key &&
                        endpoint.spec.on_exhausted == model::OnExhausted::block &&
                        row.delivery.key_hash != 0;
    if (row.delivery.state != model::DeliveryState::exhausted || row.resolved || endpoint.deleted ||
        replayed.contains(id) || (heads_only && !blocks))
      continue;
    wanted.push_back(row.delivery);
  }
  for (const auto& delivery : wanted) {
    store::NewDelivery fresh;
    fresh.event = delivery.event;
    fresh.endpoint = delivery.endpoint;
    fresh.workspace = delivery.workspace;
    fresh.due_at = process->timeline().now();
    fresh.key_hash = delivery.key_hash;
    fresh.replay_of = delivery.id;
    store::Batch batch;
    batch.deliveries.push_back(fresh);
    const auto applied = co_await process->store().apply(std::move(batch));
    if (!applied) co_return;  // Somebody will ask again.
  }
}

task<> World::keep_house() {
  Process* process = serving();
  if (process == nullptr) co_return;
  const store::Retention nothing{
      .payload_days = 0, .event_days = 0, .attempt_days = 0, .audit_days = 0};
  for (int i = 0; i < 20; ++i) {
    const auto more = co_await process->store().retain(nothing, clock_.now(), 3);
    if (!more || !*more) co_return;
  }
}

void World::plan_faults() {
  const auto some_time = [this] { return fate_.span(0ms, plan_.load_span); };
  if (plan_.store_slow) faults_.latency_max = fate_.span(1ms, 400ms);
  if (plan_.store_fails) faults_.fail_percent = fate_.number(1, 15);
  if (plan_.reads_fail) faults_.read_fail_percent = fate_.number(20, 40);
  if (plan_.store_full)
    for (int i = 0; i < 3; ++i) {
      const Millis begin = some_time();
      at(begin, [this] { faults_.full = true; });
      at(begin + fate_.span(1s, 3min), [this] { faults_.full = false; });
    }
  if (plan_.peer_outages)
    for (int host = 0; host < 3; ++host) {
      const auto name = fmt::format("peer{}.example", host);
      const Millis begin = some_time();
      at(begin, [this, name] { peers_.set_outage(name, true); });
      at(begin + fate_.span(1min, 60min), [this, name] { peers_.set_outage(name, false); });
    }
  if (plan_.crashes)
    for (int i = fate_.number(1, 6); i > 0; --i) {
      const int kind = fate_.number(0, 2);
      at(some_time(), [this, kind] {
        Process* process = serving();
        if (process == nullptr) return;
        using Crash = FaultyStore::Crash;
        if (kind == 0) return process->kill();
        process->store().crash_at_next_commit(kind == 1 ? Crash::before_commit
                                                        : Crash::after_commit);
      });
    }
  if (plan_.clean_restarts)
    for (int i = fate_.number(1, 3); i > 0; --i)
      at(some_time(), [this] {
        if (Process* process = serving()) process->stop();
      });
  if (plan_.clock_jumps)
    for (int i = fate_.number(5, 8); i > 0; --i) {
      constexpr Millis sizes[] = {1s, 1min, 1h, 24h, 10 * 365 * 24h};
      const Millis size = sizes[fate_.below(std::size(sizes))];
      const bool back = fate_.chance(50);
      at(some_time(), [this, size, back] {
        clock_.jump_wall(back ? -size : size);
        digest_.add("jump", static_cast<std::uint64_t>(size.count()), back);
      });
    }
  if (plan_.two_owners)
    for (int i = fate_.number(2, 5); i > 0; --i)
      at(some_time(), [this] {
        std::vector<int> shards;
        for (int shard = 0; shard < store::shard_count; ++shard)
          if (fate_.chance(50)) shards.push_back(shard);
        start_process(std::move(shards));
      });
  if (plan_.replays)
    for (int i = 0; i < 4; ++i) at(some_time(), [this] { spawn(replay_exhausted(false)); });
  for (Millis when = 7min; when < plan_.load_span; when += 7min)
    at(when, [this] { spawn(keep_house()); });
}

void World::plan_edits() {
  for (int i = people_.number(2, 8); i > 0; --i) {
    const int draw = people_.number(0, 99);
    const int kind = draw < 45 ? disable : draw < 90 ? enable : remove;
    const auto which = people_.below(static_cast<std::uint64_t>(plan_.endpoints));
    at(people_.span(0ms, plan_.load_span), [this, kind, which] {
      auto place = truth_.endpoints.begin();
      std::advance(place, static_cast<std::ptrdiff_t>(which));
      spawn(edit(place->first, kind, false));
    });
  }
}

}  // namespace posthorn::sim

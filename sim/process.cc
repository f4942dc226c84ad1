#include "sim/process.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "model/endpoint_json.h"

namespace posthorn::sim {

Process::Process(Machine machine, int number, std::uint64_t seed, deliver::EngineConfig config)
    : machine_(std::move(machine)),
      clock_(machine_.clock, Millis(number) * 1'000'003),
      timeline_(clock_, machine_.rows().tables()->moment),
      random_(seed, "process " + std::to_string(number)),
      journal_(machine_.journal),
      store_(
          {.rows = [this]() -> store::Store& { return machine_.rows(); },
           .kill = [this] { kill(); },
           .committed = [this](const store::Batch& batch,
                               const store::Applied&) { machine_.oracle.committed(life_, batch); },
           .answered =
               [this](const store::Batch& batch, std::optional<Errc> refused) {
                 machine_.oracle.answered(life_, batch, refused);
               },
           .leased =
               [this](const std::vector<int>& shards) { machine_.oracle.leased(life_, shards); }},
          clock_, SimRandom(seed, "store " + std::to_string(number)), machine_.faults),
      net_({.peers = machine_.peers,
            .oracle = machine_.oracle,
            .life = life_,
            .is_poison =
                [this](DeliveryId id) {
                  const auto& rows = machine_.rows().tables()->deliveries;
                  const auto row = rows.find(id);
                  return row != rows.end() &&
                         machine_.truth.poison.contains(row->second.delivery.event);
                },
            .kill = [this] { kill(); }},
           clock_),
      publisher_(store_, routing_, timeline_),
      metrics_(registry_),
      engine_(std::make_unique<deliver::Engine>(
          deliver::Engine::Ports{machine_.context, clock_, clock_, timeline_, random_, net_, store_,
                                 routing_, publisher_, journal_, log_, metrics_},
          std::move(config))) {
  life_.number = number;
  life_.timeline = &timeline_;
  life_.clock = &clock_;
}

void Process::load_routing() {
  std::vector<std::shared_ptr<const model::Endpoint>> endpoints;
  for (const auto& [id, object] : machine_.rows().tables()->objects)
    if (object.kind == model::ObjectKind::endpoint)
      endpoints.push_back(std::make_shared<const model::Endpoint>(
          model::endpoint_from(object, machine_.vault).value()));
  routing_.replace(std::move(endpoints));
}

void Process::start(std::vector<int> shards) {
  load_routing();
  asio::co_spawn(machine_.context, run(std::move(shards)), machine_.on_bug);
}

task<> Process::run(std::vector<int> shards) {
  const auto started = co_await engine_->start(std::to_string(life_.number), std::move(shards));
  if (started && !dead_) {
    machine_.oracle.started(life_, journal_.taken);
    phase_ = Phase::running;
    co_return;
  }
  // As a program would: it says why and ends; whoever watches it starts it again.
  co_await end();
}

task<> Process::end() {
  phase_ = Phase::stopping;
  co_await engine_->stop();
  if (!dead_) machine_.oracle.stopped(life_);
  dead_ = true;
  store_.die();
  net_.die();
  journal_.die();
  clock_.die();
  phase_ = Phase::gone;
}

void Process::kill() {
  if (std::exchange(dead_, true)) return;
  machine_.oracle.died(life_);
  store_.die();
  net_.die();
  journal_.die();
  clock_.die();
  if (phase_ != Phase::running) return;  // run() or end() sees it.
  phase_ = Phase::stopping;
  // Not from here: the engine may be in the middle of something.
  asio::post(machine_.context,
             [this] { asio::co_spawn(machine_.context, end(), machine_.on_bug); });
}

void Process::stop() {
  if (phase_ != Phase::running) return;
  phase_ = Phase::stopping;
  asio::co_spawn(machine_.context, end(), machine_.on_bug);
}

}  // namespace posthorn::sim

#include "app/receiving.h"

#include <boost/asio/co_spawn.hpp>

namespace posthorn::app {

task<env::Exchange> FetcherOn::fetch(env::OutgoingRequest request) {
  // The spawned coroutine runs on the sender's loop; this one resumes on its own.
  return asio::co_spawn(context_, sender_.send(std::move(request)), use_task);
}

Receiving::Receiving(Ports ports, ingest::ReceiverConfig config)
    : metrics_(ports.metrics),
      sources_(ports.store, ports.vault, ports.clock),
      certificates_(ports.fetcher, ports.clock),
      intake_(ports.store, ports.timeline, metrics_),
      receiver_({sources_, intake_, certificates_, ports.clock, ports.log, metrics_},
                std::move(config)),
      worker_({ports.context, ports.clock, ports.timeline, ports.store, sources_, ports.publisher,
               ports.fetcher, intake_.parsed(), ports.log, metrics_},
              {}),
      poll_metrics_(ports.metrics),
      polling_({ports.context, ports.clock, ports.random, ports.store, sources_, intake_,
                ports.fetcher, ports.log, poll_metrics_}),
      silence_({ports.context, ports.clock, ports.store, sources_, ports.log}) {
  listening_ = ports.store.listen(
      [this](const std::shared_ptr<const store::CommitNotice>& notice) { sources_.note(*notice); });
}

task<Result<>> Receiving::load() { return sources_.load(); }

task<Result<>> Receiving::start(store::EpochsPtr epochs) {
  if (auto started = co_await worker_.start(std::move(epochs)); !started) co_return started;
  if (auto started = co_await polling_.start(); !started) co_return started;
  silence_.start();
  co_return Result<>{};
}

task<> Receiving::stop() {
  listening_.reset();
  co_await polling_.stop();
  co_await silence_.stop();
  co_await worker_.stop();
}

}  // namespace posthorn::app

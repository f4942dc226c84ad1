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
               ports.fetcher, ports.log, metrics_},
              {}) {
  listening_ = ports.store.listen(
      [this](const std::shared_ptr<const store::CommitNotice>& notice) { sources_.note(*notice); });
}

task<Result<>> Receiving::load() { return sources_.load(); }

task<Result<>> Receiving::start(store::EpochsPtr epochs) {
  return worker_.start(std::move(epochs));
}

task<> Receiving::stop() {
  listening_.reset();
  return worker_.stop();
}

}  // namespace posthorn::app

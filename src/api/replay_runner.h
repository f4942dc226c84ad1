#pragma once
// Carries out replay jobs: page by page, at the job's rate.

#include <map>
#include <memory>

#include "api/stream_hub.h"
#include "env/clock.h"
#include "env/log.h"
#include "ingest/certificate_cache.h"
#include "ingest/source_index.h"
#include "model/replay_job.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::api {

/// What a job's filter means to the store: deliveries that were there when the job was made.
store::DeliveryFilter store_filter(const model::ReplayJob& job);

/// Belongs to one io_context. Each step commits its new deliveries (or the changes of
/// its requests) together with the job's progress, so a crash neither loses nor repeats one; a
/// restarted process goes on where the last one was.
class ReplayRunner {
 public:
  struct Ports {
    store::Store& store;
    const publish::RoutingTable& routing;
    env::Clock& clock;
    const env::Timeline& timeline;
    env::Log& log;
    const ingest::SourceIndex& sources;
    ingest::CertificateCache* certificates = nullptr;  ///< As ReplayPorts.
  };
  explicit ReplayRunner(Ports ports) : ports_(ports) {}

  /// Runs until stop() or until it is cancelled. A job that the store refuses is tried again.
  task<> run();
  /// Any thread: run() returns soon.
  void stop() { hub_.end(); }

 private:
  static constexpr int step_rows_max = 100;

  /// One page of every running job that is due; when the next one is.
  task<Result<Tick>> step_all();
  task<Result<>> step(model::Object object, model::ReplayJob job);
  /// One page of what the job wants: counted, and what replays it put into the batch. Where the
  /// next page begins; none: that was the last.
  task<Result<std::optional<std::uint64_t>>> take_deliveries(model::ReplayJob& job,
                                                             store::Page page, store::Batch& batch);
  task<Result<std::optional<std::uint64_t>>> take_requests(model::ReplayJob& job, store::Page page,
                                                           store::Batch& batch);
  /// Those of the page that can be replayed.
  task<Result<std::vector<store::NewDelivery>>> replays_of(std::vector<model::Delivery> page);

  Ports ports_;
  StreamHub hub_;
  std::map<ReplayJobId, Tick> next_step_;
};

}  // namespace posthorn::api

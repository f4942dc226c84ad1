#pragma once
// One commit of the worker: what several requests say, and that they are done. Not for use outside
// ingest/.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "ingest/effects.h"
#include "ingest/metrics.h"
#include "ingest/parsed_requests.h"
#include "ingest/source_index.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::ingest {

class WorkerBatch {
 public:
  struct Ports {
    store::Store& store;
    const env::Timeline& timeline;
    const env::Clock& clock;
    const publish::Publisher& publisher;
    ParsedRequests& parsed;
  };
  explicit WorkerBatch(Ports ports) : ports_(ports) {}

  enum class Added : std::uint8_t { added, needs_action };
  /// Adds one request. `live` null: its source was deleted. needs_action: nothing was added,
  /// something must be done first; then it comes again with `acted`. Errors: those of the store.
  task<Result<Added>> add(std::shared_ptr<const model::ReceivedRequest> request, LiveSourcePtr live,
                          bool acted = false);

  [[nodiscard]] store::Batch take(store::EpochsPtr epochs);
  void observe(const store::Applied& applied, Metrics& metrics) const;

 private:
  task<Result<std::optional<MessageStatus>>> message_status(
      const LiveSource& live, const providers::NormalisedEvent& event);

  Ports ports_;
  store::Batch batch_;
  std::vector<Instant> received_at_;
  /// Statuses that this batch writes: by name, their place in batch_.objects.
  std::map<std::string, std::size_t> statuses_;
};

/// The address that the request's action names.
std::string action_url(const LiveSource& live, const model::ReceivedRequest& request);

/// Adds the notification that a request was given up.
void add_parked_notice(store::Batch& batch, const model::ReceivedRequest& request,
                       std::string_view why, Instant now);

}  // namespace posthorn::ingest

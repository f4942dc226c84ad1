#pragma once
// What the API works with: everything outside of it comes in here.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/vault.h"
#include "deliver/engine.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/metrics.h"
#include "env/random.h"
#include "http/message.h"
#include "ingest/certificate_cache.h"
#include "ingest/source_index.h"
#include "inspect/bin_index.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::api {

/// What the API asks of the delivering side. Thread-safe; a coroutine resumes on its caller's
/// executor. EngineControl (engine_control.h) is the one in production.
class DeliveryControl {
 public:
  virtual ~DeliveryControl() = default;
  [[nodiscard]] virtual deliver::LaneView lane_view(EndpointId id) const = 0;
  /// See deliver::Engine::endpoint_changed.
  virtual void endpoint_changed(EndpointId id) = 0;
  /// See deliver::Engine::send_test.
  virtual task<env::Exchange> send_test(std::shared_ptr<const model::Endpoint> endpoint,
                                        std::shared_ptr<const model::Event> event) = 0;
  /// False while the engine takes nothing (not started, paused, stopped).
  [[nodiscard]] virtual bool is_delivering() const = 0;
};

struct Config {
  std::string version = POSTHORN_VERSION;
  std::string public_url = "http://127.0.0.1:8420";  ///< Without a slash at its end.
  std::vector<std::string> warnings;                 ///< Of the configuration; shown by /readyz.
  Secret admin_key;  ///< Opens everything in every workspace; empty: there is none.
  int rate_per_minute =
      0;  ///< API requests of one workspace; 0: unlimited. A workspace's own wins.
  int publishes_in_flight_max = 2048;         ///< Over all workspaces; past it 503.
  std::size_t body_bytes_max = 1u << 20;      ///< Of API requests.
  std::int64_t free_bytes_min = 256LL << 20;  ///< Under it /readyz says so.
  Millis idempotency_kept{24h};
  Millis last_used_step{1h};  ///< A key's last_used_at is written at most this often.
};

/// References that outlive the Service.
struct Ports {
  store::Store& store;
  publish::RoutingTable& routing;
  publish::Publisher& publisher;
  DeliveryControl& delivery;
  inspect::BinIndex& bins;
  ingest::SourceIndex& sources;
  const crypto::Vault& vault;
  /// Whether an endpoint may be registered with this https URL (the egress guard's text check);
  /// the error says why not. Thread-safe.
  std::function<Result<>(std::string_view)> check_url;
  env::Clock& clock;
  const env::Timeline& timeline;
  env::Random& random;
  env::Log& log;
  env::MetricRegistry& metrics;
  /// Of providers that sign with one (SNS). Null: what needs one is not verified again.
  ingest::CertificateCache* certificates = nullptr;
  /// What answers /in/…, for samples that are sent through it. Null: there are none.
  http::Service* receiver = nullptr;
  /// How the polling of a source is (ingest::Polling::health). Thread-safe. Empty: nothing polls.
  std::function<boost::json::value(SourceId)> polling = {};
};

}  // namespace posthorn::api

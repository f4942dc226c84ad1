#pragma once
// The receiving side, put together.

#include <boost/asio/io_context.hpp>

#include "env/http_sender.h"
#include "env/log.h"
#include "ingest/polling.h"
#include "ingest/receiver.h"
#include "ingest/silence.h"
#include "ingest/worker.h"

namespace posthorn::app {

/// Calls out on the io_context that the sender belongs to, from any other.
class FetcherOn final : public ingest::Fetcher {
 public:
  FetcherOn(asio::io_context& context, env::HttpSender& sender)
      : context_(context), sender_(sender) {}
  task<env::Exchange> fetch(env::OutgoingRequest request) override;

 private:
  asio::io_context& context_;
  env::HttpSender& sender_;
};

/// Its worker, its polling and its watch over silences run on the context that it is given. The
/// references outlive it.
class Receiving {
 public:
  struct Ports {
    asio::io_context& context;  ///< Of the worker.
    env::Clock& clock;
    const env::Timeline& timeline;
    env::Random& random;
    store::Store& store;
    const crypto::Vault& vault;
    const publish::Publisher& publisher;
    ingest::Fetcher& fetcher;
    env::Log& log;
    env::MetricRegistry& metrics;
  };
  Receiving(Ports ports, ingest::ReceiverConfig config);

  /// Reads the sources. Errors: those of the store; corrupt; unsupported.
  task<Result<>> load();
  /// Begins to work on what was received. Called on the worker's context.
  task<Result<>> start(store::EpochsPtr epochs);
  task<> stop();

  [[nodiscard]] ingest::SourceIndex& sources() { return sources_; }
  [[nodiscard]] ingest::CertificateCache& certificates() { return certificates_; }
  [[nodiscard]] ingest::Receiver& receiver() { return receiver_; }
  [[nodiscard]] const ingest::Polling& polling() const { return polling_; }

 private:
  ingest::Metrics metrics_;
  ingest::SourceIndex sources_;
  ingest::CertificateCache certificates_;
  ingest::Intake intake_;
  ingest::Receiver receiver_;
  ingest::Worker worker_;
  ingest::PollMetrics poll_metrics_;
  ingest::Polling polling_;
  ingest::Silence silence_;
  std::shared_ptr<void> listening_;
};

}  // namespace posthorn::app

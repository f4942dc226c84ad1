#pragma once
// The address /in/{slug}: verify on raw bytes, keep, answer as the provider expects.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "egress/policy.h"
#include "env/log.h"
#include "http/message.h"
#include "ingest/certificate_cache.h"
#include "ingest/intake.h"

namespace posthorn::ingest {

struct ReceiverConfig {
  std::string public_url;                     ///< Of the installation, without a slash at its end.
  bool dev = false;                           ///< Plain http is taken from everybody.
  std::vector<egress::Cidr> trusted_proxies;  ///< Whose X-Forwarded-Proto counts.
  std::int64_t in_flight_bytes_max = 128LL << 20;  ///< Of bodies; past it 503.
};

/// Thread-safe after construction. The references outlive it.
class Receiver final : public http::Service {
 public:
  struct Ports {
    SourceIndex& sources;
    Intake& intake;
    CertificateCache& certificates;
    const env::Clock& clock;
    env::Log& log;
    Metrics& metrics;
  };
  Receiver(Ports ports, ReceiverConfig config);

  /// Paths that are this service's: "/in/…".
  [[nodiscard]] static bool owns(std::string_view path) { return path.starts_with("/in/"); }
  /// Before it serves.
  void set_public_url(std::string url) { config_.public_url = std::move(url); }

  std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head,
                                                     std::string_view remote_address) override;
  task<http::Response> serve(const http::Request& request) override;
  http::Response refuse(int status, std::string_view detail, std::string_view request_id) override;

 private:
  struct Held;
  [[nodiscard]] bool is_secure(const http::Request& request) const;
  task<Result<LiveSourcePtr>> with_certificate(LiveSourcePtr live, const Arrival& arrival);
  task<http::Response> refused(LiveSourcePtr live, const Arrival& arrival,
                               const providers::Verification& verification);

  Ports ports_;
  ReceiverConfig config_;
  env::FairGate gate_;
};

}  // namespace posthorn::ingest

#pragma once
// From a request that verified to its row: what webhooks and pollers have in common.

#include <optional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "env/task.h"
#include "ingest/metrics.h"
#include "ingest/parsed_requests.h"
#include "ingest/source_index.h"
#include "model/received_request.h"
#include "store/store.h"

namespace posthorn::ingest {

/// What of a refused request's body is kept.
inline constexpr std::size_t refused_body_bytes_max = 64U << 10;
/// Refused requests of one source that are kept each minute; more are counted alone, so that
/// strangers cannot fill the disk.
inline constexpr int refused_kept_per_minute = 60;

/// A request as it came; views that live until the call returns.
struct Arrival {
  std::string_view method = "POST";
  std::string url;
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view body;
  std::string remote_address;
  model::RequestOrigin origin = model::RequestOrigin::webhook;
  Instant at;
  /// Of a poll: what the poller knows it by. The same item is then kept once, whatever it says.
  std::string polled_key = {};

  [[nodiscard]] providers::Incoming incoming() const {
    return {.method = method, .url = url, .headers = headers, .body = body};
  }
};

class Intake {
 public:
  Intake(store::Store& store, const env::Timeline& timeline, Metrics& metrics)
      : store_(store), timeline_(timeline), metrics_(metrics) {}

  /// Parses, checks and commits; durable when it returns. Where nothing can be made of it, the row
  /// says so (unparsed, invalid). Errors: unavailable.
  task<Result<store::RequestReceipt>> keep(LiveSourcePtr live, const Arrival& arrival,
                                           std::vector<providers::OneTimeToken> tokens,
                                           int reply_status);

  /// Keeps a handshake that was answered. Errors: unavailable.
  task<Result<>> keep_answered(LiveSourcePtr live, const Arrival& arrival, int reply_status);

  /// Keeps a refused request within refused_kept_per_minute; nothing when it is past that. Errors:
  /// unavailable.
  task<Result<std::optional<RequestId>>> keep_refused(LiveSourcePtr live, const Arrival& arrival,
                                                      std::string verdict, int reply_status);

  /// What keep() has parsed and nobody has worked on yet.
  [[nodiscard]] ParsedRequests& parsed() { return parsed_; }

 private:
  task<Result<store::RequestReceipt>> apply(store::NewRequest made);

  store::Store& store_;
  const env::Timeline& timeline_;
  Metrics& metrics_;
  ParsedRequests parsed_;
};

/// The verdict that is kept with a refusal: {"reason", "steps": [{"what", "passed", "detail"}]}.
std::string verdict_text(const providers::Verification& verification);

}  // namespace posthorn::ingest

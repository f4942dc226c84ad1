#pragma once
// One question of a poller and what its answer means. Pure.

#include <expected>

#include "env/http_sender.h"
#include "ingest/poll_settings.h"
#include "ingest/source_index.h"

namespace posthorn::ingest {

/// Of the situation's page size, of the answer's size and of what is left out, in one place.
struct PollQuestion {
  const PollSettings& settings;
  const LiveSource& live;
  const json::object& cursor;
  Instant now;
  int page_size = 0;  ///< 0: the poller's.

  [[nodiscard]] pollers::Situation situation() const;
  [[nodiscard]] env::OutgoingRequest request() const;
  /// Of whatever became of the request.
  [[nodiscard]] std::expected<pollers::Step, pollers::Refusal> read(
      const env::Exchange& exchange) const;
  /// Whether a smaller page would be of use.
  [[nodiscard]] static bool is_too_large(const env::Exchange& exchange) {
    return exchange.result == env::ExchangeResult::ok && exchange.body_truncated;
  }
};

}  // namespace posthorn::ingest

#pragma once
// What came in: one received call of a source, raw, with its verdict and what became of it.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"

namespace posthorn::model {

/// The numbers are stored: never reuse one.
enum class RequestState : std::uint8_t {
  received = 0,   ///< Verified and kept; waits for the worker. The only state that is due.
  processed = 1,  ///< What it says is in the log.
  duplicate = 2,  ///< Says what `duplicate_of` said: nothing was done.
  refused = 3,    ///< Did not verify.
  unparsed = 4,   ///< Verifies, but cannot be read.
  invalid = 5,    ///< Verifies, but what is relied on is missing or wrong.
  parked = 6,     ///< Processing failed again and again; a person looks.
  answered = 7,   ///< A handshake: answered, nothing else to do.
};

enum class RequestOrigin : std::uint8_t { webhook = 0, poll = 1 };

struct ReceivedRequest {
  RequestId id;  ///< Given by the store; counts up, so it is the position in the requests log too.
  SourceId source;
  WorkspaceId workspace;
  Instant received_at;  ///< Wall clock.
  RequestOrigin origin = RequestOrigin::webhook;
  std::string method;
  std::string url;                                           ///< Public, as it was verified.
  std::vector<std::pair<std::string, std::string>> headers;  ///< As received, in order.
  std::string remote_address;
  /// Raw; of a refused request the first 64 KiB. Null in lists, and after retention or erasure.
  SharedBytes body;
  std::int64_t body_bytes = 0;  ///< As received.
  std::string body_sha256;      ///< 32 bytes, of the whole body.
  /// JSON {"reason", "steps": […]} of a refusal, or {"reason", "faults": […]} of what cannot be
  /// used; empty: there is nothing to say.
  std::string verdict;
  int reply_status = 0;

  // What became of it: the rest may change after it was committed.
  RequestState state = RequestState::received;
  Instant due_at;    ///< On the timeline; counts while it is received.
  int attempts = 0;  ///< Of processing, that failed.
  int forced = 0;    ///< How often it was replayed with force; part of its effects' keys.
  RequestId duplicate_of;
  std::string error;            ///< Why processing failed last.
  std::vector<EventId> events;  ///< What it says in the log; another request may have written it.
  int events_new = 0;           ///< How many of them it wrote itself.
  Instant processed_at;
};

}  // namespace posthorn::model

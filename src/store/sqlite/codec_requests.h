#pragma once
// The packed columns of requests and of their states; see codec.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/received_request.h"

namespace posthorn::store {

/// What of a request's row has neither a column nor a place in ReceivedRequest.
struct RequestExtras {
  std::uint64_t body_checksum = 0;  ///< checksum() of the kept part of the body.
  bool in_file = false;             ///< The body lies in a file; request_bodies names it.
  std::size_t compressed_from = 0;  ///< As in EventExtras.
  std::vector<std::string> keys;    ///< The hashes that it claimed, 16 bytes each.
};

/// Everything that is written once and has no column: origin, call, digest, verdict, reply.
void pack_request(std::string& out, const model::ReceivedRequest& request,
                  const RequestExtras& extras);
/// nullopt when the bytes are not what pack_request() wrote.
std::optional<RequestExtras> unpack_request(std::string_view packed,
                                            model::ReceivedRequest& request);

/// What became of it and has no column. `verdict`: it replaces the one that it came with.
void pack_request_state(std::string& out, const model::ReceivedRequest& request,
                        const std::optional<std::string>& verdict);
/// False when the bytes are not what pack_request_state() wrote. Without a verdict of their own the
/// request's and `verdict` are left as they are.
bool unpack_request_state(std::string_view packed, model::ReceivedRequest& request,
                          std::optional<std::string>& verdict);
/// Nothing of it is worth a column of its own yet.
[[nodiscard]] bool is_untouched(const model::ReceivedRequest& request);

/// The stored form of a received request's due time, never 0: negative while it is not in the
/// queue.
[[nodiscard]] inline std::int64_t queued_due(Instant due) {
  return std::max<std::int64_t>(due.unix_ms, 1);
}
[[nodiscard]] inline std::int64_t unqueued_due(Instant due) { return -queued_due(due); }
[[nodiscard]] inline Instant due_of(std::int64_t stored) { return {stored < 0 ? -stored : stored}; }

}  // namespace posthorn::store

#pragma once
// The packed `extras` of events and attempts: a version byte, then varints and texts in a fixed
// order. What is searched has columns of its own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "model/delivery.h"
#include "model/event.h"

namespace posthorn::store {

/// A 64-bit check value of a payload, against silent damage on the disk; not cryptographic.
std::uint64_t checksum(std::string_view bytes);

/// What of an event has no column.
struct EventExtras {
  std::uint64_t data_checksum = 0;
  bool in_file = false;  ///< The payload lies in a file; the table bodies names it.
  /// Size of the payload where the row holds its compressed form; 0: it is as it was.
  std::size_t compressed_from = 0;
};

/// Into `out`, which is emptied first (and so reused from row to row).
void pack_event(std::string& out, const model::Event& event, EventExtras extras);
/// nullopt when the bytes are not what pack_event() wrote.
std::optional<EventExtras> unpack_event(std::string_view packed, model::Event& event);

void pack_attempt(std::string& out, const model::Attempt& attempt);
/// False when the bytes are not what pack_attempt() wrote.
bool unpack_attempt(std::string_view packed, model::Attempt& attempt);

/// The targets that an expansion still has to make.
std::string pack_targets(const EndpointId* first, const EndpointId* last);
std::optional<std::vector<EndpointId>> unpack_targets(std::string_view packed);

}  // namespace posthorn::store

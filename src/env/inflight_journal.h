#pragma once
#include <cstdint>
#include <vector>

#include "base/id.h"

namespace posthorn::env {

/// Remembers across a crash of the process (not of the machine) which deliveries were being sent.
/// Not durable on purpose: it exists to find deliveries that kill the process, at no cost on the
/// hot path. Used from one thread.
class InflightJournal {
 public:
  virtual ~InflightJournal() = default;
  /// The slot to give back. Cheap: one store to memory.
  virtual std::uint32_t begin(DeliveryId id) = 0;
  virtual void end(std::uint32_t slot) = 0;
  /// What the previous process left behind; the call empties it.
  virtual std::vector<DeliveryId> take_leftovers() = 0;
};

}  // namespace posthorn::env

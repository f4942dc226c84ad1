#pragma once
#include <map>
#include <utility>

#include "env/inflight_journal.h"

namespace posthorn::sim {

/// Belongs to the machine: it outlives the processes that write it.
class SimJournal {
 public:
  std::map<std::uint32_t, DeliveryId> slots;
  std::uint32_t next = 1;
};

/// The journal as one process holds it. A dead process changes nothing any more.
class ProcessJournal final : public env::InflightJournal {
 public:
  explicit ProcessJournal(SimJournal& journal) : journal_(journal) {}

  std::uint32_t begin(DeliveryId id) override {
    if (dead_) return 0;
    journal_.slots.emplace(journal_.next, id);
    return journal_.next++;
  }
  void end(std::uint32_t slot) override {
    if (!dead_) journal_.slots.erase(slot);
  }
  std::vector<DeliveryId> take_leftovers() override {
    std::vector<DeliveryId> left;
    for (const auto& [slot, id] : std::exchange(journal_.slots, {})) left.push_back(id);
    taken = left;
    return left;
  }
  void die() { dead_ = true; }

  std::vector<DeliveryId> taken;  ///< What take_leftovers() gave.

 private:
  SimJournal& journal_;
  bool dead_ = false;
};

}  // namespace posthorn::sim

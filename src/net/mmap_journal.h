#pragma once
// The in-flight journal as a file in memory: what is written is in the kernel's page cache at
// once, so it survives a kill -9 (not a power cut, which is not what it is for).

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "env/inflight_journal.h"

namespace posthorn::net {

/// A file of fixed 8-byte slots, each 0 or the id of a delivery that is being sent. begin() and
/// end() are one store to memory each. Used from one thread; the data folder's lock keeps a second
/// process away.
class MmapJournal final : public env::InflightJournal {
 public:
  /// Opens or makes the file, and takes its disk space at once, so that a full disk is an error
  /// here and not a signal later. `in_flight_max`: how many deliveries may be begun and not ended
  /// (1 to 1 048 576). A file of another size keeps what it holds. Errors: io, corrupt (not a
  /// journal), invalid.
  static Result<std::unique_ptr<MmapJournal>> open(std::string path, std::uint32_t in_flight_max);
  MmapJournal(const MmapJournal&) = delete;
  MmapJournal& operator=(const MmapJournal&) = delete;
  ~MmapJournal() override;

  /// More than `in_flight_max` at once is a bug and stops the process.
  std::uint32_t begin(DeliveryId id) override;
  void end(std::uint32_t slot) override;
  std::vector<DeliveryId> take_leftovers() override;

 private:
  MmapJournal(void* memory, std::size_t bytes, std::uint32_t in_flight_max);
  [[nodiscard]] std::uint64_t* slots() const;
  [[nodiscard]] std::size_t slot_count() const;

  void* memory_;
  std::size_t bytes_;
  std::uint32_t in_flight_max_;
  std::uint32_t begun_ = 0;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> leftovers_;
};

}  // namespace posthorn::net

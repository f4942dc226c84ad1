#pragma once
#include <cstdint>
#include <mutex>

#include "store/store.h"

namespace posthorn::api {

/// Ids for new documents, known before they are committed, so that their audit entries and the
/// reply kept for an Idempotency-Key can name them. Taken from the store in blocks: a marker
/// document is made some way ahead of the store's counter, and the ids in between are ours. An
/// unfinished block is given up at the next start. Thread-safe.
class ObjectIds {
 public:
  explicit ObjectIds(store::Store& store) : store_(store) {}

  /// Errors: those of Store::apply.
  task<Result<std::uint64_t>> next();

 private:
  static constexpr std::uint64_t gap = 1000;    ///< For what others create meanwhile.
  static constexpr std::uint64_t block = 1000;  ///< Taken at a time.

  task<Result<std::uint64_t>> take_block();

  store::Store& store_;
  std::mutex mutex_;
  std::uint64_t next_ = 0, end_ = 0;
};

}  // namespace posthorn::api

#pragma once
// What became of received requests just now, for open streams.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "model/received_request.h"
#include "store/store.h"

namespace posthorn::api {

/// The newest changes of requests, in memory alone: a stream that was not open, or that is slower
/// than changes_max, does not learn of them. Thread-safe.
class RequestChanges {
 public:
  using RequestPtr = std::shared_ptr<const model::ReceivedRequest>;
  static constexpr std::size_t changes_max = 1024;

  /// Changes are kept for as long as one of these lives.
  class Watch {
   public:
    explicit Watch(RequestChanges& changes);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    RequestChanges& changes_;
  };

  /// For Store::listen. Returns at once.
  void note(const store::CommitNotice& notice);
  /// The place behind the newest change.
  [[nodiscard]] std::uint64_t end() const;
  /// Those from `place` on that are kept, in their order; moves the place behind them.
  [[nodiscard]] std::vector<RequestPtr> since(std::uint64_t& place) const;

 private:
  std::atomic<int> watches_{0};
  mutable std::mutex mutex_;
  std::deque<RequestPtr> changes_;
  std::uint64_t end_ = 0;  ///< Place of the next change.
};

}  // namespace posthorn::api

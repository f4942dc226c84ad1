#pragma once
// What the files of MemoryStore share.

#include <mutex>
#include <vector>

#include "store/memory/apply.h"
#include "store/memory/memory_store.h"
#include "store/memory/tables.h"

namespace posthorn::store {

struct MemoryStore::State {
  struct Listener {
    std::mutex mutex;  ///< Held during a call, so that ending it waits for the call.
    CommitListener listener;
  };

  State(const env::Clock& wall, MemoryTablesPtr rows)
      : clock(wall), tables(std::move(rows)), timeline(wall, tables->moment) {}

  /// One transaction: `work(MemoryApply&)` gives a Result; on success the listeners are told, in
  /// the order of the commits.
  template <class Work>
  auto commit(Work work) {
    const std::lock_guard in_order(commit_mutex);
    auto notice = std::make_shared<CommitNotice>();
    auto done = [&] {
      const std::lock_guard lock(mutex);
      MemoryApply apply(*tables, clock.now(), *notice);
      auto result = work(apply);
      if (result) {
        ++tables->commits;
        tables->moment = std::max(tables->moment, timeline.now());
      }
      return result;
    }();
    if (done) tell(notice);
    return done;
  }
  void tell(const std::shared_ptr<const CommitNotice>& notice);

  const env::Clock& clock;
  MemoryTablesPtr tables;
  env::Timeline timeline;
  std::mutex commit_mutex;  ///< Taken before `mutex`.
  std::mutex mutex;         ///< Guards the tables.
  std::mutex listeners_mutex;
  std::vector<std::shared_ptr<Listener>> listeners;
};

}  // namespace posthorn::store

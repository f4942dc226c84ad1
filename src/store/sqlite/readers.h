#pragma once
// The threads that read, each with a connection of its own.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/sqlite/jobs.h"
#include "store/sqlite/log_syncer.h"
#include "store/sqlite/reader.h"

namespace posthorn::store {

class Readers {
 public:
  /// What a reader has found is handed over by `syncer`, which must live longer.
  Readers(std::vector<std::unique_ptr<Reader>> readers, LogSyncer& syncer);
  /// Finishes what is queued.
  ~Readers();

  /// Any thread. Each job runs in a read transaction of its own.
  void enqueue(ReadJobPtr job);

 private:
  void run(Reader& reader);

  std::vector<std::unique_ptr<Reader>> readers_;
  LogSyncer& syncer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<ReadJobPtr> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace posthorn::store

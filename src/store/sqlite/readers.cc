#include "store/sqlite/readers.h"

namespace posthorn::store {

Readers::Readers(std::vector<std::unique_ptr<Reader>> readers, LogSyncer& syncer)
    : readers_(std::move(readers)), syncer_(syncer) {
  for (auto& reader : readers_) threads_.emplace_back([this, &reader] { run(*reader); });
}

Readers::~Readers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Readers::enqueue(ReadJobPtr job) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(job));
  wake_.notify_one();
}

void Readers::run(Reader& reader) {
  for (;;) {
    ReadJobPtr job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    reader.begin();
    job->run(reader);
    reader.end();
    syncer_.complete(std::move(job));
  }
}

}  // namespace posthorn::store

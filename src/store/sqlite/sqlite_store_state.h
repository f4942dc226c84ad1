#pragma once
// The parts of a SqliteStore, in the order in which they are made; they go the other way round.

#include <atomic>

#include "store/sqlite/body_files.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/folder_lock.h"
#include "store/sqlite/housekeeper.h"
#include "store/sqlite/log_syncer.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/writer.h"

namespace posthorn::store {

struct SqliteStore::State {
  State(SqliteOptions given, FolderLock taken, Connection writer_connection, Instant moment)
      : options(std::move(given)),
        lock(std::move(taken)),
        connection(std::move(writer_connection)),
        bodies(options.folder + "/bodies"),
        timeline(*options.clock, moment),
        first_moment(moment),
        gate(options.folder + "/ballast", options.ballast_bytes, options.heal_gap, *options.log),
        applier(connection, *options.clock) {}

  /// Opens the other connections and starts the threads.
  Result<> start();
  /// Reads the keys of older buckets beside everything else; until then they are looked into.
  void complete_key_filters();
  /// Writes what is too big for a row.
  static Result<BatchFiles> write_bodies(const Batch& batch, BodyFiles& bodies);

  /// Removes the files of events and requests that were not written.
  void remove_unused(const BatchFiles& files, const Result<Applied>& applied) const;

  /// Received requests that nothing has become of enter the queue: before it is read.
  task<Result<>> queue_requests();

  /// Runs `work`, which erases something, and removes every trace of that from the disk.
  task<Result<>> erase(std::move_only_function<Result<>(Housekeeper&)> work);

  /// Runs `work` on the writer's thread, in a transaction that it may share.
  template <class T>
  task<Result<T>> write(Work<Applier, T> work, std::size_t bytes, bool housekeeping = false) {
    return asio::async_initiate<const asio::use_awaitable_t<executor>, void(Result<T>)>(
        [](auto handler, Writer* target, Work<Applier, T> todo, std::size_t size, bool house) {
          using Handler = std::decay_t<decltype(handler)>;
          auto job = std::make_unique<AwaitedJob<Applier, T, Handler>>(std::move(todo),
                                                                       std::move(handler));
          job->bytes = size;
          job->housekeeping = house;
          target->enqueue(std::move(job));
        },
        use_task, writer.get(), std::move(work), bytes, housekeeping);
  }
  template <class T>
  Result<T> write_blocking(Work<Applier, T> work, std::size_t bytes) {
    typename BlockingJob<Applier, T>::Slot slot;
    auto job = std::make_unique<BlockingJob<Applier, T>>(std::move(work), slot);
    job->bytes = bytes;
    writer->enqueue(std::move(job));
    return slot.wait();
  }
  /// Runs `work` on a reading thread, in a read transaction.
  template <class T>
  task<Result<T>> read(Work<Reader, T> work) {
    return asio::async_initiate<const asio::use_awaitable_t<executor>, void(Result<T>)>(
        [](auto handler, Readers* target, Work<Reader, T> todo) {
          using Handler = std::decay_t<decltype(handler)>;
          target->enqueue(std::make_unique<AwaitedJob<Reader, T, Handler>>(std::move(todo),
                                                                           std::move(handler)));
        },
        use_task, readers.get(), std::move(work));
  }
  template <class T>
  Result<T> read_blocking(Work<Reader, T> work) {
    typename BlockingJob<Reader, T>::Slot slot;
    readers->enqueue(std::make_unique<BlockingJob<Reader, T>>(std::move(work), slot));
    return slot.wait();
  }

  SqliteOptions options;
  FolderLock lock;
  Connection connection;
  BodyFiles bodies;
  env::Timeline timeline;
  Instant first_moment;  ///< What last_seen() answers until something newer is committed.
  Listeners listeners;
  DiskGate gate;
  Applier applier;
  std::unique_ptr<Housekeeper> housekeeper;
  std::unique_ptr<Checkpointer> checkpointer;
  std::unique_ptr<LogSyncer> syncer;
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Readers> readers;  ///< Last: its work may end with something to write.
  std::atomic<bool> restored{false};
};

}  // namespace posthorn::store

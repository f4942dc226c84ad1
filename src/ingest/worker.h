#pragma once
// What happens to a request after its 2xx: its events are appended and it is marked as done, in one
// commit. What fails is tried again, then parked; nothing waits behind it.

#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "env/alarm.h"
#include "env/clock.h"
#include "env/log.h"
#include "env/task_group.h"
#include "ingest/fetcher.h"
#include "ingest/metrics.h"
#include "ingest/parsed_requests.h"
#include "ingest/source_index.h"
#include "publish/publisher.h"
#include "store/store.h"

namespace posthorn::ingest {

struct WorkerConfig {
  int batch_max = 1024;         ///< Requests in one commit.
  int turn_max = 32;            ///< Requests of one source in a turn, so that a flood leaves room.
  int window_of_source = 4096;  ///< Requests of one source that wait here; the rest in the store.
  int window_max = 16'384;      ///< Over all sources.
  std::int64_t bodies_bytes_max = 64LL << 20;  ///< That wait with them; the rest are read again.
  std::int64_t batch_bytes_max = 16LL << 20;   ///< Of bodies in one commit, or a single one.
  /// Waits after the 1st, 2nd, … failure; then it is parked.
  std::vector<Millis> retry_steps{1s, 5s, 30s, 5min, 30min, 2h};
};

/// Runs on one io_context. Construct, start(), and stop() before the context ends.
class Worker {
 public:
  struct Ports {
    asio::io_context& context;
    env::Clock& clock;
    const env::Timeline& timeline;
    store::Store& store;
    SourceIndex& sources;
    const publish::Publisher& publisher;
    Fetcher& fetcher;
    ParsedRequests& parsed;
    env::Log& log;
    Metrics& metrics;
  };
  Worker(Ports ports, WorkerConfig config);
  ~Worker();

  /// Finds what waits since the last process and begins. `epochs`: the lease under which it writes.
  /// Errors: those of the store.
  task<Result<>> start(store::EpochsPtr epochs);
  /// What is in a commit ends; the rest stays in the store.
  task<> stop();

 private:
  using RequestPtr = std::shared_ptr<const model::ReceivedRequest>;
  struct Item {
    RequestId id;
    RequestPtr request;  ///< With its body; null: to be read.
  };
  struct Lane {
    std::deque<Item> items;
    bool behind = false;              ///< The store has more that may be due.
    std::optional<Instant> next_due;  ///< Of what is due later.
  };
  class Work;

  void note(const store::CommitNotice& notice);
  void take_over(const std::vector<RequestPtr>& requests);
  task<> run();
  void push(SourceId source, Lane& lane, Item item);
  Item pop(Lane& lane);
  [[nodiscard]] std::vector<Item> take();
  void leave_in_store(Lane& lane);
  task<bool> refill();
  task<> wait();
  task<bool> load(std::vector<Item>& items);
  task<> work(std::vector<Item> items);
  task<> work_one_by_one(std::vector<Item> items);
  task<> fail_one(RequestPtr request, std::string why);
  task<> act(RequestPtr request, LiveSourcePtr live);
  task<> try_to_act(RequestPtr request, LiveSourcePtr live);
  void done(const std::vector<Item>& items);

  Ports ports_;
  const WorkerConfig config_;
  store::EpochsPtr epochs_;
  std::map<SourceId, Lane> lanes_;
  std::set<SourceId> waiting_;  ///< Whose lanes have items.
  SourceId last_turn_;          ///< Whose turn ended last; the next one behind it begins.
  std::size_t in_memory_ = 0;
  std::int64_t bodies_bytes_ = 0;         ///< Of the items in the lanes.
  std::unordered_set<RequestId> queued_;  ///< In a lane, in work, or acting.
  env::Alarm alarm_;
  bool stopping_ = false;
  env::TaskGroup tasks_;
  std::shared_ptr<void> listening_;
};

}  // namespace posthorn::ingest

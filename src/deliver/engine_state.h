#pragma once
// The inside of the engine, cut by concept: intake.cc (what comes from the store), pump.cc (who may
// send next), sending.cc (one attempt), recording.cc (what came of it), lifecycle.cc (lanes that
// come, change and go). Everything runs on ports.context but what says otherwise.

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/recent_ids.h"
#include "deliver/decide.h"
#include "deliver/engine.h"
#include "deliver/lane.h"
#include "deliver/message.h"
#include "deliver/metrics.h"
#include "env/alarm.h"

namespace posthorn::deliver {

/// Attempts to one host at once, over all workspaces.
struct Target {
  int in_flight = 0;
  std::deque<std::shared_ptr<struct LaneEntry>> waiting;
};

/// A lane with its place in the engine.
struct LaneEntry {
  LaneEntry(EndpointId endpoint_id, LaneQueue lane_queue)
      : id(endpoint_id), queue(std::move(lane_queue)) {}

  EndpointId id;
  std::shared_ptr<const model::Endpoint> endpoint;  ///< Null when it is not in the routing table.
  LaneQueue queue;
  model::Lane durable;
  std::shared_ptr<Target> target;
  std::optional<Instant> wake;  ///< Its place among the wake-ups.
  Instant active_at;            ///< When something last happened.
  bool loaded = false;          ///< `durable` was read.
  bool loading = false;
  bool ready = false;  ///< In the ready queue.
  bool waits_for_target = false;
  bool read_queued = false;
  bool dirty = false;    ///< `durable` must be written.
  bool deleted = false;  ///< The endpoint is gone: what is pending is cancelled.
  bool cancelling = false;
  bool dropped = false;  ///< Another owner has the shard, or the lane was evicted.
};
using LanePtr = std::shared_ptr<LaneEntry>;

/// An attempt that ended and is not yet durable.
struct Outcome {
  LanePtr lane;
  Row row;
  std::shared_ptr<const model::Endpoint> endpoint;  ///< As it was when sent.
  model::Attempt attempt;
  Verdict verdict;
  Instant started, ended;  ///< Timeline.
};

/// Counts the payload bytes that rows hold; outlives them all.
struct PayloadBudget {
  std::size_t bytes = 0;
};

/// The event, with its payload's bytes counted for as long as a row holds it.
std::shared_ptr<const model::Event> counted(std::shared_ptr<const model::Event> event,
                                            std::shared_ptr<PayloadBudget> budget);

struct Engine::State : std::enable_shared_from_this<Engine::State> {
  State(Ports engine_ports, EngineConfig engine_config);
  ~State();

  // -- engine.cc
  task<Result<>> start(std::string node, std::vector<int> shards, bool paused);
  task<> stop();
  task<Result<>> count_crashes();
  [[nodiscard]] Instant now() const { return ports.timeline.now(); }
  task<> nap(Millis span);

  // -- intake.cc
  void listen();
  void drain_inbox();
  void absorb_inbox();
  void take_notice(const store::CommitNotice& notice);
  void take_fresh(const store::FreshDelivery& fresh);
  void queue_read(const LanePtr& lane);
  void start_reads();
  task<> read(LanePtr lane);
  task<> read_exhausted(LanePtr lane);
  task<> ask_key(LanePtr lane, std::uint64_t key);
  task<> sweep();
  task<Result<>> find_due_lanes();
  void start_expanding();
  task<> expand();
  [[nodiscard]] std::size_t rows_max(const LaneEntry& lane) const;

  // -- lifecycle.cc
  LanePtr lane_of(EndpointId id);
  void look_at_endpoint(const LanePtr& lane);
  void move_to_target(const LanePtr& lane, std::string_view host);
  /// Takes note of endpoints that changed without endpoint_changed().
  void look_for_edits();
  void mark_dirty(const LanePtr& lane);
  task<> cancel_deleted(LanePtr lane);
  void start_cancelling(const LanePtr& lane);
  task<> evict_idle();
  void drop_shard(int shard);
  [[nodiscard]] bool owns(EndpointId id) const {
    return owned[static_cast<std::size_t>(store::shard_of(id))];
  }

  // -- pump.cc
  void make_ready(const LanePtr& lane);
  void wake_at(const LanePtr& lane, Instant at);
  void pump();
  void take_turns();
  bool visit(const LanePtr& lane);
  [[nodiscard]] bool may_take(const LaneEntry& lane) const;
  /// Whether what comes of an attempt could be recorded now. While not, keep_time() asks again.
  bool takes_records();
  task<> keep_time();
  void show(const LaneEntry& lane);
  void measure();

  // -- sending.cc
  void begin(const LanePtr& lane, LaneQueue::Taken taken);
  void launch(const LanePtr& lane, LaneQueue::Taken taken);
  void give_back(const LanePtr& lane, Row row, Millis later);
  void drop_without_payload(const LanePtr& lane, Row row);
  task<> cancel_one(LanePtr lane, DeliveryId id);
  void free_target(const LanePtr& lane);
  /// Lets the next lane that waits for the target try; one that does not take the slot passes on.
  void wake_waiting(Target& target);
  void start_loading();
  task<> load_payloads();
  task<> send(LanePtr lane, Row row, std::shared_ptr<const model::Endpoint> endpoint,
              model::Trigger trigger);
  void end_attempt(Outcome outcome, env::Exchange exchange);
  env::OutgoingRequest request_of(const std::shared_ptr<const model::Event>& event,
                                  const model::Endpoint& endpoint, DeliveryId delivery,
                                  int attempt);
  /// Valid until the next call.
  const Body& body_of(const std::shared_ptr<const model::Event>& event,
                      model::PayloadFormat format);
  double draw_jitter();

  // -- recording.cc
  void start_recording();
  task<> record();
  task<> write_lanes();
  /// Takes outcomes whose records may share a commit; one that disables its endpoint comes alone.
  std::vector<Outcome> next_group();
  task<> write_group(std::vector<Outcome> group);
  /// False when its endpoint's document changed meanwhile: decide again.
  task<bool> write_disabling(Outcome& outcome, const LaneEffect& effect);
  /// Until the store takes it, refuses it for good, or stop() gives up.
  task<Result<store::Applied>> apply_patiently(const store::Batch& batch);
  [[nodiscard]] bool disables(const Outcome& outcome, const LaneEffect& effect) const;
  void settle(Outcome& outcome);
  void lost(Outcome& outcome, const Error& error);

  Ports ports;
  EngineConfig config;
  std::string node_name;

  std::map<EndpointId, LanePtr> lanes;
  std::array<bool, store::shard_count> owned{};
  std::vector<int> shards;
  store::EpochsPtr epochs;
  std::map<std::string, std::shared_ptr<Target>, std::less<>> targets;

  std::deque<LanePtr> ready;
  std::set<std::pair<Instant, EndpointId>> wakes;
  Instant armed{INT64_MAX};
  env::Alarm alarm;

  int in_flight = 0;   ///< Slots taken: from the choice of a row until its record is durable.
  int busy_lanes = 0;  ///< Lanes with an attempt in flight.
  std::shared_ptr<PayloadBudget> payload = std::make_shared<PayloadBudget>();
  std::vector<std::pair<LanePtr, LaneQueue::Taken>> without_payload;
  bool loading_payloads = false;
  std::deque<LanePtr> reads;
  int reads_running = 0;
  /// A read may bring a row before the store has told of its commit, and it may be sent and settled
  /// before that too: what is told then is known already.
  RecentIds<DeliveryId> sent_lately{16'384};
  bool absorbing = false;
  bool expanding = false, expand_again = false;

  std::deque<Outcome> finished;
  std::vector<LanePtr> dirty;
  bool recording = false;
  bool store_down = false;    ///< A record waits for the store.
  bool store_closed = false;  ///< The store has said that it takes nothing.
  env::Alarm record_alarm;

  HmacCache hmacs;
  struct {
    EventId id;
    model::PayloadFormat format{};
    Body body;
  } last_body;  ///< Siblings of one event often follow each other.

  bool pumping = false, pump_again = false;
  bool paused = false;
  bool stopping = false;
  bool giving_up = false;  ///< The drain limit has passed: what ends from here on was cancelled.

  env::TaskGroup sends;    ///< Cancelled by stop() after the drain limit.
  env::TaskGroup work;     ///< Reads and loops; cancelled by stop() at once.
  env::TaskGroup records;  ///< Never cancelled.

  struct Inbox {
    std::mutex mutex;
    std::vector<std::shared_ptr<const store::CommitNotice>> notices;
    std::vector<EndpointId> changed;
    bool posted = false;
  } inbox;  ///< Any thread.
  std::shared_ptr<void> listening;
  void post_inbox();

  mutable std::mutex views_mutex;
  std::map<EndpointId, LaneView> views;  ///< Any thread.
};

}  // namespace posthorn::deliver

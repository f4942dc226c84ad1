#pragma once
// One seed's world: a machine with its disk, the processes on it, the peers, people and publishers;
// and the oracle that judges.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/oracle.h"
#include "sim/plan.h"
#include "sim/process.h"
#include "sim/truth.h"

namespace posthorn::sim {

struct Report {
  std::uint64_t seed = 0;
  std::uint64_t digest = 0;
  std::string verdict;  ///< What went wrong, in words; empty: all guarantees held.
  std::string plan;     ///< What was in the world, in words.
  std::size_t requests = 0, events = 0, processes = 0;
  Millis time{0};  ///< Virtual.
};

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  Report run();
  /// After run(): whether it may be destroyed. A broken engine may be stuck for good.
  [[nodiscard]] bool is_apart() const { return is_apart_; }
  /// Promises an event that is never published: run() must find it missing.
  void lie();
  /// Prints what happens, for people.
  void trace();

 private:
  struct Publication {
    std::vector<model::Event> events;  ///< Without times.
    Millis delay{0};
    bool poison = false;
  };

  // -- world.cc: time, processes
  void at(Millis when, std::function<void()> action);
  void settle();
  /// Goes on until the condition holds, something went wrong, or `end`.
  bool go_on(Tick end, const std::function<bool()>& done);
  void spawn(task<> work);
  void start_process(std::vector<int> shards);
  void look_after_processes();
  /// In a world at rest a delayed event leaves when it is due.
  void judge_punctuality();
  [[nodiscard]] std::ptrdiff_t poisoned_deliveries() const;
  [[nodiscard]] Process* serving();
  void take_apart();
  void heal();
  [[nodiscard]] bool is_at_rest() const;
  void learn(const store::CommitNotice& notice);
  /// With trace(): what the owners do with that which is left pending.
  void tell_lanes();

  // -- workload.cc
  void create_endpoints();
  model::Endpoint draw_endpoint(int number);
  void store_endpoint(model::Endpoint endpoint);
  void plan_publications();
  void plan_faults();
  void plan_edits();
  task<> publish(std::shared_ptr<const Publication> publication);
  task<> edit(EndpointId id, int kind, bool must_succeed);
  task<> replay_exhausted(bool heads_only);
  task<> keep_house();

  std::uint64_t seed_;
  Plan plan_;
  asio::io_context context_{1};
  SimClock clock_{context_};
  Digest digest_;
  Truth truth_;
  Oracle oracle_{plan_, truth_, digest_, clock_};
  Peers peers_{plan_, seed_};
  StoreFaults faults_;
  std::deque<SimJournal> journals_;  ///< One for each node.
  crypto::Vault vault_ = crypto::Vault::for_tests(7);
  std::unique_ptr<store::MemoryStore> rows_;
  std::shared_ptr<void> listening_;
  SimRandom work_{seed_, "work"};
  SimRandom people_{seed_, "people"};
  SimRandom fate_{seed_, "fate"};
  std::multimap<Tick, std::function<void()>> agenda_;
  std::vector<std::unique_ptr<Process>> processes_;
  int running_tasks_ = 0;
  bool traces_ = false;
  bool healed_ = false;
  bool restarting_ = false;
  bool is_apart_ = false;
  int wake_ups_ = 0;
  Tick last_start_;
};

}  // namespace posthorn::sim

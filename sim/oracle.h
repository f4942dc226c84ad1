#pragma once
// Judges a world: every request that leaves, every commit, every end of a process, and what is left
// at the end. The guarantees are numbered as in docs/delivery.md and docs/simulation.md.

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "env/http_sender.h"
#include "sim/digest.h"
#include "sim/plan.h"
#include "sim/truth.h"
#include "store/memory/memory_store.h"
#include "store/memory/tables.h"

namespace posthorn::sim {

/// A process as the oracle sees it.
struct Life {
  int number = 0;
  const env::Timeline* timeline = nullptr;
  const env::Clock* clock = nullptr;
  int in_flight = 0;
  bool store_refuses = false;  ///< The engine was told that a record cannot be taken now.
  bool saw_store_faults = false;
  std::map<EndpointId, int> in_flight_of;
  std::map<std::string, int> in_flight_to;  ///< By host.
  std::map<EndpointId, std::deque<Tick>> sent;
  std::map<std::pair<EndpointId, std::uint64_t>, DeliveryId> key_in_flight;
};

class Oracle {
 public:
  Oracle(const Plan& plan, Truth& truth, Digest& digest, const env::Clock& machine)
      : plan_(plan), truth_(truth), digest_(digest), machine_(machine) {}

  void look_at(store::MemoryTablesPtr tables) { tables_ = std::move(tables); }
  /// The first thing that went wrong, in words; empty: nothing did.
  [[nodiscard]] const std::string& verdict() const { return verdict_; }
  void blame(std::string what);

  // -- ownership
  void leased(const Life& life, const std::vector<int>& shards);
  [[nodiscard]] bool owns(const Life& life, EndpointId endpoint) const;
  [[nodiscard]] int owner(int shard) const { return owners_[static_cast<std::size_t>(shard)]; }

  // -- requests
  DeliveryId sent(Life& life, const env::OutgoingRequest& request);
  void peer_answered(DeliveryId id, int status);
  /// The engine is told next. `cancelled`: by itself.
  void returned(Life& life, DeliveryId id, const env::Exchange& exchange, bool cancelled);

  // -- commits
  void committed(Life& life, const store::Batch& batch);
  /// `refused`: none when it was applied.
  void answered(Life& life, const store::Batch& batch, std::optional<Errc> refused);

  // -- processes
  void started(Life& life, const std::vector<DeliveryId>& leftovers);
  void died(Life& life);
  void stopped(Life& life);

  /// Everything has come to rest.
  void judge_end();

 private:
  void check_request(Life& life, const env::OutgoingRequest& request, const model::Delivery& row,
                     int number);
  void check_content(const env::OutgoingRequest& request, const model::Delivery& row);
  void check_limits(Life& life, const model::Delivery& row, const model::Endpoint& endpoint);
  void check_order(Life& life, const model::Delivery& row);
  void check_record(Life& life, const store::AttemptRecord& record);
  void count(const Life& life, const store::Batch& batch, const store::AttemptRecord& record);
  void check_notices(const store::Batch& batch);
  void check_disabling(const store::Batch& batch, EndpointTruth& endpoint, bool expected);
  void release(Life& life, DeliveryId id);
  /// The endpoint of each delivery of the event, but of replays.
  [[nodiscard]] std::vector<EndpointId> reached_by(EventId event) const;

  const Plan& plan_;
  Truth& truth_;
  Digest& digest_;
  const env::Clock& machine_;
  store::MemoryTablesPtr tables_;
  std::array<int, store::shard_count> owners_{};
  std::string verdict_;
};

/// The value of a header; empty when it is not there.
std::string_view header_of(const std::vector<env::Header>& headers, std::string_view name);
/// "a.example" of "https://a.example/x".
std::string_view host_of_url(std::string_view url);

}  // namespace posthorn::sim

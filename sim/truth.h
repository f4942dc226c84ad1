#pragma once
// What a world knows apart from the product: what was promised to publishers and people, and what
// the peers saw. The oracle judges by it.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/endpoint.h"
#include "store/store.h"

namespace posthorn::sim {

/// An endpoint as people were told that it is.
struct EndpointTruth {
  model::Endpoint spec;        ///< As created.
  bool enabled = true;         ///< As committed.
  bool deleted = false;        ///< As committed.
  bool deletion_told = false;  ///< Whoever deleted it was answered, or died with the process.
  /// Whoever disabled or deleted it was answered: no attempt may start.
  bool answered_off = false;
  bool asked_to_drop = false;      ///< Somebody enabled it and did not want all that was held.
  bool editing = false;            ///< An edit is on its way.
  Tick calm_since{INT64_MIN / 2};  ///< No edit was under way since then; the machine's clock.
  int failures = 0;                ///< Counted by the oracle's own reading of the rules.
  Instant counted_until;
  bool failing_told = false;
  bool count_known = true;  ///< False after attempts were recorded around an edit.
  std::uint64_t auto_disabled = 0;
};

/// One request that left.
struct SendTruth {
  int number = 0;
  bool in_flight = false;
  Instant started, ended;  ///< Timeline of its process.
  bool returned = false;   ///< The engine was told what became of it.
  bool success = false;
  bool recorded = false;
  int status = 0;
  Millis wait{0};  ///< Until the next attempt, at least, if it failed.
  Millis wait_max{0};
};

/// A delivery as the peer saw it.
struct DeliveryTruth {
  std::string body;
  std::string webhook_id;
  int sends = 0;
  int good_answers = 0;              ///< 2xx that the peer gave.
  bool fell = false;                 ///< In flight at a death that no start has dealt with.
  int deaths = 0;                    ///< Deaths of the process in a row with this in flight.
  std::map<int, SendTruth> last_of;  ///< By life.
};

/// Which endpoints get an event; see sim/audience.h.
struct Audience {
  std::set<EndpointId> must;  ///< One delivery each.
  std::set<EndpointId> may;   ///< One or none: their deletion overlapped the publishing.
};

/// What a publisher was promised.
struct Promise {
  EventId event;
  std::string data;
  std::string client_id;
  std::size_t fan_out = 0;  ///< As it was told.
};

struct Truth {
  std::map<EndpointId, EndpointTruth> endpoints;
  std::map<DeliveryId, DeliveryTruth> deliveries;
  std::vector<Promise> promises;
  std::set<EventId> poison;
  /// The calls of publishers that are under way, by their events' data: who matched at the call.
  std::map<std::string, std::set<EndpointId>> calls;
  std::map<EventId, Audience> audiences;  ///< Of every event that such a call committed.
};

}  // namespace posthorn::sim

#pragma once
// From "this happened" to an event with one delivery per matching endpoint, committed together.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/recent_ids.h"
#include "env/clock.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "store/store.h"
#include "text/json.h"

namespace posthorn::publish {

/// Why an endpoint gets an event or does not; in words by explain().
enum class Match : std::uint8_t {
  matches,
  other_workspace,
  other_application,
  type,
  channel,
  filter,
  hop_limit
};

/// The document that payload filters look at: {id, type, key, application, channels, data}.
text::json::object filter_document(const model::Event& event);

/// The endpoints as they are now: an immutable snapshot, cheap to share and to match against.
class Routing {
 public:
  explicit Routing(std::vector<std::shared_ptr<const model::Endpoint>> endpoints);
  ~Routing();
  /// Endpoints (enabled or not: a disabled one's deliveries are held) that must get the event, in
  /// id order.
  [[nodiscard]] std::vector<EndpointId> targets(const model::Event& event) const;
  [[nodiscard]] Match match(const model::Endpoint& endpoint, const model::Event& event) const;
  [[nodiscard]] std::shared_ptr<const model::Endpoint> endpoint(EndpointId id) const;
  [[nodiscard]] const std::vector<std::shared_ptr<const model::Endpoint>>& endpoints() const {
    return endpoints_;
  }

 private:
  struct Index;
  std::vector<std::shared_ptr<const model::Endpoint>> endpoints_;
  std::unique_ptr<Index> index_;
};

/// "ticket.created" matches "ticket.created", "ticket.*", "*"; "*" inside a name spans any
/// characters.
bool type_matches(std::string_view pattern, std::string_view type);

/// The current Routing. Whoever changes endpoints says so here after the commit and before its
/// caller is answered. Changes of one endpoint may come in any order: an older version does not
/// replace a newer one, and what was removed stays away (the last 16 384 of them). Thread-safe.
class RoutingTable {
 public:
  [[nodiscard]] std::shared_ptr<const Routing> current() const;
  /// All endpoints at once, as they were read; but those that were removed here.
  void replace(std::vector<std::shared_ptr<const model::Endpoint>> endpoints);
  void upsert(std::shared_ptr<const model::Endpoint> endpoint);
  void remove(EndpointId id);

 private:
  static constexpr std::size_t removed_kept = 16'384;
  std::atomic<std::shared_ptr<const Routing>> current_{
      std::make_shared<const Routing>(std::vector<std::shared_ptr<const model::Endpoint>>{})};
  std::mutex writing_;
  /// What an answer that comes late must not bring back. The store gives no id twice.
  RecentIds<EndpointId> removed_{removed_kept};
};

/// Fills targets of events and applies the batch. `hop` past 3 is published to nobody (loop guard).
class Publisher {
 public:
  Publisher(store::Store& store, const RoutingTable& routing, const env::Timeline& timeline)
      : store_(store), routing_(routing), timeline_(timeline) {}

  static constexpr int hop_max = 3;

  /// The event with its targets; created_at and due_at must be set.
  [[nodiscard]] store::NewEvent route(model::Event event) const;
  task<Result<store::Applied>> publish(store::Batch batch);

 private:
  store::Store& store_;
  const RoutingTable& routing_;
  const env::Timeline& timeline_;
};

}  // namespace posthorn::publish

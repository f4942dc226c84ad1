#pragma once
// From what a request says to the events that it makes.

#include <string>
#include <string_view>
#include <vector>

#include "ingest/source_index.h"
#include "model/event.h"
#include "model/received_request.h"
#include "providers/provider.h"
#include "store/store.h"

namespace posthorn::ingest {

/// A request as its provider sees it. The views look into `request`, which must stay.
class Stored {
 public:
  explicit Stored(const model::ReceivedRequest& request);
  [[nodiscard]] const providers::Incoming& incoming() const { return incoming_; }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> headers_;
  providers::Incoming incoming_;
};

/// The dedupe keys with which a request is kept: the provider's id, the body's hash where the id is
/// not signed or there is none, and one-time tokens.
std::vector<store::DedupeKey> dedupe_keys(const providers::Parsed& parsed,
                                          const std::vector<providers::OneTimeToken>& tokens,
                                          std::string_view body_sha256, Instant now);

/// Publishers may not use ids that begin with this: they belong to what sources received.
inline constexpr std::string_view effect_key_prefix = "src_";

/// The client id of event number `index`, under which it happens once: the same for every request
/// that says the same, another one for each replay with force.
std::string effect_key(const model::ReceivedRequest& request, const providers::Parsed& parsed,
                       std::size_t index);

/// What the event is about: "kind", the normalised fields, "source_id", "request_id" and, when the
/// source includes it, "payload". `status` is what message_status() found; null: not that kind.
struct MessageStatus {
  std::string highest;
  bool advanced = false;
};
std::string event_data(const LiveSource& live, const model::ReceivedRequest& request,
                       const providers::NormalisedEvent& event, bool alone,
                       const std::optional<MessageStatus>& status);

/// The event itself, without targets.
model::Event make_event(const LiveSource& live, const model::ReceivedRequest& request,
                        const providers::Parsed& parsed, std::size_t index,
                        const std::optional<MessageStatus>& status, Instant created_at,
                        Instant due_at);

}  // namespace posthorn::ingest

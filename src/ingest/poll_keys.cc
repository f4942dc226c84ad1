#include "ingest/poll_keys.h"

#include "ingest/pollers/poller.h"

namespace posthorn::ingest {

void add_poll_keys(store::NewRequest& made, const LiveSource& live, const Arrival& arrival) {
  if (arrival.origin == model::RequestOrigin::poll) {
    made.keep_duplicate = false;
    std::erase_if(made.keys,
                  [](const store::DedupeKey& key) { return key.text.starts_with("body:"); });
    made.keys.push_back({.text = "poll:" + arrival.polled_key});
    made.keys.push_back({.text = "webhook:" + arrival.polled_key, .claims = false});
    return;
  }
  if (live.source.poll.empty() || made.request.state != model::RequestState::received) return;
  const auto* poller = pollers::find_poller(live.source.provider->name);
  if (poller == nullptr || poller->twin_key == nullptr) return;
  const auto twin = poller->twin_key(arrival.incoming());
  if (twin.empty()) return;
  made.keys.push_back({.text = "poll:" + twin, .claims = false});
  made.keys.push_back({.text = "webhook:" + twin, .looks_up = false});
}

}  // namespace posthorn::ingest

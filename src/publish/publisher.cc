#include "publish/publisher.h"

#include <boost/json/value.hpp>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/planted.h"
#include "text/filter.h"
#include "text/json.h"

namespace posthorn::publish {

namespace {

/// Where an endpoint looks for its events.
struct Group {
  WorkspaceId workspace;
  ApplicationId application;
  friend auto operator<=>(const Group&, const Group&) = default;
};

struct Candidate {
  std::shared_ptr<const model::Endpoint> endpoint;
  std::optional<text::Filter> filter;
};

bool any_type_matches(const model::Endpoint& endpoint, std::string_view type) {
  return std::ranges::any_of(endpoint.event_types, [type](const std::string& pattern) {
    return type_matches(pattern, type);
  });
}

bool channels_meet(const model::Endpoint& endpoint, const model::Event& event) {
  if (endpoint.channels.empty() || event.channels.empty()) return endpoint.channels.empty();
  return std::ranges::any_of(endpoint.channels, [&event](const std::string& channel) {
    return std::ranges::find(event.channels, channel) != event.channels.end();
  });
}

}  // namespace

text::json::object filter_document(const model::Event& event) {
  text::json::object document;
  document["id"] = event.id.text();
  document["type"] = event.type;
  document["key"] = event.key;
  document["application"] = event.application.text();
  auto& channels = document["channels"].emplace_array();
  for (const auto& channel : event.channels) channels.emplace_back(channel);
  auto data = event.data ? text::parse_json(*event.data) : Result<text::json::value>(nullptr);
  document["data"] = data ? std::move(*data) : text::json::value(nullptr);
  return document;
}

bool type_matches(std::string_view pattern, std::string_view type) {
  // Greedy with one point to fall back to: linear for one star, quadratic at worst for several.
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (t < type.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == type[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

struct Routing::Index {
  std::map<Group, std::vector<Candidate>> groups;
  std::unordered_map<EndpointId, Candidate> by_id;
};

Routing::Routing(std::vector<std::shared_ptr<const model::Endpoint>> endpoints)
    : endpoints_(std::move(endpoints)), index_(std::make_unique<Index>()) {
  std::ranges::sort(endpoints_, {}, [](const auto& endpoint) { return endpoint->id; });
  for (const auto& endpoint : endpoints_) {
    Candidate candidate{endpoint, std::nullopt};
    if (!endpoint->filter.empty()) {
      // The filter was checked when the endpoint was written; one that no longer parses matches
      // nothing (see match()).
      auto source = text::parse_json(endpoint->filter);
      auto filter = source ? text::Filter::parse(*source)
                           : Result<text::Filter>(fail(std::move(source).error()));
      if (filter) candidate.filter = std::move(*filter);
    }
    index_->groups[{endpoint->workspace, endpoint->application}].push_back(candidate);
    index_->by_id.emplace(endpoint->id, std::move(candidate));
  }
}

Routing::~Routing() = default;

std::shared_ptr<const model::Endpoint> Routing::endpoint(EndpointId id) const {
  const auto found = index_->by_id.find(id);
  return found == index_->by_id.end() ? nullptr : found->second.endpoint;
}

std::vector<EndpointId> Routing::targets(const model::Event& event) const {
  std::vector<EndpointId> found;
  if (event.hop >= Publisher::hop_max && !planted(Planted::event_loops)) return found;
  const auto group = index_->groups.find({event.workspace, event.application});
  if (group == index_->groups.end()) return found;
  // Most endpoints have no filter, so the payload is parsed only when one of them asks for it.
  std::optional<text::json::object> document;
  for (const auto& candidate : group->second) {
    const auto& endpoint = *candidate.endpoint;
    if (!endpoint.enabled && planted(Planted::disabled_not_routed)) continue;
    if (!any_type_matches(endpoint, event.type) || !channels_meet(endpoint, event)) continue;
    if (!endpoint.filter.empty()) {
      if (!candidate.filter) continue;
      if (!document) document = filter_document(event);
      if (!candidate.filter->matches(*document)) continue;
    }
    found.push_back(endpoint.id);
  }
  return found;
}

Match Routing::match(const model::Endpoint& endpoint, const model::Event& event) const {
  if (endpoint.workspace != event.workspace) return Match::other_workspace;
  if (endpoint.application != event.application) return Match::other_application;
  if (event.hop >= Publisher::hop_max) return Match::hop_limit;
  if (!any_type_matches(endpoint, event.type)) return Match::type;
  if (!channels_meet(endpoint, event)) return Match::channel;
  if (endpoint.filter.empty()) return Match::matches;
  const auto source = text::parse_json(endpoint.filter);
  if (!source) return Match::filter;
  const auto filter = text::Filter::parse(*source);
  return filter && filter->matches(filter_document(event)) ? Match::matches : Match::filter;
}

std::shared_ptr<const Routing> RoutingTable::current() const { return current_.load(); }

void RoutingTable::replace(std::vector<std::shared_ptr<const model::Endpoint>> endpoints) {
  const std::lock_guard lock(writing_);
  std::erase_if(endpoints,
                [this](const auto& endpoint) { return removed_.contains(endpoint->id); });
  current_.store(std::make_shared<const Routing>(std::move(endpoints)));
}

void RoutingTable::upsert(std::shared_ptr<const model::Endpoint> endpoint) {
  const std::lock_guard lock(writing_);
  // The engine disables on one thread while somebody deletes on another: the answer to the earlier
  // commit may be the later to arrive.
  if (removed_.contains(endpoint->id)) return;
  auto endpoints = current_.load()->endpoints();
  const auto place =
      std::ranges::find(endpoints, endpoint->id, [](const auto& e) { return e->id; });
  if (place == endpoints.end()) {
    endpoints.push_back(std::move(endpoint));
  } else if ((*place)->version <= endpoint->version) {
    *place = std::move(endpoint);
    if (planted(Planted::edited_not_routed)) endpoints.erase(place);
  }
  current_.store(std::make_shared<const Routing>(std::move(endpoints)));
}

void RoutingTable::remove(EndpointId id) {
  const std::lock_guard lock(writing_);
  removed_.add(id);
  auto endpoints = current_.load()->endpoints();
  const auto gone = std::ranges::find(endpoints, id, [](const auto& e) { return e->id; });
  if (gone == endpoints.end()) return;
  if (planted(Planted::deleted_stays_routed)) {
    auto disabled = std::make_shared<model::Endpoint>(**gone);
    disabled->enabled = false;
    *gone = std::move(disabled);
  } else {
    endpoints.erase(gone);
  }
  current_.store(std::make_shared<const Routing>(std::move(endpoints)));
}

store::NewEvent Publisher::route(model::Event event) const {
  store::NewEvent made;
  made.targets = routing_.current()->targets(event);
  made.event = std::move(event);
  return made;
}

task<Result<store::Applied>> Publisher::publish(store::Batch batch) {
  // Routed as late as possible, so that what a batch sees is what was current when it was queued.
  const auto routing = routing_.current();
  for (auto& made : batch.events) made.targets = routing->targets(made.event);
  co_return co_await store_.apply(std::move(batch));
}

}  // namespace posthorn::publish

#include "net/http_client_pool.h"

#include <fmt/format.h>

namespace posthorn::net {

namespace {

// A connection that rested for less is not asked whether it is still open and silent: under load
// that would cost a system call for each request, and what died meanwhile is sent anew anyway.
constexpr std::chrono::milliseconds surely_open{5};

}  // namespace

std::shared_ptr<Origin> ConnectionPool::origin(const text::Url& url) {
  std::string name = fmt::format("{}://{}:{}", url.scheme, url.host, url.port);
  auto& place = origins_[name];
  if (!place) place = std::make_shared<Origin>(std::move(name));
  return place;
}

void ConnectionPool::forget_if_unused(const std::shared_ptr<Origin>& origin) {
  if (origin.use_count() == 2) origins_.erase(origin->name_);
}

std::unique_ptr<Wire> ConnectionPool::unlink(Idle& idle) {
  const std::unique_ptr<Idle> owned(&idle);
  Origin::ByAge& list = age_list(*idle.wire);
  list.erase(list.iterator_to(idle));
  idle.origin->idle_.erase(idle.origin->idle_.iterator_to(idle));
  return std::move(idle.wire);
}

std::unique_ptr<Wire> ConnectionPool::take(Origin& origin, SteadyClock::time_point now) {
  while (!origin.idle_.empty()) {
    Idle& newest = origin.idle_.back();
    const auto rested = now - newest.since;
    auto wire = unlink(newest);
    if (rested < surely_open || (rested < limits_.idle_max && wire->is_quiet())) return wire;
  }
  return nullptr;
}

void ConnectionPool::give_back(const std::shared_ptr<Origin>& origin, std::unique_ptr<Wire> wire,
                               SteadyClock::time_point now) {
  Origin::ByAge& list = age_list(*wire);
  const std::size_t most = wire->is_tls() ? limits_.tls_max : limits_.plain_max;
  auto idle = std::make_unique<Idle>();
  idle->wire = std::move(wire);
  idle->origin = origin;
  idle->since = now;
  list.push_back(*idle);
  origin->idle_.push_back(*idle.release());  // From here on the two lists own it; see unlink().
  while (list.size() > most) unlink(list.front());
}

void ConnectionPool::sweep(Origin::ByAge& list, SteadyClock::time_point now) {
  for (auto at = list.begin(); at != list.end();) {
    Idle& idle = *at++;
    const auto rested = now - idle.since;
    const bool fit = rested < limits_.idle_max && (rested < surely_open || idle.wire->is_quiet());
    if (!fit) unlink(idle);
  }
}

void ConnectionPool::sweep(SteadyClock::time_point now) {
  sweep(plain_, now);
  sweep(tls_, now);
  std::erase_if(origins_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

void ConnectionPool::close_all() {
  while (!plain_.empty()) unlink(plain_.front());
  while (!tls_.empty()) unlink(tls_.front());
}

}  // namespace posthorn::net

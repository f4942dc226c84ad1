#pragma once
// Connections that wait for their next request, per origin, and what is known of an origin.

#include <boost/intrusive/list.hpp>

#include <memory>
#include <string>
#include <unordered_map>

#include "net/egress_wire.h"
#include "text/url.h"

namespace posthorn::net {

struct PoolLimits {
  std::size_t plain_max = 2000;  ///< Idle connections kept; the longest idle one goes first.
  std::size_t tls_max = 256;
  std::chrono::milliseconds idle_max{60'000};
};

class ConnectionPool;

/// A (scheme, host, port). Shared by the URLs that name it, the attempts that use it and the pool.
class Origin {
 public:
  explicit Origin(std::string name)
      : name_(std::move(name)), session_(std::make_shared<TlsSession>()) {}
  [[nodiscard]] const std::shared_ptr<TlsSession>& session() const { return session_; }

 private:
  friend class ConnectionPool;
  struct OriginTag;
  struct AgeTag;
  using OriginHook = boost::intrusive::list_base_hook<boost::intrusive::tag<OriginTag>>;
  using AgeHook = boost::intrusive::list_base_hook<boost::intrusive::tag<AgeTag>>;
  struct Idle;

  struct Idle : OriginHook, AgeHook {
    std::unique_ptr<Wire> wire;
    std::shared_ptr<Origin> origin;
    SteadyClock::time_point since;
  };
  using ByOrigin = boost::intrusive::list<Idle, boost::intrusive::base_hook<OriginHook>>;
  using ByAge = boost::intrusive::list<Idle, boost::intrusive::base_hook<AgeHook>>;

  std::string name_;
  ByOrigin idle_;  // The newest at the back.
  std::shared_ptr<TlsSession> session_;
};

/// Used on one thread. Connections whose peer has closed them are found within a second.
class ConnectionPool {
 public:
  explicit ConnectionPool(PoolLimits limits) : limits_(limits) {}
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool() { close_all(); }

  /// The same object for the same three as long as somebody uses it or it has idle connections.
  std::shared_ptr<Origin> origin(const text::Url& url);
  /// The connection that was used last; nullptr when none is fit.
  std::unique_ptr<Wire> take(Origin& origin, SteadyClock::time_point now);
  /// Keeps the connection for the next request.
  void give_back(const std::shared_ptr<Origin>& origin, std::unique_ptr<Wire> wire,
                 SteadyClock::time_point now);
  /// Drops what is known of an origin that nobody but the caller and the pool's index refers to.
  void forget_if_unused(const std::shared_ptr<Origin>& origin);
  /// Closes what is idle for too long or was closed by its peer, and forgets unused origins.
  void sweep(SteadyClock::time_point now);
  void close_all();

  [[nodiscard]] std::size_t idle_count() const { return plain_.size() + tls_.size(); }
  [[nodiscard]] std::size_t origin_count() const { return origins_.size(); }

 private:
  using Idle = Origin::Idle;
  Origin::ByAge& age_list(const Wire& wire) { return wire.is_tls() ? tls_ : plain_; }
  std::unique_ptr<Wire> unlink(Idle& idle);
  void sweep(Origin::ByAge& list, SteadyClock::time_point now);

  PoolLimits limits_;
  std::unordered_map<std::string, std::shared_ptr<Origin>> origins_;
  Origin::ByAge plain_, tls_;  // The longest idle at the front.
};

}  // namespace posthorn::net

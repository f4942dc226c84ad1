#include "net/resolver.h"

#include <netdb.h>
#include <resolv.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <iterator>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>

namespace posthorn::net {

namespace {

using Addresses = std::vector<egress::Address>;

// One attempt that waits. Shared with the lookup's thread, because either side may end first.
struct Waiter {
  explicit Waiter(executor where) : home(where), timer(where) {}
  executor home;
  SteadyTimer timer;                        // On `home` only.
  std::optional<Result<Addresses>> answer;  // On `home` only.
};

struct Lookup {
  std::vector<std::shared_ptr<Waiter>> waiters;
};

// Each thread has its own resolver state: two tries of 3 s instead of two of 5 s per server.
void shorten_timeouts() {
  // What res_init() shares between threads is guarded by a lock that thread sanitizer cannot see.
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  if (res_init() != 0) return;  // Then the defaults of the system hold.
  _res.retrans = 3;
  _res.retry = 1;
}

}  // namespace

Result<Addresses> lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY)
    return fail(Errc::not_found, "no address for " + host);
  if (code != 0)
    return fail(Errc::unavailable, "lookup of " + host + " failed: " + ::gai_strerror(code));
  Addresses out;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    egress::Address address;
    if (at->ai_family == AF_INET) {
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in*>(at->ai_addr)->sin_addr, 4);
    } else if (at->ai_family == AF_INET6) {
      address.v6 = true;
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in6*>(at->ai_addr)->sin6_addr, 16);
    } else {
      continue;
    }
    out.push_back(address);
  }
  ::freeaddrinfo(found);
  if (out.empty()) return fail(Errc::not_found, "no address for " + host);
  return out;
}

struct SystemResolver::Work {
  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<std::string, Lookup> lookups;  // Waiting and running.
  std::deque<std::string> waiting;
  std::list<std::thread> threads;
  std::list<std::thread> ended;  // To be joined.
  std::size_t idle = 0;
  bool stopping = false;

  void run(std::list<std::thread>::iterator self) {
    shorten_timeouts();
    std::unique_lock lock(mutex);
    for (;;) {
      if (waiting.empty() && idle >= threads_kept && !stopping) {
        ended.splice(ended.end(), threads, self);
        return;
      }
      ++idle;
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      --idle;
      if (stopping) return;
      const std::string host = std::move(waiting.front());
      waiting.pop_front();
      if (nobody_waits_for(host)) continue;
      lock.unlock();
      const Result<Addresses> answer = lookup(host);
      lock.lock();
      auto done = lookups.extract(host);
      for (auto& waiter : done.mapped().waiters) hand_over(std::move(waiter), answer);
    }
  }

  // Attempts that gave up hold no reference any more, so theirs is the last one here.
  bool nobody_waits_for(const std::string& host) {
    const auto at = lookups.find(host);
    for (const auto& waiter : at->second.waiters)
      if (waiter.use_count() > 1) return false;
    lookups.erase(at);
    return true;
  }

  static void hand_over(std::shared_ptr<Waiter> waiter, const Result<Addresses>& answer) {
    const executor home = waiter->home;
    asio::post(home, [waiter = std::move(waiter), answer] {
      waiter->answer = answer;
      waiter->timer.cancel();
    });
  }

  /// False when too many wait.
  bool add(const std::string& host, const std::shared_ptr<Waiter>& waiter) {
    const std::scoped_lock lock(mutex);
    if (const auto running = lookups.find(host); running != lookups.end()) {
      running->second.waiters.push_back(waiter);
      return true;
    }
    if (waiting.size() >= waiting_max) return false;
    lookups[host].waiters.push_back(waiter);
    waiting.push_back(host);
    if (idle < waiting.size() && threads.size() < threads_max) start_thread();
    changed.notify_one();
    return true;
  }

  void start_thread() {
    threads.emplace_back();
    try {
      threads.back() = std::thread([this, self = std::prev(threads.end())] { run(self); });
    } catch (const std::system_error&) {
      // The system has a limit of its own: those that are there take it, one after the other.
      threads.pop_back();
      if (threads.empty()) throw;
    }
  }

  /// They hold nothing any more: joining them does not wait.
  void join_ended() {
    std::list<std::thread> gone;
    {
      const std::scoped_lock lock(mutex);
      gone.swap(ended);
    }
    for (auto& thread : gone) thread.join();
  }
};

SystemResolver::SystemResolver() : work_(std::make_unique<Work>()) {}

SystemResolver::~SystemResolver() {
  {
    const std::scoped_lock lock(work_->mutex);
    work_->stopping = true;
  }
  work_->changed.notify_all();
  // After `stopping` none moves between the lists.
  for (auto& thread : work_->threads) thread.join();
  work_->join_ended();
}

task<Result<Addresses>> SystemResolver::resolve(std::string host, Deadline& deadline) {
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
  waiter->timer.expires_at(deadline.due());
  work_->join_ended();
  if (!work_->add(host, waiter))
    co_return fail(Errc::unavailable, "too many lookups wait, so " + host + " was not looked up");
  // Ends early when the answer is there or the caller is cancelled.
  boost::system::error_code ended;
  if (!deadline.over()) co_await waiter->timer.async_wait(asio::redirect_error(use_task, ended));
  if (waiter->answer) co_return *std::move(waiter->answer);
  if (deadline.cancelled()) co_return fail(Errc::cancelled, "cancelled");
  co_return fail(Errc::timed_out, "the lookup of " + host + " took too long");
}

}  // namespace posthorn::net

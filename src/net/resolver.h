#pragma once
// Names to addresses. An interface, so that tests and the namespace proof script the answers.

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "egress/policy.h"
#include "env/task.h"
#include "net/egress_deadline.h"

namespace posthorn::net {

/// One resolver may serve several io_contexts.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Every address of `host`, in the order to try them; never cached. Done by `deadline`, which
  /// outlives the call. Errors: not_found (no such name, no address), unavailable (servers do not
  /// answer), timed_out, cancelled.
  virtual task<Result<std::vector<egress::Address>>> resolve(std::string host,
                                                             Deadline& deadline) = 0;
};

/// getaddrinfo() on threads of its own. A name that hangs holds one thread, whatever the number of
/// attempts that ask for it, for at most about 6 s (a search list in resolv.conf multiplies that);
/// an attempt that gives up leaves at once, and other names get other threads. Calls that ask for
/// the same name at the same moment share one lookup. Thread-safe; destroyed before the
/// io_contexts that it serves.
class SystemResolver final : public Resolver {
 public:
  /// Names that may hang at once before others have to wait.
  static constexpr std::size_t threads_max = 256;
  /// Threads that stay when there is nothing to do.
  static constexpr std::size_t threads_kept = 4;
  /// Lookups that wait for a thread; more are unavailable.
  static constexpr std::size_t waiting_max = 10'000;

  SystemResolver();
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;
  /// Waits for the lookups that run.
  ~SystemResolver() override;

  task<Result<std::vector<egress::Address>>> resolve(std::string host, Deadline& deadline) override;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

/// The same lookup in the calling thread, which it may hold for seconds. Errors: not_found,
/// unavailable.
Result<std::vector<egress::Address>> lookup(const std::string& host);

}  // namespace posthorn::net

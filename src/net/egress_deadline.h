#pragma once
// One deadline over everything that an attempt waits for, without a timer for each operation: the
// deadlines of an io_context lie in a wheel of 50 ms slots that one timer sweeps.

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <chrono>
#include <memory>

#include "env/task.h"

namespace posthorn::net {

using Socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using SteadyClock = std::chrono::steady_clock;
using SteadyTimer =
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, executor>;

/// Whole milliseconds since `since`.
inline int elapsed_ms(SteadyClock::time_point since) {
  return static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - since).count());
}

class Deadline;

/// The deadlines of one io_context. Outlives them; used on the context's thread only.
class Deadlines {
 public:
  /// A deadline ends at its moment or up to this much later.
  static constexpr std::chrono::milliseconds granularity{50};

  explicit Deadlines(asio::io_context& context);
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

 private:
  friend class Deadline;
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  using Slot = boost::intrusive::list<Deadline, boost::intrusive::base_hook<Hook>,
                                      boost::intrusive::constant_time_size<false>>;
  static constexpr std::int64_t slot_count = 1024;

  void add(Deadline& deadline);
  void tick();
  void sweep();

  SteadyTimer timer_;
  std::array<Slot, slot_count> slots_;
  std::int64_t swept_ = 0;
  std::size_t live_ = 0;
  bool ticking_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // Told apart from a dead one by the
                                                            // timer's handler, which may come late.
};

/// One moment by which a coroutine must be done, or sooner if the coroutine is cancelled. Lives in
/// the coroutine's frame; its address is registered, so it does not move.
class Deadline : public Deadlines::Hook {
 public:
  Deadline(Deadlines& owner, SteadyClock::time_point due, asio::cancellation_state cancellation);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  /// The socket whose waits end (operation_aborted) at the deadline; nullptr: none.
  void watch(Socket* socket) { socket_ = socket; }
  /// True once the moment was reached.
  [[nodiscard]] bool expired() const { return expired_; }
  /// True once the calling coroutine was cancelled.
  [[nodiscard]] bool cancelled() const {
    return cancellation_.cancelled() != asio::cancellation_type::none;
  }
  /// Nothing more may be waited for.
  [[nodiscard]] bool over() const { return expired_ || cancelled(); }
  [[nodiscard]] SteadyClock::time_point due() const { return due_; }
  [[nodiscard]] Deadlines& owner() const { return owner_; }
  [[nodiscard]] asio::cancellation_state cancellation() const { return cancellation_; }

 private:
  friend class Deadlines;
  Deadlines& owner_;
  SteadyClock::time_point due_;
  asio::cancellation_state cancellation_;
  Socket* socket_ = nullptr;
  bool expired_ = false;
};

}  // namespace posthorn::net

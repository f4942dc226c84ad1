#pragma once
// A sleep that something else can end early.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include "env/clock.h"
#include "env/task.h"

namespace posthorn::env {

/// One coroutine waits, anyone on the same io_context rings. A ring while nobody waits ends the
/// next wait at once.
class Alarm {
 public:
  Alarm(asio::io_context& context, env::Clock& clock) : context_(context), clock_(clock) {}

  /// Returns at `at` (steady clock) or after ring(), whichever comes first.
  task<> wait_until(Tick at) {
    if (!rung_) {
      waiting_ = true;
      co_await asio::co_spawn(context_, doze(clock_, at),
                              asio::bind_cancellation_slot(signal_.slot(), use_task));
      waiting_ = false;
    }
    rung_ = false;
  }

  void ring() {
    if (rung_) return;
    rung_ = true;
    if (waiting_) signal_.emit(asio::cancellation_type::all);
  }

 private:
  static task<> doze(env::Clock& clock, Tick at) {
    try {
      co_await clock.sleep_until(at);
    } catch (const boost::system::system_error& ended) {
      if (ended.code() != asio::error::operation_aborted) throw;
    }
  }

  asio::io_context& context_;
  env::Clock& clock_;
  asio::cancellation_signal signal_;
  bool waiting_ = false;
  bool rung_ = false;
};

}  // namespace posthorn::env

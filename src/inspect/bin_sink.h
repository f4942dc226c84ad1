#pragma once
#include "env/clock.h"
#include "env/http_sender.h"
#include "inspect/bin_index.h"

namespace posthorn::inspect {

/// Sends to bins inside the process; every other URL goes to `next`. Belongs to one io_context, as
/// its `next` does.
class BinSink final : public env::HttpSender {
 public:
  BinSink(BinIndex& bins, env::Clock& clock, env::HttpSender& next)
      : bins_(bins), clock_(clock), next_(next) {}

  /// A bin that is not there is an Exchange of `refused`; a reply delayed past the limit is
  /// `timed_out`.
  task<env::Exchange> send(env::OutgoingRequest request) override;

 private:
  task<env::Exchange> send_to_bin(env::OutgoingRequest request);

  BinIndex& bins_;
  env::Clock& clock_;
  env::HttpSender& next_;
};

}  // namespace posthorn::inspect

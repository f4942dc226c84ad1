#include "net/egress_deadline.h"

#include "base/assert.h"

namespace posthorn::net {

namespace {

std::int64_t slots_passed(SteadyClock::time_point at) {
  return at.time_since_epoch() / Deadlines::granularity;
}

}  // namespace

Deadlines::Deadlines(asio::io_context& context)
    : timer_(context), swept_(slots_passed(SteadyClock::now())) {}

Deadlines::~Deadlines() { PH_ASSERT(live_ == 0); }

void Deadlines::add(Deadline& deadline) {
  ++live_;
  // Rounded up: when its slot is swept, the moment has passed. What lies further away than the
  // wheel is long stays in its slot for another turn.
  const std::int64_t slot = std::max(slots_passed(deadline.due_), swept_) + 1;
  slots_[static_cast<std::size_t>(slot % slot_count)].push_back(deadline);
  if (ticking_) return;
  ticking_ = true;
  tick();
}

void Deadlines::tick() {
  timer_.expires_after(granularity);
  timer_.async_wait([this, alive = std::weak_ptr<char>(alive_)](boost::system::error_code error) {
    if (error || alive.expired()) return;
    sweep();
    ticking_ = live_ > 0;
    if (ticking_) tick();
  });
}

void Deadlines::sweep() {
  const auto now = SteadyClock::now();
  const std::int64_t target = slots_passed(now);
  // After a long pause one turn of the wheel reaches every slot.
  swept_ = std::max(swept_, target - slot_count);
  while (swept_ < target) {
    ++swept_;
    Slot& slot = slots_[static_cast<std::size_t>(swept_ % slot_count)];
    for (auto at = slot.begin(); at != slot.end();) {
      Deadline& deadline = *at++;
      if (deadline.due_ > now) continue;
      deadline.unlink();
      deadline.expired_ = true;
      boost::system::error_code ignored;  // A socket that is already closed has nothing to cancel.
      if (deadline.socket_ != nullptr) deadline.socket_->cancel(ignored);
    }
  }
}

Deadline::Deadline(Deadlines& owner, SteadyClock::time_point due,
                   asio::cancellation_state cancellation)
    : owner_(owner), due_(due), cancellation_(cancellation) {
  owner_.add(*this);
}

Deadline::~Deadline() {
  if (is_linked()) unlink();
  --owner_.live_;
}

}  // namespace posthorn::net

#include "api/object_ids.h"

namespace posthorn::api {

task<Result<std::uint64_t>> ObjectIds::next() {
  {
    const std::lock_guard lock(mutex_);
    if (next_ < end_) co_return next_++;
  }
  PH_CO_TRY(const auto first, co_await take_block());
  const std::lock_guard lock(mutex_);
  // Another caller may have taken a block meanwhile: both are ours, the older rest is given up.
  if (first + block > end_) {
    next_ = first;
    end_ = first + block;
  }
  co_return next_++;
}

task<Result<std::uint64_t>> ObjectIds::take_block() {
  model::Object marker;
  marker.kind = model::ObjectKind::setting;
  marker.document = "{}";
  store::Batch probe;
  probe.objects.push_back({store::ObjectWrite::Action::create, marker, 0, false});
  PH_CO_TRY(const auto probed, co_await store_.apply(std::move(probe)));
  const auto counter = probed.objects.front().id;

  // Removing both keeps the store clean; the counter stays ahead of a removed id.
  store::Batch jump;
  marker.id = counter;
  jump.objects.push_back({store::ObjectWrite::Action::remove, marker, 0, false});
  marker.id = counter + gap + block;
  jump.objects.push_back({store::ObjectWrite::Action::create, marker, 0, false});
  jump.objects.push_back({store::ObjectWrite::Action::remove, marker, 0, false});
  PH_CO_TRY(const auto jumped, co_await store_.apply(std::move(jump)));
  static_cast<void>(jumped);
  co_return counter + gap;
}

}  // namespace posthorn::api

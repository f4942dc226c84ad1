#include "ingest/silence.h"

#include <algorithm>

#include "model/notification.h"

namespace posthorn::ingest {
namespace {

constexpr Millis between_looks{60'000};

}  // namespace

Silence::Silence(Ports ports)
    : ports_(ports), alarm_(ports.context, ports.clock), tasks_(ports.context, ports.log, {}) {}

Silence::~Silence() = default;

void Silence::start() { tasks_.spawn("silence", run()); }

task<> Silence::stop() {
  stopping_ = true;
  alarm_.ring();
  co_await tasks_.stop();
}

task<> Silence::run() {
  while (!stopping_) {
    for (auto& live : ports_.sources.all())
      if (live->source.silent_after > Millis{0}) co_await look(live);
    std::erase_if(watched_, [this](const auto& entry) {
      const auto live = ports_.sources.by_id(entry.first);
      return !live || live->source.silent_after == Millis{0};
    });
    co_await alarm_.wait_until(ports_.clock.steady() + between_looks);
  }
}

task<> Silence::look(LiveSourcePtr live) {
  const auto [place, is_new] = watched_.try_emplace(live->source.id);
  if (is_new) {
    const auto newest = co_await newest_in_store(live);
    if (!newest) {
      watched_.erase(live->source.id);
      ports_.log.warning("silence.unread",
                         {{"source", live->source.id.text()}, {"what", newest.error().what}});
      co_return;
    }
    place->second.last = *newest;
  }
  auto& watched = place->second;
  watched.last = std::max(
      watched.last, Instant{live->activity->last_received_ms.load(std::memory_order_relaxed)});
  if (watched.told == watched.last ||
      ports_.clock.now() - watched.last <= live->source.silent_after)
    co_return;
  if (const auto told = co_await tell(live, watched.last))
    watched.told = watched.last;
  else
    ports_.log.warning("silence.untold",
                       {{"source", live->source.id.text()}, {"what", told.error().what}});
}

task<Result<Instant>> Silence::newest_in_store(LiveSourcePtr live) {
  using model::RequestState;
  store::RequestFilter filter;
  filter.source = live->source.id;
  filter.workspace = live->source.workspace;
  filter.states = {RequestState::received, RequestState::processed, RequestState::duplicate,
                   RequestState::unparsed, RequestState::invalid,   RequestState::parked};
  store::Page page{.after = 0, .limit = 1};
  for (;;) {
    PH_CO_TRY(const auto found, co_await ports_.store.list_requests(filter, page));
    if (!found.rows.empty()) co_return found.rows.front().received_at;
    if (!found.next) co_return live->source.created_at;
    page.after = *found.next;
  }
}

task<Result<>> Silence::tell(LiveSourcePtr live, Instant last) {
  const auto& source = live->source;
  model::Notification notice;
  notice.workspace = source.workspace;
  notice.kind = "source.silent";
  notice.name = notice.kind + "." + source.id.text() + "." + std::to_string(last.unix_ms);
  const bool never = last == source.created_at;
  notice.text =
      "Source \"" + source.name + "\" (" + source.id.text() + ") fell silent: " +
      (never ? "nothing has come since it was made, " : "the last request that verified came ") +
      to_rfc3339(last) + ". Look at " + std::string(source.provider->title) +
      "'s own page of this webhook whether it still sends and what it is answered.";
  notice.details = {{"source_id", source.id.text()},
                    {"last_received_at", to_rfc3339(last)},
                    {"silent_after_seconds", source.silent_after.count() / 1000}};
  notice.at = ports_.clock.now();
  notice.created_at = notice.updated_at = notice.at;
  store::ObjectWrite write;
  write.object = model::to_object(notice);
  write.keep_existing = true;
  store::Batch batch;
  batch.objects.push_back(std::move(write));
  PH_CO_TRY(const auto applied, co_await ports_.store.apply(std::move(batch)));
  static_cast<void>(applied);
  co_return Result<>{};
}

}  // namespace posthorn::ingest

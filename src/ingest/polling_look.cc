#include <boost/asio/this_coro.hpp>

#include "ingest/poll_position.h"
#include "ingest/poll_question.h"
#include "ingest/polling.h"

namespace posthorn::ingest {

task<Polling::Outcome> Polling::look(LiveSourcePtr live, SettingsPtr settings, Entry& entry) {
  auto& position = entry.position;
  Outcome outcome;
  const auto& poller = *settings->poller;
  if (const auto account = poller.account(settings->settings); position.account != account) {
    const PollQuestion first{*settings, *live, position.cursor, ports_.clock.now(), 0};
    auto cursor = poller.begin(first.situation());
    position.account = account;
    if (auto saved = co_await save(live, position, std::move(cursor)); !saved) {
      position.account.clear();
      outcome.failed = true;
      outcome.error = saved.error().what;
      co_return outcome;
    }
  }
  for (int questions = 0; questions < config_.questions_of_look; ++questions) {
    const PollQuestion question{*settings, *live, position.cursor, ports_.clock.now(),
                                entry.page_size};
    auto exchange = co_await ports_.fetcher.fetch(question.request());
    ports_.metrics.asked.add();
    {
      const std::lock_guard lock(health_mutex_);
      if (const auto health = health_.find(live->source.id); health != health_.end())
        health->second.polled_at = ports_.clock.now();
    }
    auto step = question.read(exchange);
    if (!step) {
      auto& refusal = step.error();
      outcome.failed = true;
      outcome.more = position.cursor.contains("page");
      outcome.wait = refusal.wait;
      outcome.error = std::move(refusal.what);
      const int page_size = question.situation().page_size;
      if (PollQuestion::is_too_large(exchange) && page_size > 1) entry.page_size = page_size / 2;
      if (refusal.restart && outcome.more)
        if (auto saved = co_await save(live, position, pollers::restarted(position.cursor)); !saved)
          outcome.error += "; " + saved.error().what;
      co_return outcome;
    }
    auto kept = co_await keep(live, std::move(step->items), exchange.remote_address);
    // After the items, never before: until then the old cursor finds them again.
    if (kept) kept = co_await save(live, position, std::move(step->cursor));
    if (!kept) {
      outcome.failed = outcome.more = true;
      outcome.error = kept.error().what;
      co_return outcome;
    }
    if (!step->note.empty()) outcome.error = std::move(step->note);
    outcome.more = step->more;
    if (!step->more) {
      entry.page_size = 0;
      co_return outcome;
    }
  }
  co_return outcome;
}

task<Result<>> Polling::keep(LiveSourcePtr live, std::vector<pollers::Item> items,
                             std::string remote) {
  for (auto& item : items) {
    Arrival arrival;
    arrival.url = std::move(item.url);
    arrival.headers.assign(item.headers.begin(), item.headers.end());
    arrival.body = item.body;
    arrival.remote_address = remote;
    arrival.origin = model::RequestOrigin::poll;
    arrival.at = ports_.clock.now();
    arrival.polled_key = std::move(item.key);
    PH_CO_TRY(const auto receipt, co_await ports_.intake.keep(live, arrival, {}, 0));
    if (receipt.id) ports_.metrics.found.add();
  }
  co_return Result<>{};
}

task<Result<>> Polling::save(LiveSourcePtr live, PollPosition& position, json::object cursor) {
  if (position.object != 0 && position.cursor == cursor) co_return Result<>{};
  PollPosition next{position.object, live->source.workspace, position.account, std::move(cursor)};
  store::ObjectWrite write;
  write.action = position.object == 0 ? store::ObjectWrite::Action::create
                                      : store::ObjectWrite::Action::replace;
  write.object = to_object(next, live->source);
  write.object.created_at = write.object.updated_at = ports_.clock.now();
  store::Batch batch;
  batch.objects.push_back(std::move(write));
  PH_CO_TRY(const auto applied, co_await ports_.store.apply(std::move(batch)));
  next.object = applied.objects.front().id;
  position = std::move(next);
  co_return Result<>{};
}

task<Result<>> Polling::forget(PollPosition& position) {
  if (position.object == 0) co_return Result<>{};
  store::ObjectWrite write;
  write.action = store::ObjectWrite::Action::remove;
  write.object.kind = model::ObjectKind::poll_state;
  write.object.id = position.object;
  write.object.workspace = position.workspace;
  store::Batch batch;
  batch.objects.push_back(std::move(write));
  const auto applied = co_await ports_.store.apply(std::move(batch));
  if (!applied && applied.error().code != Errc::not_found) co_return fail(applied.error());
  position = {};
  co_return Result<>{};
}

}  // namespace posthorn::ingest

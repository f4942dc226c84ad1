#include "store/sqlite/sqlite_store.h"

#include <algorithm>
#include <charconv>

#include "store/sqlite/sqlite_store_state.h"

namespace posthorn::store {
namespace {

/// About what a batch adds to its transaction.
std::size_t bytes_of(const Batch& batch) {
  std::size_t bytes = 256;
  for (const auto& fresh : batch.events)
    bytes += 256 + 64 * fresh.targets.size() + (fresh.event.data ? fresh.event.data->size() : 0);
  for (const auto& fresh : batch.requests)
    bytes += 1024 + (fresh.request.body ? fresh.request.body->size() : 0);
  bytes += 256 * batch.request_changes.size();
  for (const auto& record : batch.attempts) bytes += 256 + record.attempt.response_body.size();
  for (const auto& write : batch.objects) bytes += 256 + write.object.document.size();
  return bytes;
}

bool is_big(const SharedBytes& bytes) {
  return bytes && bytes->size() > BodyFiles::inline_bytes_max;
}

bool has_big_payload(const Batch& batch) {
  return std::ranges::any_of(batch.events,
                             [](const NewEvent& fresh) { return is_big(fresh.event.data); }) ||
         std::ranges::any_of(batch.requests,
                             [](const NewRequest& fresh) { return is_big(fresh.request.body); });
}

Work<Applier, Applied> applying(Batch batch, BatchFiles files) {
  PreparedBatch prepared;
  prepared.batch = std::move(batch);
  prepared.files = std::move(files);
  const auto& events = prepared.batch.events;
  prepared.event_keys.reserve(events.size());
  prepared.event_data.reserve(events.size());
  for (const auto& fresh : events) {
    prepared.event_data.push_back(stored_form(fresh.event.data));
    prepared.event_keys.push_back(
        fresh.event.client_id.empty()
            ? std::string()
            : event_key_hash(fresh.event.workspace, fresh.event.client_id));
  }
  const auto& requests = prepared.batch.requests;
  for (const auto& fresh : requests) {
    prepared.request_bodies.push_back(stored_form(fresh.request.body));
    auto& hashes = prepared.request_keys.emplace_back();
    for (const auto& key : fresh.keys)
      hashes.push_back(request_key_hash(fresh.request.source, key.text));
  }
  return [prepared = std::move(prepared)](Applier& applier) mutable {
    return applier.apply(prepared);
  };
}

Result<std::string> write_if_big(BodyFiles& bodies, const SharedBytes& bytes) {
  if (!is_big(bytes)) return std::string();
  return bodies.write(*bytes);
}

}  // namespace

Result<BatchFiles> SqliteStore::State::write_bodies(const Batch& batch, BodyFiles& bodies) {
  BatchFiles files;
  for (const auto& fresh : batch.events) {
    PH_TRY(std::string file, write_if_big(bodies, fresh.event.data));
    files.events.push_back(std::move(file));
  }
  for (const auto& fresh : batch.requests) {
    PH_TRY(std::string file, write_if_big(bodies, fresh.request.body));
    files.requests.push_back(std::move(file));
  }
  return files;
}

void SqliteStore::State::remove_unused(const BatchFiles& files,
                                       const Result<Applied>& applied) const {
  for (std::size_t i = 0; i < files.events.size(); ++i) {
    const bool used = applied && !applied->events[i].duplicate && !applied->events[i].conflict;
    if (!used && !files.events[i].empty()) bodies.remove(files.events[i]);
  }
  for (std::size_t i = 0; i < files.requests.size(); ++i) {
    const bool used = applied && applied->requests[i].id;
    if (!used && !files.requests[i].empty()) bodies.remove(files.requests[i]);
  }
}

task<Result<Applied>> SqliteStore::apply(Batch batch) {
  BatchFiles files;
  if (has_big_payload(batch)) {
    BodyFiles& bodies = state_->bodies;
    // The batch stays in this frame while the files are written from it.
    Work<Reader, BatchFiles> writing = [&batch, &bodies](Reader&) {
      return State::write_bodies(batch, bodies);
    };
    auto written = co_await state_->read<BatchFiles>(std::move(writing));
    if (!written) co_return fail(std::move(written).error());
    files = *std::move(written);
  } else {
    files.events.resize(batch.events.size());
    files.requests.resize(batch.requests.size());
  }
  const std::size_t bytes = bytes_of(batch);
  auto work = applying(std::move(batch), files);
  auto applied = co_await state_->write<Applied>(std::move(work), bytes);
  state_->remove_unused(files, applied);
  co_return applied;
}

Result<Applied> SqliteStore::apply_blocking(Batch batch) {
  PH_TRY(auto files, State::write_bodies(batch, state_->bodies));
  const std::size_t bytes = bytes_of(batch);
  auto applied = state_->write_blocking<Applied>(applying(std::move(batch), files), bytes);
  state_->remove_unused(files, applied);
  return applied;
}

std::shared_ptr<void> SqliteStore::listen(CommitListener listener) {
  return state_->listeners.add(std::move(listener));
}

bool SqliteStore::accepting() const { return state_->gate.accepting(); }
bool SqliteStore::is_restored() const { return state_->restored.load(); }

Result<> SqliteStore::resume_restored(Instant from) {
  constexpr int chunk_rows = 1000;
  DeliveryId behind;
  bool more = true;
  while (more) {
    auto cancelled = state_->write_blocking<bool>(
        [&behind, from](Applier& applier) {
          return applier.cancel_older(from, behind, chunk_rows);
        },
        0);
    if (!cancelled) return fail(std::move(cancelled).error());
    more = *cancelled;
  }
  auto cleared = state_->write_blocking<void>(
      [](Applier& applier) -> Result<> {
        applier.remove_meta("restored");
        return {};
      },
      0);
  if (cleared) state_->restored.store(false);
  return cleared;
}

Result<std::optional<std::string>> SqliteStore::setting(const std::string& name) {
  return state_->read_blocking<std::optional<std::string>>(
      [&name](Reader& reader) { return reader.meta("setting." + name); });
}

Result<> SqliteStore::set_setting(const std::string& name, const std::string& value) {
  return state_->write_blocking<void>(
      [&](Applier& applier) -> Result<> {
        applier.set_meta("setting." + name, value);
        return {};
      },
      value.size());
}

std::string SqliteStore::database_path() const { return state_->options.folder + "/posthorn.db"; }
std::string SqliteStore::bodies_folder() const { return state_->options.folder + "/bodies"; }

task<Result<EpochsPtr>> SqliteStore::lease(std::string node, std::vector<int> shards) {
  return state_->write<EpochsPtr>([node = std::move(node), shards = std::move(shards)](
                                      Applier& applier) { return applier.lease(node, shards); },
                                  0);
}

task<Result<bool>> SqliteStore::expand_some() {
  using EventPtr = Reader::EventPtr;
  Work<Reader, EventPtr> finding = [](Reader& reader) -> Result<EventPtr> {
    PH_TRY(const auto id, reader.next_expansion());
    if (!id) return EventPtr{};
    PH_TRY(auto events, reader.events({*id}));
    if (events.empty()) return fail(Errc::corrupt, id->text() + ": its fan-out is not finished");
    return events.front();
  };
  auto event = co_await state_->read<EventPtr>(std::move(finding));
  if (!event) co_return fail(std::move(event).error());
  if (!*event) co_return false;
  Work<Applier, bool> expanding = [found = *event](Applier& applier) {
    return applier.expand_some(found);
  };
  co_return co_await state_->write<bool>(std::move(expanding), 16 << 10);
}

task<Result<bool>> SqliteStore::retain(Retention retention, Instant now, int limit) {
  Housekeeper& housekeeper = *state_->housekeeper;
  auto dead = std::make_shared<std::vector<std::string>>();
  Work<Applier, bool> retaining = [&housekeeper, dead, retention, now, limit](Applier&) {
    auto more = housekeeper.retain(retention, now, limit);
    *dead = housekeeper.take_dead_files();
    return more;
  };
  auto more = co_await state_->write<bool>(std::move(retaining), 0, /*housekeeping=*/true);
  if (more)
    for (const auto& file : *dead) state_->bodies.remove(file);
  co_return more;
}

task<Result<>> SqliteStore::State::erase(std::move_only_function<Result<>(Housekeeper&)> work) {
  auto dead = std::make_shared<std::vector<std::string>>();
  Work<Applier, void> erasing = [house = housekeeper.get(), dead,
                                 todo = std::move(work)](Applier&) mutable {
    auto done = todo(*house);
    *dead = house->take_dead_files();
    return done;
  };
  auto done = co_await write<void>(std::move(erasing), 0, /*housekeeping=*/true);
  if (done) {
    for (const auto& file : *dead) bodies.remove(file);
    // The log still holds the page as it was.
    checkpointer->ask_truncate();
  }
  co_return done;
}

task<Result<>> SqliteStore::erase_payload(EventId id) {
  return state_->erase([id](Housekeeper& housekeeper) { return housekeeper.erase_payload(id); });
}

task<Result<>> SqliteStore::erase_body(RequestId id) {
  return state_->erase([id](Housekeeper& housekeeper) { return housekeeper.erase_body(id); });
}

task<Result<Instant>> SqliteStore::last_seen() {
  return state_->read<Instant>([](Reader& reader) -> Result<Instant> {
    Instant moment;
    PH_TRY(const auto text, reader.meta("moment"));
    if (text) std::from_chars(text->data(), text->data() + text->size(), moment.unix_ms);
    return moment;
  });
}

task<Result<StoreStats>> SqliteStore::stats() {
  const State* state = state_.get();
  return state_->read<StoreStats>([state](Reader& reader) -> Result<StoreStats> {
    PH_TRY(StoreStats found, reader.stats(/*count_pending=*/true));
    found.wal_bytes = state->checkpointer->log_bytes();
    found.commits = state->writer->commits();
    found.batches = state->writer->jobs_done();
    found.free_bytes = state->gate.free_bytes();
    return found;
  });
}

task<Result<std::vector<std::string>>> SqliteStore::check() {
  return state_->read<std::vector<std::string>>([](Reader& reader) { return reader.check(); });
}

}  // namespace posthorn::store

#include <fmt/format.h>

#include <unordered_map>

#include "store/sqlite/applier_parts.h"
#include "store/sqlite/codec_requests.h"

namespace posthorn::store {

using model::ReceivedRequest;
using model::RequestState;

void Applier::apply_requests(PreparedBatch& prepared, Applied& applied) {
  auto& requests = prepared.batch.requests;
  applied.requests.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i)
    applied.requests.push_back(
        append_request(std::move(requests[i]), std::move(prepared.request_keys[i]),
                       prepared.files.requests[i], prepared.request_bodies[i]));
}

RequestReceipt Applier::append_request(NewRequest fresh, std::vector<std::string> hashes,
                                       std::string_view body_file, const StoredForm& form) {
  auto& request = fresh.request;
  const std::int64_t bucket = KeyFilters::bucket_of(static_cast<std::uint64_t>(counters_.request));
  RequestReceipt receipt{.id = {}, .duplicate_of = {}, .token_reused = false};
  if (request.state == RequestState::refused) hashes.clear();
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const DedupeKey& key = fresh.keys[i];
    if (!key.looks_up) continue;
    const auto holder = key_holder(bucket, hashes[i]);
    if (!holder) continue;
    if (key.within > 0ms && request.received_at - holder->received_at > key.within) continue;
    receipt.token_reused = key.token && holder->body_sha256 != request.body_sha256;
    if (!receipt.token_reused) receipt.duplicate_of = original_of(holder->id);
    request.state = receipt.token_reused ? RequestState::refused : RequestState::duplicate;
    request.duplicate_of = receipt.duplicate_of;
    hashes.clear();
  }
  if (receipt.duplicate_of && !fresh.keep_duplicate) return receipt;
  receipt.id = request.id = {counters_.request++};
  std::vector<std::string> claimed;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (!fresh.keys[i].claims) continue;
    sql_->replace_request_key.run(bucket, Blob{hashes[i]}, request.id);
    request_filters_.add(bucket, hashes[i]);
    claimed.push_back(std::move(hashes[i]));
  }

  const bool in_file = !body_file.empty();
  pack_request(extras_, request,
               {.body_checksum = form.checksum,
                .in_file = in_file,
                .compressed_from = form.compressed_from,
                .keys = std::move(claimed)});
  const std::optional<Blob> body = row_bytes(request.body, in_file, form);
  sql_->insert_request.run(request.id, request.source, request.workspace, request.received_at,
                           Blob{extras_}, body);
  if (in_file) sql_->insert_request_body.run(request.id, body_file);

  std::optional<Blob> rest;
  std::int64_t due = queued_due(request.due_at);
  if (!is_untouched(request)) {
    pack_request_state(extras_, request, std::nullopt);
    rest = Blob{extras_};
  } else if (request.state == RequestState::received && !request.duplicate_of) {
    // The worker hears of it and takes it at once, as a rule: the queue is for what waits.
    recent_requests_.put({request.id, request.source, request.due_at});
    due = unqueued_due(request.due_at);
  }
  sql_->insert_request_state.run(request.id, request.source, request.state, due, request.attempts,
                                 request.duplicate_of, rest);
  if (notice_)
    notice_->requests.push_back(std::make_shared<const ReceivedRequest>(std::move(request)));
  return receipt;
}

void Applier::queue_older_requests() {
  queue_requests_to(requests_seen_);
  requests_seen_ = {counters_.request - 1};
}

void Applier::queue_all_requests() { queue_requests_to({counters_.request - 1}); }

void Applier::queue_requests_to(RequestId last) {
  if (last <= requests_queued_to_) return;
  sql_->queue_requests.run(requests_queued_to_, last);
  requests_queued_to_ = last;
  set_meta("requests_queued_to", std::to_string(last.value));
}

std::optional<ReceivedRequest> Applier::key_holder(std::int64_t bucket, std::string_view hash) {
  const auto look = [&](std::int64_t place) -> std::optional<ReceivedRequest> {
    auto keys = sql_->find_request_key.query(place, Blob{hash});
    if (!keys.next()) return std::nullopt;
    // A key is free once its request is gone.
    auto rows = sql_->request_now.query(keys.id(0));
    if (!rows.next()) return std::nullopt;
    ReceivedRequest holder;
    unpack_request(rows.bytes(4), holder);
    holder.id = {rows.id(0)};
    holder.received_at = rows.instant(3);
    return holder;
  };
  if (request_filters_.may_hold(bucket, hash))
    if (auto holder = look(bucket)) return holder;
  for (const std::int64_t older : request_filters_.candidates(bucket, hash))
    if (auto holder = look(older)) return holder;
  return std::nullopt;
}

RequestId Applier::original_of(RequestId id) {
  for (;;) {
    auto rows = sql_->request_state_now.query(id);
    if (!rows.next() || rows.small(1) != static_cast<int>(RequestState::duplicate) ||
        rows.id(4) == 0 || rows.id(4) == id.value)
      return id;
    id = {rows.id(4)};
  }
}

namespace {

/// What came in, without headers and body: nobody who hears of a change asks for them.
void copy_received(const ReceivedRequest& from, ReceivedRequest& to) {
  to.workspace = from.workspace;
  to.received_at = from.received_at;
  to.origin = from.origin;
  to.method = from.method;
  to.url = from.url;
  to.remote_address = from.remote_address;
  to.body_bytes = from.body_bytes;
  to.body_sha256 = from.body_sha256;
  to.verdict = from.verdict;
  to.reply_status = from.reply_status;
}

}  // namespace

std::optional<Applier::RequestNow> Applier::read_request_now(RequestId id, RequestState& state) {
  if (const auto* recent = recent_requests_.find(id)) {
    state = RequestState::received;
    return RequestNow{
        .source = recent->source, .due_at = recent->due_at, .duplicate_of = {}, .extras = {}};
  }
  auto rows = sql_->request_state_now.query(id);
  if (!rows.next()) return std::nullopt;
  state = static_cast<RequestState>(rows.small(1));
  RequestNow now{.source = {rows.id(0)},
                 .due_at = due_of(rows.number(2)),
                 .duplicate_of = {rows.id(4)},
                 .extras = {}};
  if (!rows.is_null(5)) now.extras = rows.bytes(5);
  return now;
}

Result<> Applier::check_request_changes(const Batch& batch) {
  request_nows_.assign(batch.request_changes.size(), std::nullopt);
  std::unordered_map<RequestId, RequestState> progress;  // One may have several changes in a batch.
  for (std::size_t i = 0; i < batch.request_changes.size(); ++i) {
    const auto& change = batch.request_changes[i];
    const auto name = [&] { return change.request.text(); };
    auto known = progress.find(change.request);
    if (known == progress.end()) {
      auto& now = request_nows_[i];
      RequestState state{};
      now = read_request_now(change.request, state);
      if (!now) return fail(Errc::conflict, name() + ": there is no such request");
      if (is_stale(batch, now->source))
        return fail(Errc::stale_epoch,
                    fmt::format("shard {} has a newer owner", shard_of(now->source)));
      known = progress.emplace(change.request, state).first;
    }
    if (known->second != change.only_if)
      return fail(Errc::conflict,
                  fmt::format("{} is in state {}, not {}", name(), static_cast<int>(known->second),
                              static_cast<int>(change.only_if)));
    if (change.first_event > batch.events.size() ||
        change.event_count > batch.events.size() - change.first_event)
      return fail(Errc::invalid, name() + " names events that are not in the batch");
    if (change.duplicate_of && original_of(*change.duplicate_of) == change.request)
      return fail(Errc::invalid, name() + " cannot be a duplicate of itself");
    known->second = change.state;
  }
  return {};
}

void Applier::apply_request_changes(const Batch& batch, const Applied& applied) {
  for (std::size_t i = 0; i < batch.request_changes.size(); ++i) {
    const auto& change = batch.request_changes[i];
    auto now = std::move(request_nows_[i]);
    RequestState state{};
    if (!now) now = read_request_now(change.request, state);  // It was changed before, just now.
    change_request(change, std::move(now), applied.events);
  }
}

void Applier::change_request(const RequestChange& change, std::optional<RequestNow> now,
                             const std::vector<EventReceipt>& receipts) {
  recent_requests_.forget(change.request);
  if (!now) return;  // The database failed: the writer asks the connection.
  auto shared = std::make_shared<ReceivedRequest>();
  ReceivedRequest& request = *shared;
  std::optional<std::string> verdict;
  if (notice_ && change.known) {
    copy_received(*change.known, request);
  } else if (notice_) {
    if (auto rows = sql_->request_now.query(change.request); rows.next()) {
      unpack_request(rows.bytes(4), request);
      request.workspace = {rows.id(2)};
      request.received_at = rows.instant(3);
    }
  }
  request.id = change.request;
  request.source = now->source;
  request.due_at = now->due_at;
  request.duplicate_of = now->duplicate_of;
  if (now->extras) unpack_request_state(*now->extras, request, verdict);
  request.state = change.state;
  if (change.state == RequestState::received) request.due_at = change.due_at;
  request.attempts = change.attempts;
  request.forced = change.forced.value_or(request.forced);
  if (change.duplicate_of) request.duplicate_of = original_of(*change.duplicate_of);
  if (change.verdict) verdict = request.verdict = *change.verdict;
  request.error = change.error;
  request.processed_at = change.processed_at;
  if (change.event_count > 0) {
    request.events.clear();
    request.events_new = 0;
    for (std::size_t i = 0; i < change.event_count; ++i) {
      const EventReceipt& receipt = receipts[change.first_event + i];
      request.events.push_back(receipt.id);
      if (!receipt.duplicate && !receipt.conflict) ++request.events_new;
    }
  }
  pack_request_state(extras_, request, verdict);
  sql_->update_request_state.run(request.id, request.state, queued_due(request.due_at),
                                 request.attempts, request.duplicate_of, Blob{extras_});
  if (notice_) notice_->changed_requests.push_back(std::move(shared));
}

}  // namespace posthorn::store

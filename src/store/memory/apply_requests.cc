#include <fmt/format.h>

#include "store/memory/apply.h"

namespace posthorn::store {

using model::RequestState;

RequestId MemoryApply::original_of(RequestId id) const {
  for (;;) {
    const auto found = tables_.requests.find(id);
    if (found == tables_.requests.end()) return id;
    const auto& request = *found->second.request;
    if (request.state != RequestState::duplicate || !request.duplicate_of ||
        request.duplicate_of == id)
      return id;
    id = request.duplicate_of;
  }
}

RequestReceipt MemoryApply::append(NewRequest& fresh) {
  auto request = std::make_shared<model::ReceivedRequest>(std::move(fresh.request));
  RequestReceipt receipt{.id = {}, .duplicate_of = {}, .token_reused = false};
  if (request->state == RequestState::refused) fresh.keys.clear();
  for (const auto& key : fresh.keys) {
    if (!key.looks_up) continue;
    const auto taken = tables_.request_keys.find({request->source, key.text});
    if (taken == tables_.request_keys.end()) continue;
    const auto& holder = *tables_.requests.at(taken->second).request;
    if (key.within > 0ms && request->received_at - holder.received_at > key.within) continue;
    receipt.token_reused = key.token && holder.body_sha256 != request->body_sha256;
    if (!receipt.token_reused) receipt.duplicate_of = original_of(holder.id);
    request->state = receipt.token_reused ? RequestState::refused : RequestState::duplicate;
    request->duplicate_of = receipt.duplicate_of;
    fresh.keys.clear();
    break;
  }
  if (receipt.duplicate_of && !fresh.keep_duplicate) return receipt;
  receipt.id = request->id = RequestId{tables_.next_request++};
  RequestRow row{.request = request, .keys = {}};
  for (auto& key : fresh.keys)
    if (key.claims) row.keys.push_back(std::move(key.text));
  tables_.insert(std::move(row));
  notice_.requests.push_back(std::move(request));
  return receipt;
}

Result<> MemoryApply::check_request_changes(const Batch& batch) const {
  std::map<RequestId, RequestState> progress;  // One request may have several changes in a batch.
  for (const auto& change : batch.request_changes) {
    const auto name = [&] { return change.request.text(); };
    const auto found = tables_.requests.find(change.request);
    if (found == tables_.requests.end())
      return fail(Errc::conflict, name() + ": there is no such request");
    auto& state = progress.try_emplace(change.request, found->second.request->state).first->second;
    if (state != change.only_if)
      return fail(Errc::conflict,
                  fmt::format("{} is in state {}, not {}", name(), static_cast<int>(state),
                              static_cast<int>(change.only_if)));
    if (change.first_event > batch.events.size() ||
        change.event_count > batch.events.size() - change.first_event)
      return fail(Errc::invalid, name() + " names events that are not in the batch");
    if (change.duplicate_of && original_of(*change.duplicate_of) == change.request)
      return fail(Errc::invalid, name() + " cannot be a duplicate of itself");
    state = change.state;
  }
  return {};
}

void MemoryApply::change(const RequestChange& change, const std::vector<EventReceipt>& receipts) {
  auto next =
      std::make_shared<model::ReceivedRequest>(*tables_.requests.at(change.request).request);
  next->state = change.state;
  if (change.state == RequestState::received) next->due_at = change.due_at;
  next->attempts = change.attempts;
  next->forced = change.forced.value_or(next->forced);
  if (change.duplicate_of) next->duplicate_of = original_of(*change.duplicate_of);
  if (change.verdict) next->verdict = *change.verdict;
  next->error = change.error;
  if (change.event_count > 0) {
    next->events.clear();
    next->events_new = 0;
    for (std::size_t i = 0; i < change.event_count; ++i) {
      const auto& receipt = receipts[change.first_event + i];
      next->events.push_back(receipt.id);
      if (!receipt.duplicate && !receipt.conflict) ++next->events_new;
    }
  }
  next->processed_at = change.processed_at;
  notice_.changed_requests.push_back(without_body(*next));
  tables_.replace(next);
}

}  // namespace posthorn::store

#include <algorithm>

#include "store/memory/state.h"

namespace posthorn::store {

using model::DeliveryState;

namespace {

bool has_pending(const MemoryTables& tables, EventId event) {
  if (tables.expansions.contains(event)) return true;
  const auto deliveries = tables.of_event.find(event);
  return deliveries != tables.of_event.end() &&
         std::ranges::any_of(deliveries->second, [&](DeliveryId id) {
           return tables.deliveries.at(id).delivery.state == DeliveryState::pending;
         });
}

void drop_payload(EventPtr& event) {
  auto bare = std::make_shared<model::Event>(*event);
  bare->data = nullptr;
  event = std::move(bare);
}

/// Deletes what is past its time, at most `left` rows.
class Sweep {
 public:
  Sweep(MemoryTables& tables, CommitNotice& notice, Instant now, int limit)
      : tables_(tables), notice_(notice), now_(now), left_(std::max(limit, 1)) {}

  /// True when the limit was reached.
  bool run(const Retention& retention) {
    objects();
    if (retention.audit_days > 0) audit(before(retention.audit_days));
    if (retention.attempt_days > 0) attempts(before(retention.attempt_days));
    if (retention.payload_days > 0) payloads(before(retention.payload_days));
    if (retention.event_days > 0) events(before(retention.event_days));
    if (retention.refused_days > 0) refused(before(retention.refused_days));
    if (retention.request_days > 0) requests(before(retention.request_days));
    return left_ <= 0;
  }

 private:
  [[nodiscard]] Instant before(int days) const { return now_ - days * Millis{24h}; }

  void objects() {
    for (auto at = tables_.objects.begin(); at != tables_.objects.end() && left_ > 0;) {
      const auto& object = at->second;
      if (!object.expires_at || *object.expires_at > now_) {
        ++at;
        continue;
      }
      notice_.objects.push_back({object.kind, object.id, object.workspace, true});
      if (!object.name.empty()) tables_.names.erase({object.kind, object.workspace, object.name});
      at = tables_.objects.erase(at);
      --left_;
    }
  }

  void audit(Instant end) {
    auto& rows = tables_.audit;
    for (; left_ > 0 && !rows.empty() && rows.begin()->second.at < end; --left_)
      rows.erase(rows.begin());
  }

  void attempts(Instant end) {
    auto& rows = tables_.attempts;
    for (; left_ > 0 && !rows.empty() && rows.begin()->second.started_at < end; --left_)
      rows.erase(rows.begin());
  }

  void payloads(Instant end) {
    for (auto& [id, event] : tables_.events) {
      if (left_ <= 0 || event->created_at >= end) return;
      if (!event->data || has_pending(tables_, id)) continue;
      drop_payload(event);
      --left_;
    }
  }

  void events(Instant end) {
    for (auto at = tables_.events.begin(); at != tables_.events.end() && left_ > 0;) {
      const auto& event = *at->second;
      if (event.created_at >= end) return;
      if (has_pending(tables_, event.id)) {
        ++at;
        continue;
      }
      if (const auto rows = tables_.of_event.find(event.id); rows != tables_.of_event.end()) {
        const auto ids = rows->second;
        left_ -= static_cast<int>(ids.size());
        for (const DeliveryId id : ids) tables_.erase(id);
      }
      if (!event.client_id.empty()) tables_.client_keys.erase({event.workspace, event.client_id});
      at = tables_.events.erase(at);
      --left_;
    }
  }

  void refused(Instant end) {
    for (auto at = tables_.requests.begin(); at != tables_.requests.end() && left_ > 0;) {
      const auto& request = *at++->second.request;
      if (request.state != model::RequestState::refused || request.received_at >= end) continue;
      tables_.erase(request.id);
      --left_;
    }
  }

  void requests(Instant end) {
    for (auto at = tables_.requests.begin(); at != tables_.requests.end() && left_ > 0;) {
      const auto& request = *at++->second.request;
      if (request.received_at >= end) return;
      if (request.state == model::RequestState::received) continue;
      tables_.requests_gone = std::max(tables_.requests_gone, request.id);
      tables_.erase(request.id);
      --left_;
    }
  }

  MemoryTables& tables_;
  CommitNotice& notice_;
  Instant now_;
  int left_;
};

}  // namespace

task<Result<bool>> MemoryStore::retain(Retention retention, Instant now, int limit) {
  co_return state_->commit([&](MemoryApply& apply) -> Result<bool> {
    return apply.settle_held(limit) || apply.sweep(retention, now, limit);
  });
}

bool MemoryApply::sweep(const Retention& retention, Instant now, int limit) {
  return Sweep(tables_, notice_, now, limit).run(retention);
}

task<Result<>> MemoryStore::erase_payload(EventId id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->events.find(id);
  if (found == state_->tables->events.end())
    co_return fail(Errc::not_found, id.text() + " is not there");
  drop_payload(found->second);
  co_return Result<>{};
}

task<Result<>> MemoryStore::erase_body(RequestId id) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->tables->requests.find(id);
  if (found == state_->tables->requests.end())
    co_return fail(Errc::not_found, id.text() + " is not there");
  found->second.request = without_body(*found->second.request);
  co_return Result<>{};
}

}  // namespace posthorn::store

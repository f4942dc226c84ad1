#include "store/sqlite/housekeeper.h"

#include <algorithm>
#include <charconv>

#include "store/sqlite/housekeeper_parts.h"

namespace posthorn::store {
namespace {
constexpr auto day = 24h;
/// Free pages are given back to the disk only past this share of the file: else they are reused.
constexpr std::int64_t free_pages_share = 4;
}  // namespace

Housekeeper::Housekeeper(Applier& applier)
    : applier_(applier), sql_(std::make_unique<Statements>(applier.connection())) {}
Housekeeper::~Housekeeper() = default;

Result<bool> Housekeeper::retain(const Retention& retention, Instant now, int limit) {
  Budget budget(std::max(limit, 1));
  if (applier_.settle_held(budget.left())) return true;
  drop_expired_objects(now, budget);
  if (retention.audit_days > 0) drop_audit(now - retention.audit_days * day, budget);
  if (retention.attempt_days > 0) drop_attempts(now - retention.attempt_days * day, budget);
  if (retention.payload_days > 0) {
    drop_kept_payloads(budget);
    drop_payloads(now - retention.payload_days * day, budget);
  }
  if (retention.event_days > 0) drop_events(now - retention.event_days * day, budget);
  if (retention.refused_days > 0) drop_refused(now - retention.refused_days * day, budget);
  if (retention.request_days > 0) drop_requests(now - retention.request_days * day, budget);
  if (budget.left() < limit) applier_.save_counters();
  if (budget.spent()) return true;
  event_cursor_ = kept_cursor_ = request_cursor_ = refused_cursor_ = 0;
  return give_back_pages();
}

void Housekeeper::drop_expired_objects(Instant now, Budget& budget) {
  if (budget.spent()) return;
  std::vector<ObjectRef> expired;
  for (auto rows = sql_->expired_objects.query(now, budget.left()); rows.next();)
    expired.push_back({.kind = static_cast<model::ObjectKind>(rows.number(1)),
                       .id = rows.id(0),
                       .workspace = {rows.id(2)},
                       .removed = true});
  for (const auto& object : expired) {
    sql_->delete_expired_object.run(object.id);
    applier_.note_object(object);
    budget.spend();
  }
}

void Housekeeper::drop_audit(Instant before, Budget& budget) {
  if (budget.spent()) return;
  std::int64_t last = 0;
  for (auto rows = sql_->first_audit.query(budget.left()); rows.next() && rows.instant(1) < before;
       budget.spend())
    last = rows.number(0);
  if (last != 0) sql_->delete_audit_to.run(last);
}

void Housekeeper::drop_attempts(Instant before, Budget& budget) {
  if (budget.spent()) return;
  std::int64_t last = 0;
  for (auto rows = sql_->first_attempts.query(budget.left());
       rows.next() && rows.instant(1) < before; budget.spend())
    last = rows.number(0);
  if (last != 0) sql_->delete_attempts_to.run(last);
}

bool Housekeeper::has_pending(std::uint64_t event, std::uint64_t first_delivery,
                              std::uint64_t end) {
  auto rows = sql_->event_has_pending.query(event, first_delivery, end);
  return rows.next() && rows.number(0) != 0;
}

void Housekeeper::drop_payload(std::uint64_t event) {
  sql_->erase_data.run(event);
  std::string file;
  if (auto rows = sql_->body_of_event.query(event); rows.next()) file = rows.text(0);
  if (file.empty()) return;
  sql_->delete_body.run(event);
  dead_files_.push_back(std::move(file));
}

std::uint64_t Housekeeper::payload_cursor() {
  // Read each time: what a rolled back transaction had moved must not be skipped. An unreadable
  // cursor begins again, and each payload is looked at once more.
  std::uint64_t cursor = 0;
  if (auto rows = sql_->get_meta.query("payload_cursor"); rows.next()) {
    const auto text = rows.bytes(0);
    std::from_chars(text.data(), text.data() + text.size(), cursor);
  }
  return cursor;
}

void Housekeeper::drop_payloads(Instant before, Budget& budget) {
  if (budget.spent()) return;
  const std::uint64_t start = payload_cursor();
  std::uint64_t cursor = start;
  std::vector<std::pair<std::uint64_t, bool>> old;  // Event, something is pending.
  for (auto rows = sql_->first_events.query(cursor);
       !budget.spent() && rows.next() && rows.instant(1) < before; budget.spend())
    old.emplace_back(rows.id(0), has_pending(rows.id(0), rows.id(2), rows.id(2) + rows.id(3)));
  for (const auto& [event, pending] : old) {
    cursor = event;
    if (pending)
      sql_->keep_payload.run(event);
    else
      drop_payload(event);
  }
  if (cursor != start) applier_.set_meta("payload_cursor", std::to_string(cursor));
}

void Housekeeper::drop_kept_payloads(Budget& budget) {
  std::vector<std::uint64_t> settled;
  for (auto rows = sql_->kept_payloads.query(kept_cursor_); !budget.spent() && rows.next();
       budget.spend()) {
    kept_cursor_ = rows.id(0);
    auto event = sql_->event_fan_out.query(kept_cursor_);
    if (!event.next() || !has_pending(kept_cursor_, event.id(0), event.id(0) + event.id(1)))
      settled.push_back(kept_cursor_);
  }
  for (const std::uint64_t event : settled) {
    drop_payload(event);
    sql_->drop_kept_payload.run(event);
  }
}

void Housekeeper::drop_events(Instant before, Budget& budget) {
  struct Old {
    std::uint64_t id = 0, first_delivery = 0, fan_out = 0;
    WorkspaceId workspace;
    std::string client_id;
  };
  std::vector<Old> old;
  int looked_at = 0;
  for (auto rows = sql_->first_events.query(event_cursor_);
       static_cast<int>(old.size()) < budget.left() && looked_at < budget.left() * 4 &&
       rows.next() && rows.instant(1) < before;
       ++looked_at) {
    event_cursor_ = rows.id(0);
    if (has_pending(rows.id(0), rows.id(2), rows.id(2) + rows.id(3))) continue;
    model::Event extras;
    if (!unpack_event(rows.bytes(4), extras)) extras.client_id.clear();
    old.push_back({rows.id(0), rows.id(2), rows.id(3), {rows.id(5)}, extras.client_id});
  }
  if (!old.empty()) applier_.forget_recent();
  for (const auto& event : old) {
    if (budget.spent()) {
      event_cursor_ = event.id - 1;
      return;
    }
    const auto room = static_cast<std::uint64_t>(budget.left());
    const std::uint64_t count = std::min(event.fan_out, room);
    sql_->delete_deliveries.run(event.first_delivery, event.first_delivery + count);
    budget.spend(static_cast<int>(count) + 1);
    if (count < event.fan_out) {
      // A large fan-out goes in parts: the event names what is left of it.
      sql_->narrow_event.run(event.id, event.first_delivery + count, event.fan_out - count);
      event_cursor_ = event.id - 1;
      return;
    }
    drop_payload(event.id);
    sql_->drop_kept_payload.run(event.id);
    sql_->delete_late_deliveries.run(event.id);
    sql_->delete_event.run(event.id);
    if (!event.client_id.empty())
      sql_->delete_event_key.run(KeyFilters::bucket_of(event.id),
                                 Blob{event_key_hash(event.workspace, event.client_id)}, event.id);
  }
  // Many old events with something pending: the next step goes on behind them.
  if (looked_at >= budget.left() * 4) budget.spend(budget.left());
}

bool Housekeeper::give_back_pages() {
  std::int64_t free_pages = 0, pages = 0;
  if (auto rows = sql_->free_pages.query(); rows.next()) {
    free_pages = rows.number(0);
    pages = rows.number(1);
  }
  if (free_pages * free_pages_share < pages || free_pages < 1024) return false;
  sql_->give_back_pages.run();
  return true;
}

Result<> Housekeeper::erase_payload(EventId id) {
  {
    auto rows = sql_->event_fan_out.query(id);
    if (!rows.next()) return fail(Errc::not_found, id.text() + " is not there");
  }
  // This pragma acts when it is prepared.
  Query(applier_.connection(), "overwrite_deleted").run();
  drop_payload(id.value);
  Query(applier_.connection(), "leave_deleted").run();
  return {};
}

}  // namespace posthorn::store

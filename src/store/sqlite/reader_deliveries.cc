#include "store/sqlite/codec.h"
#include "store/sqlite/reader_parts.h"

namespace posthorn::store {

using model::DeliveryState;

model::Delivery Reader::read_delivery(const Rows& rows) {
  model::Delivery delivery;
  delivery.id = {rows.id(0)};
  delivery.event = {rows.id(1)};
  delivery.endpoint = {rows.id(2)};
  delivery.workspace = {rows.id(3)};
  delivery.state = static_cast<DeliveryState>(rows.small(4));
  delivery.attempts = rows.small(5);
  delivery.due_at = rows.instant(6);
  delivery.created_at = rows.instant(7);
  delivery.key_hash = rows.id(8);
  delivery.crashes = rows.small(9);
  delivery.last_attempt = {rows.id(10)};
  delivery.last_status = rows.small(11);
  delivery.last_result = static_cast<env::ExchangeResult>(rows.small(12));
  delivery.replay_of = {rows.id(13)};
  delivery.trigger = static_cast<model::Trigger>(rows.small(14));
  if (delivery.state == DeliveryState::pending && is_dropped(delivery.endpoint, delivery.id))
    delivery.state = DeliveryState::cancelled;
  return delivery;
}

Result<std::optional<model::Delivery>> Reader::delivery(DeliveryId id) {
  std::optional<model::Delivery> found;
  if (auto rows = sql_->delivery.query(id); rows.next()) found = read_delivery(rows);
  return checked(std::move(found));
}

Rows Reader::delivery_rows(const DeliveryFilter& filter, const Page& page, std::int64_t behind) {
  const bool up = page.oldest_first;
  if (filter.event) {
    std::uint64_t first = 0, end = 0;
    if (auto span = sql_->event_span.query(*filter.event); span.next()) {
      first = span.id(0);
      end = span.id(1);
    }
    return sql_->deliveries_of_event.in(up).query(behind, *filter.event, first, end);
  }
  if (filter.endpoint) return sql_->deliveries_of_endpoint.in(up).query(behind, *filter.endpoint);
  const auto is_dead = [](DeliveryState state) {
    return state == DeliveryState::exhausted || state == DeliveryState::parked;
  };
  if (filter.workspace && !filter.states.empty() && std::ranges::all_of(filter.states, is_dead))
    return sql_->dead_of_workspace.in(up).query(behind, *filter.workspace);
  return sql_->deliveries.in(up).query(behind);
}

std::optional<std::int64_t> Reader::type_of_event(EventId id) {
  auto rows = sql_->event_kind.query(id);
  if (!rows.next()) return std::nullopt;
  return rows.number(0);
}

bool Reader::matches(const DeliveryFilter& filter, const model::Delivery& delivery) {
  const auto has = [](const auto& wanted, const auto& value) {
    return wanted.empty() || std::ranges::find(wanted, value) != wanted.end();
  };
  if (filter.workspace && *filter.workspace != delivery.workspace) return false;
  if (filter.event && *filter.event != delivery.event) return false;
  if (filter.endpoint && *filter.endpoint != delivery.endpoint) return false;
  if (filter.since && delivery.created_at < *filter.since) return false;
  if (filter.until && delivery.created_at >= *filter.until) return false;
  if (!has(filter.states, delivery.state)) return false;
  if (!has(filter.status_codes, delivery.last_status)) return false;
  if (filter.event_types.empty()) return true;
  const auto type = type_of_event(delivery.event);
  return type && any_type_matches(filter.event_types, type_name(*type));
}

Result<Found<model::Delivery>> Reader::list_deliveries(const DeliveryFilter& filter, Page page) {
  PageBuilder<model::Delivery> builder(page);
  auto rows = delivery_rows(filter, page, scan_start(page));
  while (rows.next() && builder.wants_more()) {
    model::Delivery delivery = read_delivery(rows);
    builder.looked_at(delivery.id.value);
    if (matches(filter, delivery)) builder.add(std::move(delivery));
  }
  return checked(builder.take());
}

Result<model::Attempt> Reader::read_attempt(const Rows& rows) {
  model::Attempt attempt;
  attempt.id = {rows.id(0)};
  attempt.delivery = {rows.id(1)};
  attempt.previous = {rows.id(2)};
  attempt.endpoint = {rows.id(3)};
  attempt.number = rows.small(4);
  attempt.trigger = static_cast<model::Trigger>(rows.small(5));
  attempt.started_at = rows.instant(6);
  attempt.result = static_cast<env::ExchangeResult>(rows.small(7));
  attempt.status = rows.small(8);
  if (!rows.is_null(9)) attempt.retry_at = rows.instant(9);
  if (!unpack_attempt(rows.bytes(10), attempt))
    return fail(Errc::corrupt, attempt.id.text() + ": its row cannot be read");
  return attempt;
}

Result<std::vector<model::Attempt>> Reader::attempts(DeliveryId id) {
  std::vector<model::Attempt> found;
  AttemptId next;
  if (auto rows = sql_->delivery.query(id); rows.next()) next = {rows.id(10)};
  while (next) {
    auto rows = sql_->attempt.query(next);
    if (!rows.next()) break;  // Retention took this one and those before it.
    PH_TRY(model::Attempt attempt, read_attempt(rows));
    next = attempt.previous;
    found.push_back(std::move(attempt));
  }
  std::ranges::reverse(found);
  return checked(std::move(found));
}

Result<Found<model::Attempt>> Reader::list_attempts(std::optional<EndpointId> endpoint, Page page) {
  PageBuilder<model::Attempt> builder(page);
  auto rows = sql_->attempts.in(page.oldest_first).query(scan_start(page));
  while (rows.next() && builder.wants_more()) {
    builder.looked_at(rows.id(0));
    if (endpoint && endpoint->value != rows.id(3)) continue;
    PH_TRY(model::Attempt attempt, read_attempt(rows));
    builder.add(std::move(attempt));
  }
  return checked(builder.take());
}

}  // namespace posthorn::store

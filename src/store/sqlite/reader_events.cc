#include "store/sqlite/codec.h"
#include "store/sqlite/key_filter.h"
#include "store/sqlite/reader_parts.h"

namespace posthorn::store {

Result<std::shared_ptr<model::Event>> Reader::read_event(const Rows& rows) {
  auto event = std::make_shared<model::Event>();
  event->id = {rows.id(0)};
  event->position = rows.number(0);
  event->workspace = {rows.id(1)};
  event->application = {rows.id(2)};
  event->type = type_name(rows.number(3));
  event->created_at = rows.instant(4);
  event->due_at = rows.instant(5);
  event->first_delivery = {rows.id(6)};
  event->fan_out = static_cast<std::uint32_t>(rows.number(7));
  if (!rows.is_null(8)) event->sequence = rows.number(8);
  const auto extras = unpack_event(rows.bytes(9), *event);
  if (!extras) return fail(Errc::corrupt, event->id.text() + ": its row cannot be read");
  auto read = read_data(rows, *extras, *event);
  if (!read) return fail(std::move(read).error());
  return event;
}

Result<> Reader::read_data(const Rows& rows, const EventExtras& extras, model::Event& event) {
  if (extras.in_file) {
    auto files = sql_->body_file.query(event.id);
    if (!files.next()) return {};  // Erased.
    auto bytes = bodies_.read(files.text(0));
    if (!bytes) return fail(std::move(bytes).error().within(event.id.text()));
    event.data = share(*std::move(bytes));
  } else if (!rows.is_null(10)) {
    event.data = share(bytes_of_row(rows.bytes(10), extras.compressed_from));
  } else {
    return {};
  }
  if (checksum(*event.data) != extras.data_checksum)
    return fail(Errc::corrupt, event.id.text() + ": its payload is not what was written");
  return {};
}

Result<std::vector<Reader::EventPtr>> Reader::events(const std::vector<EventId>& ids) {
  std::vector<EventPtr> found;
  found.reserve(ids.size());
  for (const EventId id : ids) {
    auto rows = sql_->event.query(id);
    if (!rows.next()) continue;
    PH_TRY(EventPtr event, read_event(rows));
    found.push_back(std::move(event));
  }
  return checked(std::move(found));
}

Result<std::optional<EventId>> Reader::event_by_client_id(WorkspaceId workspace,
                                                          const std::string& client_id) {
  std::optional<EventId> found;
  if (client_id.empty()) return found;
  const std::string hash = event_key_hash(workspace, client_id);
  for (auto buckets = sql_->key_buckets.query(); !found && buckets.next();) {
    auto keys = sql_->event_by_key.query(buckets.number(0), Blob{hash});
    if (!keys.next()) continue;
    const EventId event{keys.id(0)};
    if (auto rows = sql_->event_kind.query(event); rows.next()) found = event;
  }
  return checked(std::move(found));
}

bool Reader::read_keys(std::int64_t bucket, std::string& hashes) {
  for (auto rows = sql_->keys_of_bucket.query(bucket); rows.next();) hashes += rows.bytes(0);
  return !connection_.failed();
}

Result<Found<Reader::EventPtr>> Reader::list_events(const EventFilter& filter, Page page) {
  PageBuilder<EventPtr> builder(page);
  const std::int64_t behind = scan_start(page);
  auto rows = filter.workspace
                  ? sql_->events_of_workspace.in(page.oldest_first).query(behind, *filter.workspace)
                  : sql_->events.in(page.oldest_first).query(behind);
  while (rows.next() && builder.wants_more()) {
    builder.looked_at(rows.id(0));
    const Instant created = rows.instant(4);
    if (filter.application && filter.application->value != rows.id(2)) continue;
    if (filter.since && created < *filter.since) continue;
    if (filter.until && created >= *filter.until) continue;
    if (!any_type_matches(filter.types, type_name(rows.number(3)))) continue;
    if (!filter.key.empty()) {
      model::Event extras;
      if (!unpack_event(rows.bytes(9), extras) || extras.key != filter.key) continue;
    }
    PH_TRY(EventPtr event, read_event(rows));
    builder.add(std::move(event));
  }
  return checked(builder.take());
}

Result<std::optional<EventId>> Reader::next_expansion() {
  std::optional<EventId> found;
  if (auto rows = sql_->next_expansion.query(); rows.next()) found = EventId{rows.id(0)};
  return checked(std::move(found));
}

}  // namespace posthorn::store

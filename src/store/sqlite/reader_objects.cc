#include "store/sqlite/applier.h"
#include "store/sqlite/reader_parts.h"

namespace posthorn::store {

Result<std::optional<model::Object>> Reader::object(model::ObjectKind kind, std::uint64_t id) {
  std::optional<model::Object> found;
  if (auto rows = sql_->object_of_id.query(id); rows.next()) found = read_object(rows);
  if (found && found->kind != kind) found.reset();
  return checked(std::move(found));
}

Result<std::optional<model::Object>> Reader::object_by_name(model::ObjectKind kind,
                                                            WorkspaceId workspace,
                                                            const std::string& name) {
  std::optional<model::Object> found;
  if (auto rows = sql_->object_of_name.query(kind, workspace, name); rows.next())
    found = read_object(rows);
  return checked(std::move(found));
}

Result<Found<model::Object>> Reader::list_objects(model::ObjectKind kind,
                                                  const ObjectFilter& filter, Page page) {
  PageBuilder<model::Object> builder(page);
  const std::int64_t behind = scan_start(page);
  auto rows = filter.parent != 0
                  ? sql_->objects_of_parent.in(page.oldest_first).query(behind, kind, filter.parent)
                  : sql_->objects.in(page.oldest_first).query(behind, kind);
  while (rows.next() && builder.wants_more()) {
    builder.looked_at(rows.id(0));
    if (filter.workspace && filter.workspace->value != rows.id(2)) continue;
    if (!rows.bytes(4).starts_with(filter.name_prefix)) continue;
    builder.add(read_object(rows));
  }
  return checked(builder.take());
}

Result<Found<model::AuditEntry>> Reader::list_audit(std::optional<WorkspaceId> workspace,
                                                    Page page) {
  PageBuilder<model::AuditEntry> builder(page);
  const std::int64_t behind = scan_start(page);
  auto rows = workspace ? sql_->audit_of_workspace.in(page.oldest_first).query(behind, *workspace)
                        : sql_->audit.in(page.oldest_first).query(behind);
  while (rows.next() && builder.wants_more()) {
    builder.looked_at(rows.id(0));
    model::AuditEntry entry;
    entry.id = {rows.id(0)};
    entry.workspace = {rows.id(1)};
    entry.at = rows.instant(2);
    entry.actor = rows.text(3);
    entry.action = rows.text(4);
    entry.object = rows.text(5);
    entry.before_hash = rows.text(6);
    entry.after_hash = rows.text(7);
    entry.request_id = rows.text(8);
    entry.previous_hash = rows.text(9);
    entry.hash = rows.text(10);
    builder.add(std::move(entry));
  }
  return checked(builder.take());
}

Result<StoreStats> Reader::stats(bool count_pending) {
  StoreStats found;
  if (auto rows = sql_->log_span.query(); rows.next()) {
    found.events = rows.number(0);
    found.attempts = rows.number(1);
    found.requests = rows.number(2);
  }
  if (auto rows = sql_->page_counts.query(); rows.next())
    found.bytes = rows.number(0) * rows.number(1);
  if (count_pending) {
    if (auto rows = sql_->count_pending.query(); rows.next())
      found.deliveries_pending = rows.number(0);
    if (auto rows = sql_->count_requests_pending.query(); rows.next())
      found.requests_pending = rows.number(0);
  }
  return checked(std::move(found));
}

Result<std::optional<std::string>> Reader::meta(const std::string& name) {
  std::optional<std::string> found;
  if (auto rows = sql_->meta.query(name); rows.next()) found = rows.text(0);
  return checked(std::move(found));
}

}  // namespace posthorn::store

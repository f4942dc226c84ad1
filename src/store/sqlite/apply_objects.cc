#include <fmt/format.h>

#include "store/sqlite/applier_parts.h"

namespace posthorn::store {

model::Object read_object(const Rows& rows) {
  model::Object object;
  object.id = rows.id(0);
  object.kind = static_cast<model::ObjectKind>(rows.number(1));
  object.workspace = {rows.id(2)};
  object.parent = rows.id(3);
  object.name = rows.text(4);
  object.version = rows.number(5);
  object.created_at = rows.instant(6);
  object.updated_at = rows.instant(7);
  if (!rows.is_null(8)) object.expires_at = rows.instant(8);
  object.document = rows.text(9);
  return object;
}

Result<> Applier::apply_objects(Batch& batch, Applied& applied) {
  for (auto& write : batch.objects) {
    Result<model::Object> done = [&] {
      switch (write.action) {
        case ObjectWrite::Action::replace:
          return replace(write);
        case ObjectWrite::Action::remove:
          return remove(write);
        case ObjectWrite::Action::create:
          break;
      }
      return create(write);
    }();
    if (!done) return fail(std::move(done).error());
    applied.objects.push_back(*std::move(done));
  }
  return {};
}

Result<model::Object> Applier::create(ObjectWrite& write) {
  model::Object object = std::move(write.object);
  if (!object.name.empty()) {
    auto rows = sql_->object_of_name.query(object.kind, object.workspace, object.name);
    if (rows.next()) {
      if (write.keep_existing) return read_object(rows);
      return fail(Errc::conflict, fmt::format("\"{}\" is there already", object.name));
    }
  }
  if (object.id != 0) {
    auto rows = sql_->object_of_id.query(object.id);
    if (rows.next()) {
      if (write.keep_existing) return read_object(rows);
      return fail(Errc::conflict, fmt::format("object {} is there already", object.id));
    }
  } else {
    object.id = counters_.object;
  }
  counters_.object = std::max(counters_.object, object.id + 1);
  object.version = 1;
  object.created_at = object.updated_at = clock_.now();
  sql_->insert_object.run(object.id, object.kind, object.workspace, object.parent, object.name,
                          object.version, object.created_at, object.updated_at, object.expires_at,
                          object.document);
  if (notice_)
    notice_->objects.push_back({object.kind, object.id, object.workspace, /*removed=*/false});
  return object;
}

Result<model::Object> Applier::expected(const ObjectWrite& write) {
  const model::Object& wanted = write.object;
  auto rows = sql_->object_of_id.query(wanted.id);
  if (!rows.next()) return fail(Errc::not_found, fmt::format("object {} is not there", wanted.id));
  model::Object stored = read_object(rows);
  if (stored.kind != wanted.kind || stored.workspace != wanted.workspace)
    return fail(Errc::not_found, fmt::format("object {} is not there", wanted.id));
  if (write.expected_version != 0 && stored.version != write.expected_version)
    return fail(Errc::conflict,
                fmt::format("it is at version {}, not {}", stored.version, write.expected_version));
  return stored;
}

Result<model::Object> Applier::replace(ObjectWrite& write) {
  PH_TRY(const model::Object stored, expected(write));
  model::Object object = std::move(write.object);
  if (!object.name.empty() && object.name != stored.name) {
    auto rows = sql_->object_of_name.query(object.kind, object.workspace, object.name);
    if (rows.next())
      return fail(Errc::conflict, fmt::format("\"{}\" is there already", object.name));
  }
  object.version = stored.version + 1;
  object.created_at = stored.created_at;
  object.updated_at = clock_.now();
  sql_->update_object.run(object.id, object.workspace, object.parent, object.name, object.version,
                          object.updated_at, object.expires_at, object.document);
  if (notice_)
    notice_->objects.push_back({object.kind, object.id, object.workspace, /*removed=*/false});
  return object;
}

Result<model::Object> Applier::remove(ObjectWrite& write) {
  PH_TRY(model::Object stored, expected(write));
  sql_->delete_object.run(stored.id);
  save_counters();
  if (notice_)
    notice_->objects.push_back({stored.kind, stored.id, stored.workspace, /*removed=*/true});
  return stored;
}

}  // namespace posthorn::store

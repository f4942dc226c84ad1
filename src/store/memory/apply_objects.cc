#include <fmt/format.h>

#include <algorithm>

#include "store/memory/apply.h"

namespace posthorn::store {

namespace {

/// The documents as they will be once the batch is in; nothing reaches the tables before all of
/// its writes are found possible.
class StagedObjects {
 public:
  explicit StagedObjects(const MemoryTables& tables) : tables_(tables) {}

  [[nodiscard]] const model::Object* find(std::uint64_t id) const {
    if (const auto staged = objects_.find(id); staged != objects_.end())
      return staged->second ? &*staged->second : nullptr;
    const auto stored = tables_.objects.find(id);
    return stored == tables_.objects.end() ? nullptr : &stored->second;
  }

  [[nodiscard]] const model::Object* find(const MemoryTables::ObjectName& name) const {
    if (std::get<std::string>(name).empty()) return nullptr;
    if (const auto staged = names_.find(name); staged != names_.end())
      return staged->second ? find(*staged->second) : nullptr;
    const auto stored = tables_.names.find(name);
    return stored == tables_.names.end() ? nullptr : find(stored->second);
  }

  void put(std::uint64_t id, std::optional<model::Object> object) {
    if (const auto* before = find(id); before != nullptr && !before->name.empty())
      names_[name_of(*before)] = std::nullopt;
    if (object && !object->name.empty()) names_[name_of(*object)] = id;
    objects_[id] = std::move(object);
  }

  static MemoryTables::ObjectName name_of(const model::Object& object) {
    return {object.kind, object.workspace, object.name};
  }

  void commit(MemoryTables& tables) && {
    for (auto& [id, object] : objects_) {
      if (object)
        tables.objects[id] = *std::move(object);
      else
        tables.objects.erase(id);
    }
    for (const auto& [name, id] : names_) {
      if (id)
        tables.names[name] = *id;
      else
        tables.names.erase(name);
    }
  }

 private:
  const MemoryTables& tables_;
  std::map<std::uint64_t, std::optional<model::Object>> objects_;
  std::map<MemoryTables::ObjectName, std::optional<std::uint64_t>> names_;
};

Result<model::Object> expected(const StagedObjects& staged, const ObjectWrite& write) {
  const model::Object& wanted = write.object;
  const model::Object* stored = staged.find(wanted.id);
  if (stored == nullptr || stored->kind != wanted.kind || stored->workspace != wanted.workspace)
    return fail(Errc::not_found, fmt::format("object {} is not there", wanted.id));
  if (write.expected_version != 0 && stored->version != write.expected_version)
    return fail(Errc::conflict, fmt::format("it is at version {}, not {}", stored->version,
                                            write.expected_version));
  return *stored;
}

struct Written {
  model::Object object;
  bool changed = true;  ///< False when an existing document was kept.
};

Result<Written> create(StagedObjects& staged, ObjectWrite& write, std::uint64_t& next_id,
                       Instant now) {
  model::Object object = std::move(write.object);
  const model::Object* existing = staged.find(StagedObjects::name_of(object));
  if (existing == nullptr && object.id != 0) existing = staged.find(object.id);
  if (existing != nullptr) {
    if (write.keep_existing) return Written{*existing, false};
    return fail(Errc::conflict, object.name.empty()
                                    ? fmt::format("object {} is there already", object.id)
                                    : fmt::format("\"{}\" is there already", object.name));
  }
  if (object.id == 0) object.id = next_id;
  next_id = std::max(next_id, object.id + 1);
  object.version = 1;
  object.created_at = object.updated_at = now;
  staged.put(object.id, object);
  return Written{std::move(object)};
}

Result<Written> replace(StagedObjects& staged, ObjectWrite& write, Instant now) {
  PH_TRY(const model::Object stored, expected(staged, write));
  model::Object object = std::move(write.object);
  const model::Object* namesake = staged.find(StagedObjects::name_of(object));
  if (namesake != nullptr && namesake->id != object.id)
    return fail(Errc::conflict, fmt::format("\"{}\" is there already", object.name));
  object.version = stored.version + 1;
  object.created_at = stored.created_at;
  object.updated_at = now;
  staged.put(object.id, object);
  return Written{std::move(object)};
}

Result<Written> remove(StagedObjects& staged, const ObjectWrite& write) {
  PH_TRY(model::Object stored, expected(staged, write));
  staged.put(stored.id, std::nullopt);
  return Written{std::move(stored)};
}

}  // namespace

Result<> MemoryApply::write_objects(Batch& batch, Applied& applied) {
  StagedObjects staged(tables_);
  std::uint64_t next_id = tables_.next_object;
  std::vector<ObjectRef> changed;
  for (auto& write : batch.objects) {
    const bool removes = write.action == ObjectWrite::Action::remove;
    auto written = removes ? remove(staged, write)
                   : write.action == ObjectWrite::Action::replace
                       ? replace(staged, write, now_)
                       : create(staged, write, next_id, now_);
    if (!written) return fail(std::move(written).error());
    const auto& object = written->object;
    if (written->changed) changed.push_back({object.kind, object.id, object.workspace, removes});
    applied.objects.push_back(std::move(written->object));
  }
  std::move(staged).commit(tables_);
  tables_.next_object = next_id;
  notice_.objects.insert(notice_.objects.end(), changed.begin(), changed.end());
  return {};
}

}  // namespace posthorn::store

#include "api/documents.h"
#include "api/handlers.h"
#include "model/event_type.h"

namespace posthorn::api {

namespace {

task<std::expected<model::Object, Problem>> stored_type(Context& context, const Call& call) {
  const auto known = context.directory.event_type(call.workspace(), call.path.front());
  if (!known) co_return std::unexpected(not_found("event type"));
  co_return co_await context.own_object(call, model::ObjectKind::event_type, known->type.id.value,
                                        "event type");
}

}  // namespace

task<Answer> list_event_types(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  store::ObjectFilter filter;
  filter.workspace = call.workspace();
  PH_CO_TRY(const auto found, co_await context.ports.store.list_objects(
                                  model::ObjectKind::event_type, filter, *page));
  ListText list;
  for (const auto& object : found.rows) {
    PH_CO_TRY(const auto type, model::event_type_from(object));
    if (!type.archived || call.query.is_true("archived")) list.add(model::to_api(type));
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> create_event_type(Context& context, Call& call) {
  model::Faults faults;
  model::EventType base;
  base.workspace = call.workspace();
  auto type = model::read_event_type(call.body, faults, base);
  if (!faults.empty()) co_return Answer(faults);
  if (context.directory.event_type(call.workspace(), type.name))
    co_return conflict("name_taken", "there is an event type of this name already",
                       {{"/name", "duplicate", "is the name of another event type"}});
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  type.id = EventTypeId{id};
  type.created_at = type.updated_at = call.now;
  type.version = 1;
  auto object = model::to_object(type);
  co_return co_await save(context, call, std::move(object), std::nullopt, type.name,
                          model::to_api(type));
}

task<Answer> get_event_type(Context& context, Call& call) {
  const auto known = context.directory.event_type(call.workspace(), call.path.front());
  if (!known) co_return not_found("event type");
  co_return json_response(200, model::to_api(known->type), known->type.version);
}

task<Answer> update_event_type(Context& context, Call& call) {
  const auto stored = co_await stored_type(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(const auto before, model::event_type_from(*stored));
  model::Faults faults;
  auto type = model::read_event_type(call.body, faults, before);
  if (!faults.empty()) co_return Answer(faults);
  type.updated_at = call.now;
  type.version = stored->version + 1;
  auto object = model::to_object(type);
  co_return co_await save(context, call, std::move(object), *stored, type.name,
                          model::to_api(type));
}

task<Answer> delete_event_type(Context& context, Call& call) {
  const auto stored = co_await stored_type(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  co_return co_await take_away(context, call, *stored, stored->name);
}

}  // namespace posthorn::api

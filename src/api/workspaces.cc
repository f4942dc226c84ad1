#include "api/documents.h"
#include "api/handlers.h"
#include "model/application.h"
#include "model/workspace.h"

namespace posthorn::api {

task<Answer> list_workspaces(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  store::ObjectFilter everything;
  PH_CO_TRY(const auto found, co_await context.ports.store.list_objects(
                                  model::ObjectKind::workspace, everything, *page));
  ListText list;
  for (const auto& object : found.rows) {
    PH_CO_TRY(const auto workspace, model::workspace_from(object));
    list.add(model::to_api(workspace));
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> create_workspace(Context& context, Call& call) {
  model::Faults faults;
  auto workspace = model::read_workspace(call.body, faults, {});
  if (!faults.empty()) co_return Answer(faults);
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  PH_CO_TRY(const auto application_id, co_await context.object_ids.next());
  workspace.id = WorkspaceId{id};
  workspace.created_at = workspace.updated_at = call.now;
  workspace.version = 1;
  model::Application application;
  application.id = ApplicationId{application_id};
  application.workspace = workspace.id;
  application.uid = model::default_application_uid;
  application.created_at = application.updated_at = call.now;

  store::Batch batch;
  context.write(batch, call, model::to_object(workspace), nullptr, workspace.id.text());
  batch.objects.push_back({store::ObjectWrite::Action::create, model::to_object(application), 0,
                           /*keep_existing=*/false});
  const auto reply = json_response(201, model::to_api(workspace), workspace.version);
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), &reply));
  static_cast<void>(applied);
  co_return reply;
}

task<Answer> get_workspace(Context& context, Call& call) {
  const auto id = call.id<WorkspaceId>();
  const auto entry = id ? context.directory.workspace(*id) : nullptr;
  if (!entry) co_return not_found("workspace");
  co_return json_response(200, model::to_api(entry->workspace), entry->workspace.version);
}

task<Answer> update_workspace(Context& context, Call& call) {
  const auto id = call.id<WorkspaceId>();
  if (!id) co_return not_found("workspace");
  PH_CO_TRY(const auto stored,
            co_await context.ports.store.object(model::ObjectKind::workspace, id->value));
  if (!stored) co_return not_found("workspace");
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(const auto before, model::workspace_from(*stored));
  model::Faults faults;
  auto workspace = model::read_workspace(call.body, faults, before);
  if (!faults.empty()) co_return Answer(faults);
  workspace.updated_at = call.now;
  workspace.version = stored->version + 1;
  auto object = model::to_object(workspace);
  co_return co_await save(context, call, std::move(object), stored, id->text(),
                          model::to_api(workspace));
}

}  // namespace posthorn::api

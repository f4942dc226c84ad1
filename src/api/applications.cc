#include <fmt/format.h>

#include "api/documents.h"
#include "api/handlers.h"
#include "model/application.h"

namespace posthorn::api {

namespace {

Result<json::object> application_shape(const Context&, const Call&, const model::Object& object) {
  PH_TRY(const auto application, model::application_from(object));
  return model::to_api(application);
}

/// The stored application that the path names by id or uid.
task<std::expected<model::Object, Problem>> stored_application(Context& context, const Call& call) {
  const auto known = context.directory.application(call.workspace(), call.path.front());
  if (!known) co_return std::unexpected(not_found("application"));
  co_return co_await context.own_object(call, model::ObjectKind::application, known->id.value,
                                        "application");
}

}  // namespace

task<Answer> list_applications(Context& context, Call& call) {
  return list_documents(context, call, model::ObjectKind::application, {}, &application_shape);
}

task<Answer> create_application(Context& context, Call& call) {
  model::Faults faults;
  model::Application base;
  base.workspace = call.workspace();
  auto application = model::read_application(call.body, faults, base);
  if (!faults.empty()) co_return Answer(faults);
  if (context.directory.application(call.workspace(), application.uid))
    co_return conflict("uid_taken", "there is an application with this uid already",
                       {{"/uid", "duplicate",
                         fmt::format("takes a uid that no other application has, not {}",
                                     model::shown(application.uid))}});
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  application.id = ApplicationId{id};
  application.created_at = application.updated_at = call.now;
  application.version = 1;
  auto object = model::to_object(application);
  co_return co_await save(context, call, std::move(object), std::nullopt, application.id.text(),
                          model::to_api(application));
}

task<Answer> get_application(Context& context, Call& call) {
  const auto known = context.directory.application(call.workspace(), call.path.front());
  if (!known) co_return not_found("application");
  co_return json_response(200, model::to_api(*known), known->version);
}

task<Answer> update_application(Context& context, Call& call) {
  const auto stored = co_await stored_application(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(const auto before, model::application_from(*stored));
  model::Faults faults;
  auto application = model::read_application(call.body, faults, before);
  if (!faults.empty()) co_return Answer(faults);
  application.updated_at = call.now;
  application.version = stored->version + 1;
  auto object = model::to_object(application);
  co_return co_await save(context, call, std::move(object), *stored, application.id.text(),
                          model::to_api(application));
}

task<Answer> delete_application(Context& context, Call& call) {
  const auto stored = co_await stored_application(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  const ApplicationId id{stored->id};
  if (stored->name == model::default_application_uid)
    co_return conflict("default_application", "the default application cannot be deleted");
  for (const auto& endpoint : context.ports.routing.current()->endpoints())
    if (endpoint->application == id)
      co_return conflict("application_in_use", "the application has endpoints; delete those first");
  co_return co_await take_away(context, call, *stored, id.text());
}

}  // namespace posthorn::api

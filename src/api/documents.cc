#include "api/documents.h"

namespace posthorn::api {

task<Answer> save(Context& context, Call& call, model::Object object,
                  std::optional<model::Object> before, std::string id_text, json::object shape) {
  const std::int64_t version = before ? before->version + 1 : 1;
  store::Batch batch;
  context.write(batch, call, std::move(object), before ? &*before : nullptr, std::move(id_text));
  const auto reply = json_response(before ? 200 : 201, shape, version);
  const auto applied = co_await context.commit(call, std::move(batch), &reply);
  if (!applied) co_return problem_of(applied.error());
  co_return reply;
}

task<Answer> take_away(Context& context, Call& call, model::Object before, std::string id_text) {
  store::Batch batch;
  context.remove(batch, call, before, std::move(id_text));
  const auto reply = empty_response();
  const auto applied = co_await context.commit(call, std::move(batch), &reply);
  if (!applied) co_return problem_of(applied.error());
  co_return reply;
}

task<Answer> list_documents(Context& context, Call& call, model::ObjectKind kind,
                            store::ObjectFilter filter, ShapeOf shape_of) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  filter.workspace = call.workspace();
  PH_CO_TRY(const auto found, co_await context.ports.store.list_objects(kind, filter, *page));
  ListText list;
  for (const auto& object : found.rows) {
    PH_CO_TRY(const auto shape, shape_of(context, call, object));
    list.add(shape);
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

}  // namespace posthorn::api

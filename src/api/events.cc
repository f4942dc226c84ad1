#include "api/handlers.h"
#include "api/own_event.h"
#include "model/event_json.h"

namespace posthorn::api {

task<std::expected<std::shared_ptr<const model::Event>, Problem>> own_event(Context& context,
                                                                            const Call& call) {
  auto id = call.id<EventId>();
  if (!id) {
    // The publisher's own id finds the event as well.
    const auto found =
        co_await context.ports.store.event_by_client_id(call.workspace(), call.path.front());
    if (!found) co_return std::unexpected(problem_of(found.error()));
    id = *found;
  }
  if (!id) co_return std::unexpected(not_found("event"));
  std::vector<EventId> wanted{*id};
  const auto events = co_await context.ports.store.events(std::move(wanted));
  if (!events) co_return std::unexpected(problem_of(events.error()));
  if (events->empty() || events->front()->workspace != call.workspace())
    co_return std::unexpected(not_found("event"));
  co_return events->front();
}

task<Answer> list_events(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  store::EventFilter filter;
  filter.workspace = call.workspace();
  filter.types = call.query.list("type");
  filter.key = call.query.text("key").value_or("");
  filter.since = call.query.moment("since");
  filter.until = call.query.moment("until");
  if (const auto named = call.query.text("application")) {
    const auto application = context.directory.application(call.workspace(), *named);
    if (!application) co_return unknown_application(*named);
    filter.application = application->id;
  }
  using EventPtr = std::shared_ptr<const model::Event>;
  PH_CO_TRY(const auto found, co_await gather<EventPtr>(
                                  [&context, &filter](store::Page part) {
                                    return context.ports.store.list_events(filter, part);
                                  },
                                  *page));
  const bool with_data = call.query.is_true("with_data");
  ListText list;
  for (const auto& event : found.rows) {
    std::string text;
    model::append_event_json(text, *event, with_data);
    list.add(std::string_view(text));
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> get_event(Context& context, Call& call) {
  const auto event = co_await own_event(context, call);
  if (!event) co_return event.error();
  std::string text;
  model::append_event_json(text, **event, true);
  co_return raw_json_response(200, std::move(text));
}

task<Answer> erase_event_content(Context& context, Call& call) {
  const auto event = co_await own_event(context, call);
  if (!event) co_return event.error();
  store::Batch batch;
  batch.audit.push_back(context.audit(call, (*event)->id.text(),
                                      (*event)->data ? std::string_view(*(*event)->data) : "", {}));
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  static_cast<void>(applied);
  const auto erased = co_await context.ports.store.erase_payload((*event)->id);
  if (!erased) co_return problem_of(erased.error());
  co_return empty_response();
}

}  // namespace posthorn::api

#include <fmt/format.h>

#include "api/documents.h"
#include "api/handlers.h"
#include "model/members.h"
#include "model/notification.h"

namespace posthorn::api {

namespace {

Result<json::object> notification_shape(const Context&, const Call&, const model::Object& object) {
  PH_TRY(const auto notification, model::notification_from(object));
  return model::to_api(notification);
}

json::object notification_shape(const model::AuditEntry& entry) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
  };
  return {{"id", entry.id.text()},
          {"object", "audit_entry"},
          {"at", to_rfc3339(entry.at)},
          {"actor", entry.actor},
          {"action", entry.action},
          {"object_id", entry.object},
          {"before_hash", or_null(entry.before_hash)},
          {"after_hash", or_null(entry.after_hash)},
          {"request_id", or_null(entry.request_id)},
          {"previous_hash", or_null(entry.previous_hash)},
          {"hash", entry.hash}};
}

}  // namespace

task<Answer> list_notifications(Context& context, Call& call) {
  return list_documents(context, call, model::ObjectKind::notification, {}, &notification_shape);
}

task<Answer> update_notification(Context& context, Call& call) {
  const auto id = call.id<NotificationId>();
  if (!id) co_return not_found("notification");
  const auto stored =
      co_await context.own_object(call, model::ObjectKind::notification, id->value, "notification");
  if (!stored) co_return stored.error();
  PH_CO_TRY(auto notification, model::notification_from(*stored));
  model::Faults faults;
  model::Members members(call.body, faults);
  members.require("read");
  const auto read = members.boolean("read");
  members.refuse_unknown();
  if (!faults.empty()) co_return Answer(faults);
  if (*read && !notification.read_at) notification.read_at = call.now;
  if (!*read) notification.read_at.reset();
  notification.updated_at = call.now;
  notification.version = stored->version + 1;
  auto object = model::to_object(notification);
  co_return co_await save(context, call, std::move(object), *stored, id->text(),
                          model::to_api(notification));
}

task<Answer> list_audit(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  PH_CO_TRY(const auto found, co_await gather<model::AuditEntry>(
                                  [&context, &call](store::Page part) {
                                    return context.ports.store.list_audit(call.workspace(), part);
                                  },
                                  *page));
  ListText list;
  for (const auto& entry : found.rows) list.add(notification_shape(entry));
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

}  // namespace posthorn::api

#include "ingest/poll_position.h"

#include "model/document.h"
#include "text/json.h"

namespace posthorn::ingest {

model::Object to_object(const PollPosition& position, const Source& source) {
  model::Object object;
  object.kind = model::ObjectKind::poll_state;
  object.id = position.object;
  object.workspace = source.workspace;
  object.parent = source.id.value;
  object.name = source.id.text();
  text::append_json(object.document,
                    json::object{{"account", position.account}, {"cursor", position.cursor}});
  return object;
}

Result<PollPosition> poll_position_from(const model::Object& object) {
  PH_TRY(const json::object stored, model::parse_document(object, model::ObjectKind::poll_state));
  const auto* account = stored.if_contains("account");
  const auto* cursor = stored.if_contains("cursor");
  if (account == nullptr || !account->is_string() || cursor == nullptr || !cursor->is_object())
    return fail(Errc::corrupt, "the position of the poll of source " + object.name +
                                   " has no account or no cursor");
  return PollPosition{.object = object.id,
                      .workspace = object.workspace,
                      .account = std::string(account->get_string()),
                      .cursor = cursor->get_object()};
}

}  // namespace posthorn::ingest

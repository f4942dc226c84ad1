#pragma once
// What the handlers of documents have in common: list, save, remove.

#include <optional>
#include <string>

#include "api/context.h"

namespace posthorn::api {

/// Commits one document, new or in place of `before`, with its audit entry. Answers with `shape`
/// (201 or 200) and the version as ETag. `object.id` is set.
task<Answer> save(Context& context, Call& call, model::Object object,
                  std::optional<model::Object> before, std::string id_text, json::object shape);

/// Takes the document away, with its audit entry; 204.
task<Answer> take_away(Context& context, Call& call, model::Object before, std::string id_text);

/// A page of the workspace's documents of one kind, each in the form that `shape_of` gives.
using ShapeOf = Result<json::object> (*)(const Context& context, const Call& call,
                                         const model::Object& object);
task<Answer> list_documents(Context& context, Call& call, model::ObjectKind kind,
                            store::ObjectFilter filter, ShapeOf shape_of);

}  // namespace posthorn::api

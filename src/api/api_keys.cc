#include <fmt/format.h>

#include "api/documents.h"
#include "api/handlers.h"
#include "base/bytes.h"
#include "model/api_key.h"

namespace posthorn::api {

namespace {

Result<json::object> key_shape(const Context&, const Call&, const model::Object& object) {
  PH_TRY(const auto key, model::api_key_from(object));
  return model::to_api(key);
}

/// Nobody may give a key more than he has himself.
void refuse_foreign_scopes(const Call& call, const model::ApiKey& key, model::Faults& faults) {
  for (std::size_t i = 0; i < key.scopes.size(); ++i) {
    const auto scope = scope_named(key.scopes[i]);
    if (scope && !allows(call.caller.scopes, *scope))
      faults.add(fmt::format("/scopes/{}", i), "not_allowed",
                 fmt::format("your own key lacks {}", key.scopes[i]));
  }
}

task<std::expected<model::Object, Problem>> stored_key(Context& context, const Call& call) {
  const auto id = call.id<ApiKeyId>();
  if (!id) co_return std::unexpected(not_found("API key"));
  co_return co_await context.own_object(call, model::ObjectKind::api_key, id->value, "API key");
}

}  // namespace

task<Answer> list_keys(Context& context, Call& call) {
  return list_documents(context, call, model::ObjectKind::api_key, {}, &key_shape);
}

task<Answer> create_key(Context& context, Call& call) {
  model::Faults faults;
  model::ApiKey base;
  base.workspace = call.workspace();
  auto key = model::read_api_key(call.body, faults, base, call.now, grantable_names());
  refuse_foreign_scopes(call, key, faults);
  if (!faults.empty()) co_return Answer(faults);
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  const Secret text("phk_" + to_base64url(context.ports.random.bytes(32)));
  key.id = ApiKeyId{id};
  key.prefix = text.reveal().substr(4, 8);
  key.hash = context.ports.vault.keyed_hash(text.reveal());
  key.created_at = key.updated_at = call.now;
  key.version = 1;
  auto shape = model::to_api(key);
  shape["key"] = text.reveal();
  auto object = model::to_object(key);
  co_return co_await save(context, call, std::move(object), std::nullopt, key.id.text(),
                          std::move(shape));
}

task<Answer> get_key(Context& context, Call& call) {
  const auto stored = co_await stored_key(context, call);
  if (!stored) co_return stored.error();
  PH_CO_TRY(const auto key, model::api_key_from(*stored));
  co_return json_response(200, model::to_api(key), stored->version);
}

task<Answer> update_key(Context& context, Call& call) {
  const auto stored = co_await stored_key(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(const auto before, model::api_key_from(*stored));
  if (before.revoked_at) co_return conflict("key_revoked", "a revoked key cannot be changed");
  model::Faults faults;
  auto key = model::read_api_key(call.body, faults, before, call.now, grantable_names());
  refuse_foreign_scopes(call, key, faults);
  if (!faults.empty()) co_return Answer(faults);
  key.updated_at = call.now;
  key.version = stored->version + 1;
  auto object = model::to_object(key);
  co_return co_await save(context, call, std::move(object), *stored, key.id.text(),
                          model::to_api(key));
}

task<Answer> revoke_key(Context& context, Call& call) {
  const auto stored = co_await stored_key(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->version)) co_return *std::move(mismatch);
  PH_CO_TRY(auto key, model::api_key_from(*stored));
  if (key.revoked_at) co_return empty_response();
  key.revoked_at = key.updated_at = call.now;
  store::Batch batch;
  context.write(batch, call, model::to_object(key), &*stored, key.id.text());
  PH_CO_TRY(const auto applied, co_await context.commit(call, std::move(batch), nullptr));
  static_cast<void>(applied);
  co_return empty_response();
}

}  // namespace posthorn::api

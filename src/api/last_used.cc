#include "api/last_used.h"

namespace posthorn::api {

task<> note_use(Context& context, std::shared_ptr<const KeyEntry> key, Instant now) {
  auto last = key->last_used_ms.load(std::memory_order_relaxed);
  if (now.unix_ms - last < context.config.last_used_step.count()) co_return;
  // Of several calls at once, one writes.
  if (!key->last_used_ms.compare_exchange_strong(last, now.unix_ms)) co_return;
  auto found = co_await context.ports.store.object(model::ObjectKind::api_key, key->key.id.value);
  if (found && !*found) co_return;
  Result<> done;
  if (!found) {
    done = fail(found.error());
  } else if (auto stored = model::api_key_from(**found)) {
    stored->last_used_at = now;
    store::ObjectWrite write;
    write.action = store::ObjectWrite::Action::replace;
    write.object = model::to_object(*stored);
    write.expected_version = stored->version;
    store::Batch batch;
    batch.objects.push_back(std::move(write));
    auto applied = co_await context.ports.store.apply(std::move(batch));
    done = applied ? context.directory.upsert(applied->objects.front())
                   : Result<>(fail(std::move(applied).error()));
  } else {
    done = fail(stored.error());
  }
  if (!done)
    context.ports.log.warning("api.last_used_not_kept",
                              {{"key", key->key.id.text()}, {"error", done.error().what}});
}

}  // namespace posthorn::api

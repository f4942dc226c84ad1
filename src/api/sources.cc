#include <fmt/format.h>

#include "api/documents.h"
#include "api/handlers.h"
#include "api/try.h"
#include "env/slug.h"
#include "ingest/source.h"
#include "ingest/source_index.h"
#include "model/document.h"

namespace posthorn::api {

namespace {

json::object provider_shape(const providers::Provider& provider) {
  json::array fields, samples;
  for (const auto& field : provider.fields) {
    if (field.for_cases_only) continue;
    json::array choices;
    for (const auto choice : field.choices) choices.emplace_back(choice);
    fields.push_back({{"name", field.name},
                      {"plural", model::text_or_null(field.plural)},
                      {"kind", providers::to_string(field.kind)},
                      {"required", field.required},
                      {"help", field.help},
                      {"default", model::text_or_null(field.fallback)},
                      {"choices", std::move(choices)}});
  }
  for (const auto sample : provider.samples) samples.emplace_back(sample);
  return {{"object", "provider"},
          {"name", provider.name},
          {"title", provider.title},
          {"carries", provider.carries},
          {"verifies", !provider.unverified},
          {"signs_url", provider.signs_url},
          {"body_bytes_max", provider.body_bytes_max},
          {"fields", std::move(fields)},
          {"samples", std::move(samples)}};
}

/// Without `waiting`, which the store must be asked for.
json::object activity_shape(const Context& context, SourceId id) {
  json::object shown{{"received", 0},
                     {"duplicates", 0},
                     {"refused", 0},
                     {"refused_not_kept", 0},
                     {"last_received_at", nullptr},
                     {"waiting", nullptr}};
  const auto live = context.ports.sources.by_id(id);
  if (!live) return shown;
  const auto& activity = *live->activity;
  shown["received"] = activity.received.load();
  shown["duplicates"] = activity.duplicates.load();
  shown["refused"] = activity.refused.load();
  shown["refused_not_kept"] = activity.refused_unkept.load();
  if (const auto last = activity.last_received_ms.load(); last != 0)
    shown["last_received_at"] = to_rfc3339(Instant{last});
  return shown;
}

json::object shape(const Context& context, const ingest::Source& source, Instant now) {
  auto shown = ingest::to_api(source, context.config.public_url, now);
  shown["activity"] = activity_shape(context, source.id);
  shown["polling"] = context.ports.polling ? context.ports.polling(source.id) : json::value();
  return shown;
}

/// What the store knows and this process may not: what waits, and what came before it started.
task<Result<>> add_stored_activity(Context& context, SourceId id, json::object& activity) {
  constexpr int waiting_max = 1000;
  constexpr Instant ever{INT64_MAX};
  PH_CO_TRY(const auto waiting,
            co_await context.ports.store.requests_due(id, std::nullopt, ever, waiting_max));
  activity["waiting"] = waiting.size();
  if (!activity["last_received_at"].is_null()) co_return Result<>{};
  using model::RequestState;
  store::RequestFilter verified;
  verified.source = id;
  verified.states = {RequestState::received, RequestState::processed, RequestState::duplicate,
                     RequestState::unparsed, RequestState::invalid,   RequestState::parked};
  const store::Page newest{.after = 0, .limit = 1, .oldest_first = false};
  PH_CO_TRY(const auto found,
            co_await context.ports.store.list_requests(std::move(verified), newest));
  if (!found.rows.empty())
    activity["last_received_at"] = to_rfc3339(found.rows.front().received_at);
  co_return Result<>{};
}

/// The caller's source that the path names, as it is stored.
struct StoredSource {
  model::Object object;
  ingest::Source source;
};
task<std::expected<StoredSource, Problem>> stored_source(Context& context, const Call& call) {
  const auto id = call.id<SourceId>();
  if (!id) co_return std::unexpected(not_found("source"));
  auto object = co_await context.own_object(call, model::ObjectKind::source, id->value, "source");
  if (!object) co_return std::unexpected(object.error());
  auto source = ingest::source_from(*object, context.ports.vault);
  if (!source) co_return std::unexpected(problem_of(source.error()));
  co_return StoredSource{*std::move(object), *std::move(source)};
}

task<Answer> save_changed(Context& context, Call& call, const StoredSource& before,
                          ingest::Source changed) {
  changed.updated_at = call.now;
  changed.version = before.object.version + 1;
  auto object = ingest::to_object(changed, context.ports.vault);
  auto shown = shape(context, changed, call.now);
  const auto id_text = changed.id.text();
  co_return co_await save(context, call, std::move(object), before.object, id_text,
                          std::move(shown));
}

}  // namespace

task<Answer> list_providers(Context&, Call&) {
  ListText list;
  for (const auto* provider : providers::registry()) list.add(provider_shape(*provider));
  co_return std::move(list).finish(std::nullopt);
}

task<Answer> get_provider(Context&, Call& call) {
  const auto* provider = providers::find_provider(call.path.front());
  if (provider == nullptr) co_return not_found("provider");
  co_return json_response(200, provider_shape(*provider));
}

task<Answer> list_sources(Context& context, Call& call) {
  const auto page = context.page_of(call);
  if (!page) co_return page.error();
  store::ObjectFilter filter;
  filter.workspace = call.workspace();
  const auto provider = call.query.text("provider");
  const auto paused = call.query.text("paused");
  const auto wanted = [&](const model::Object& object) {
    const auto live = context.ports.sources.by_id(SourceId{object.id});
    if (!live) return false;  // It was deleted while the list was read.
    return (!provider || live->source.provider->name == *provider) &&
           (!paused || live->source.paused == (*paused == "true"));
  };
  PH_CO_TRY(const auto found, co_await gather<model::Object>(
                                  [&](store::Page part) {
                                    return context.ports.store.list_objects(
                                        model::ObjectKind::source, filter, part);
                                  },
                                  *page, wanted));
  ListText list;
  for (const auto& object : found.rows) {
    PH_CO_TRY(const auto source, ingest::source_from(object, context.ports.vault));
    list.add(shape(context, source, call.now));
  }
  co_return std::move(list).finish(context.next_cursor(call, found.next));
}

task<Answer> create_source(Context& context, Call& call) {
  model::Faults faults;
  ingest::Source base;
  base.workspace = call.workspace();
  auto read = ingest::read_source(call.body, faults, std::move(base));
  const auto application =
      context.directory.application(call.workspace(), read.application.value_or("default"));
  if (!application)
    faults.add("/application", "not_found", "names no application of this workspace");
  if (!faults.empty()) co_return Answer(faults);
  if (context.ports.sources.count(call.workspace()) >= ingest::sources_max)
    co_return conflict(
        "too_many_sources",
        fmt::format("a workspace may have {} sources; delete one", ingest::sources_max));
  auto& source = read.source;
  PH_CO_TRY(const auto id, co_await context.object_ids.next());
  source.id = SourceId{id};
  source.slug = env::make_slug(context.ports.random);
  source.application = application->id;
  source.created_at = source.updated_at = call.now;
  source.version = 1;
  auto object = ingest::to_object(source, context.ports.vault);
  auto shown = shape(context, source, call.now);
  const auto id_text = source.id.text();
  co_return co_await save(context, call, std::move(object), std::nullopt, id_text,
                          std::move(shown));
}

task<Answer> get_source(Context& context, Call& call) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  auto shown = shape(context, stored->source, call.now);
  PH_CO_TRY_VOID(
      co_await add_stored_activity(context, stored->source.id, shown["activity"].as_object()));
  co_return json_response(200, shown, stored->object.version);
}

task<Answer> update_source(Context& context, Call& call) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->object.version)) co_return *std::move(mismatch);
  model::Faults faults;
  auto read = ingest::read_source(call.body, faults, stored->source);
  if (!faults.empty()) co_return Answer(faults);
  ingest::remember_replaced(read.source, stored->source.config, call.now);
  co_return co_await save_changed(context, call, *stored, std::move(read.source));
}

task<Answer> delete_source(Context& context, Call& call) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  if (auto mismatch = call.mismatch(stored->object.version)) co_return *std::move(mismatch);
  co_return co_await take_away(context, call, stored->object, stored->source.id.text());
}

namespace {

task<Answer> set_paused(Context& context, Call& call, bool paused) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  auto changed = stored->source;
  changed.paused = paused;
  co_return co_await save_changed(context, call, *stored, std::move(changed));
}

}  // namespace

task<Answer> pause_source(Context& context, Call& call) { return set_paused(context, call, true); }
task<Answer> resume_source(Context& context, Call& call) {
  return set_paused(context, call, false);
}

task<Answer> rotate_source_secret(Context& context, Call& call) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  model::Faults faults;
  auto rotation = ingest::read_rotation(call.body, faults, stored->source);
  if (!faults.empty()) co_return Answer(faults);
  auto changed = stored->source;
  ingest::rotate(changed, std::move(rotation), call.now);
  co_return co_await save_changed(context, call, *stored, std::move(changed));
}

task<Answer> source_instructions(Context& context, Call& call) {
  const auto stored = co_await stored_source(context, call);
  if (!stored) co_return stored.error();
  co_return json_response(
      200,
      json::object{{"object", "instructions"},
                   {"source_id", stored->source.id.text()},
                   {"provider", stored->source.provider->name},
                   {"ingest_url", ingest::ingest_url(stored->source, context.config.public_url)},
                   {"markdown", ingest::instructions(stored->source, context.config.public_url)}});
}

}  // namespace posthorn::api

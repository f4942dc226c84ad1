#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "egress/policy.h"
#include "ingest/poll_settings.h"
#include "ingest/source.h"
#include "model/document.h"
#include "model/members.h"
#include "model/schema.h"
#include "text/json.h"
#include "text/url.h"

namespace posthorn::ingest {
namespace {

std::string place_of(const Source& source) {
  return fmt::format("source:{}:{}:config", source.workspace.value, source.slug);
}

/// A base URL without path, query and a slash at its end.
std::string public_url_fault(std::string_view given) {
  std::string_view text = given;
  const auto url = text::parse_url(text);
  if (!url) return url.error().what;
  if (text.ends_with('/'))
    return "takes a base URL without a slash at its end, such as https://hooks.example.com";
  if (text.find_first_of("?#") != text.npos) return "takes no query and no fragment";
  return {};
}

void read_provider(model::Members& members, Source& source) {
  const bool is_new = !source.id;
  const auto name = members.text("provider", {.min = 1, .max = 64});
  if (is_new) members.require("provider");
  if (!name) return;
  const auto* provider = providers::find_provider(*name);
  if (!is_new) {
    if (provider != source.provider)
      members.add("provider", "read_only", "cannot be changed: create a source of that provider");
    return;
  }
  if (provider == nullptr) {
    std::vector<std::string_view> names;
    for (const auto* one : providers::registry()) names.push_back(one->name);
    static_cast<void>(members.choice("provider", names));
  }
  source.provider = provider;
}

void read_config(model::Members& members, Source& source, model::Faults& faults) {
  const auto* given = members.object("config");
  if (source.provider == nullptr) return;
  if (given != nullptr)
    for (const auto& member : *given) {
      if (member.value().is_null())
        source.config.erase(member.key());
      else
        source.config[member.key()] = member.value();
    }
  if (given == nullptr && source.id) return;
  static_cast<void>(providers::read_settings(*source.provider, source.config, faults, "/config"));
}

}  // namespace

SourceInput read_source(const json::object& input, model::Faults& faults, Source base) {
  SourceInput read{std::move(base), std::nullopt};
  Source& source = read.source;
  model::Members members(input, faults);
  read_provider(members, source);
  if (!source.id) members.require("name");
  if (auto name = members.text("name", {.min = 1, .max = 128})) source.name = *std::move(name);
  if (auto text = members.text("description", {.min = 0, .max = 1024}))
    source.description = *std::move(text);
  read_config(members, source, faults);
  if (source.id)
    members.refuse_read_only({"application"});
  else if (auto application = members.text("application", {.min = 1, .max = 128}))
    read.application = *std::move(application);
  if (members.is_null("public_url")) {
    source.public_url.clear();
  } else if (auto url = members.text("public_url", {.min = 1, .max = 512})) {
    if (auto fault = public_url_fault(*url); !fault.empty())
      members.add("public_url", "format", std::move(fault));
    source.public_url = *std::move(url);
  }
  if (const auto paused = members.boolean("paused")) source.paused = *paused;
  if (members.is_null("schema")) {
    source.schema.clear();
  } else if (const auto* schema = members.find("schema")) {
    static_cast<void>(model::Schema::read(*schema, faults, members.pointer("schema")));
    source.schema = json::serialize(*schema);
  }
  if (members.is_null("key")) {
    source.key.clear();
  } else if (auto key = members.text("key", {.min = 1, .max = 256})) {
    if (!key->starts_with('/'))
      members.add("key", "format",
                  "takes a JSON pointer into an event's data, such as \"/object_id\"");
    source.key = *std::move(key);
  }
  if (const auto include = members.boolean("include_payload")) source.include_payload = *include;
  if (const auto rate = members.integer("rate_per_minute", 0, 10'000'000))
    source.rate_per_minute = static_cast<int>(*rate);
  if (members.is_null("silent_after_seconds"))
    source.silent_after = Millis{0};
  else if (const auto seconds = members.integer("silent_after_seconds", 60, 366LL * 86'400))
    source.silent_after = Millis{*seconds * 1000};
  read_poll(members, source);
  source.metadata = model::read_metadata(members, std::move(source.metadata));
  members.refuse_read_only({"id", "slug", "ingest_url", "created_at", "updated_at", "version"});
  members.refuse_unknown();
  return read;
}

model::Object to_object(const Source& source, const crypto::Vault& vault) {
  json::array previous;
  for (const auto& one : source.previous)
    previous.push_back({{"field", one.field}, {"value", one.value}, {"until", one.until.unix_ms}});
  const std::string secrets = json::serialize(json::object{
      {"config", source.config}, {"previous", std::move(previous)}, {"poll", source.poll}});
  json::object document{
      {"provider", source.provider->name},
      {"name", source.name},
      {"description", source.description},
      {"sealed", vault.seal(secrets, place_of(source))},
      {"public_url", source.public_url},
      {"paused", source.paused},
      {"schema", source.schema},
      {"key", source.key},
      {"include_payload", source.include_payload},
      {"rate_per_minute", source.rate_per_minute},
      {"silent_after_ms", source.silent_after.count()},
      {"metadata", source.metadata},
  };
  model::Object object = model::object_with(model::ObjectKind::source, source);
  object.workspace = source.workspace;
  object.parent = source.application.value;
  object.name = source.slug;
  object.document = json::serialize(document);
  return object;
}

Result<Source> source_from(const model::Object& object, const crypto::Vault& vault) {
  PH_TRY(const json::object stored, model::parse_document(object, model::ObjectKind::source));
  model::Faults faults;
  model::Members document(stored, faults);
  Source source = model::read_from<Source>(object);
  source.workspace = object.workspace;
  source.application = ApplicationId{object.parent};
  source.slug = object.name;
  const auto provider = document.text("provider", {.min = 1, .max = 64}).value_or("");
  source.provider = providers::find_provider(provider);
  if (source.provider == nullptr)
    return fail(Errc::unsupported, source.id.text() + " is of the provider \"" + provider +
                                       "\", which this program does not know");
  source.name = document.text("name", {.min = 0, .max = 1024}).value_or("");
  source.description = document.text("description", {.min = 0, .max = 64 * 1024}).value_or("");
  source.public_url = document.text("public_url", {.min = 0, .max = 8192}).value_or("");
  source.paused = document.boolean("paused").value_or(false);
  source.schema = document.text("schema", {.min = 0, .max = 1 << 20}).value_or("");
  source.key = document.text("key", {.min = 0, .max = 1024}).value_or("");
  source.include_payload = document.boolean("include_payload").value_or(true);
  source.rate_per_minute =
      static_cast<int>(document.integer("rate_per_minute", 0, 1'000'000'000).value_or(0));
  source.silent_after = Millis{document.integer("silent_after_ms", 0, INT64_MAX).value_or(0)};
  source.metadata = model::stored_json(document, "metadata", "{}");
  PH_TRY(const auto secrets,
         vault.open(document.text("sealed", {.min = 1, .max = 4 << 20}).value_or(""),
                    place_of(source)));
  PH_TRY(const auto parsed, text::parse_json(secrets));
  const auto* opened = parsed.if_object();
  if (opened == nullptr) return fail(Errc::corrupt, source.id.text() + ": its config is no object");
  model::Members members(*opened, faults);
  if (const auto* config = members.object("config")) source.config = *config;
  if (const auto* poll = members.object("poll")) source.poll = *poll;
  if (const auto* previous = members.array("previous"))
    for (const auto& entry : *previous) {
      const auto* one = entry.if_object();
      if (one == nullptr) continue;
      model::Members parts(*one, faults);
      const auto* value = parts.find("value");
      source.previous.push_back({parts.text("field", {.min = 1, .max = 64}).value_or(""),
                                 value ? *value : json::value(),
                                 Instant{parts.integer("until", 0, INT64_MAX).value_or(0)}});
    }
  if (auto read = model::document_result(object, faults); !read)
    return fail(std::move(read).error());
  return source;
}

json::object to_api(const Source& source, std::string_view installation_url, Instant now) {
  json::array previous;
  for (const auto& one : source.previous)
    if (one.until > now)
      previous.push_back({{"field", one.field}, {"expires_at", to_rfc3339(one.until)}});
  json::object shown{
      {"id", source.id.text()},
      {"object", "source"},
      {"provider", source.provider->name},
      {"name", source.name},
      {"description", source.description},
      {"ingest_url", ingest_url(source, installation_url)},
      {"application_id", source.application.text()},
      {"config", providers::masked(source.provider->fields, source.config)},
      {"previous_secrets", std::move(previous)},
      {"public_url", model::text_or_null(source.public_url)},
      {"paused", source.paused},
      {"schema", source.schema.empty() ? json::value(nullptr) : model::shown_json(source.schema)},
      {"key", model::text_or_null(source.key)},
      {"include_payload", source.include_payload},
      {"rate_per_minute", source.rate_per_minute},
      {"silent_after_seconds", source.silent_after == Millis{0}
                                   ? json::value(nullptr)
                                   : json::value(source.silent_after.count() / 1000)},
      {"verifies", !source.provider->unverified},
      {"metadata", model::shown_json(source.metadata)},
  };
  shown["poll"] = shown_poll(source);
  model::add_times(shown, source);
  return shown;
}

}  // namespace posthorn::ingest

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include "base/bytes.h"
#include "model/document.h"
#include "model/endpoint_json.h"
#include "model/names.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

/// Seals and opens the fields of one endpoint, each for its own place. The id cannot be part of the
/// place: the store gives it when the document is already written.
class Seals {
 public:
  Seals(const crypto::Vault& vault, WorkspaceId workspace, Instant created_at)
      : vault_(vault), place_(fmt::format("endpoint:{}:{}", workspace.value, created_at.unix_ms)) {}

  [[nodiscard]] json::string seal(std::string_view field, std::string_view plain) const {
    return text_of(vault_.seal(plain, place_ + ":" + std::string(field)));
  }
  /// The plain text; a fault and nothing when it does not open.
  [[nodiscard]] std::string open(Members& members, std::string_view name,
                                 std::string_view field) const {
    const auto sealed = members.text(name, {.min = 1, .max = 64 * 1024});
    if (!sealed) {
      members.require(name);
      return "";
    }
    auto plain = vault_.open(*sealed, place_ + ":" + std::string(field));
    if (plain) return *std::move(plain);
    members.add(name, "sealed", plain.error().what);
    return "";
  }

 private:
  const crypto::Vault& vault_;
  std::string place_;
};

std::string field_of(std::string_view name, std::size_t index) {
  return fmt::format("{}.{}", name, index);
}

json::object stored_secret(const EndpointSecret& secret, json::string sealed) {
  return {{"sealed", std::move(sealed)},
          {"created_at", secret.created_at.unix_ms},
          {"promote_at", stored(secret.promote_at)},
          {"expires_at", stored(secret.expires_at)}};
}

void read_secrets(Members& document, const Seals& seals, Endpoint& endpoint) {
  const json::array* list = document.array("secrets");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::object* entry = (*list)[i].if_object();
    if (entry == nullptr) {
      document.add("secrets", "type", "has an entry that is no object");
      continue;
    }
    Members members(*entry, document.faults(), document.pointer("secrets"));
    EndpointSecret secret;
    secret.text = Secret(seals.open(members, "sealed", field_of("secret", i)));
    secret.created_at = stored_time(members, "created_at").value_or(endpoint.created_at);
    secret.promote_at = stored_time(members, "promote_at");
    secret.expires_at = stored_time(members, "expires_at");
    endpoint.secrets.push_back(std::move(secret));
  }
}

void read_headers(Members& document, const Seals& seals, Endpoint& endpoint) {
  const json::array* list = document.array("headers");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::object* entry = (*list)[i].if_object();
    if (entry == nullptr) {
      document.add("headers", "type", "has an entry that is no object");
      continue;
    }
    Members members(*entry, document.faults(), document.pointer("headers"));
    const auto name = members.text("name", {.min = 1, .max = 16 * 1024});
    members.require("name");
    endpoint.headers.push_back(
        {name.value_or(""), seals.open(members, "sealed", field_of("header", i))});
  }
}

void read_key_pair(Members& document, const Seals& seals, Endpoint& endpoint) {
  if (document.is_null("key_pair")) return;
  const json::object* entry = document.object("key_pair");
  if (entry == nullptr) return;
  Members members(*entry, document.faults(), document.pointer("key_pair"));
  SigningKeyPair pair{Secret(seals.open(members, "sealed", "key_pair")), ""};
  const auto text = members.text("public_key", {.min = 44, .max = 44});
  const auto bytes = text ? from_base64(*text) : std::nullopt;
  if (!bytes || bytes->size() != 32 || pair.seed.reveal().size() != 32)
    members.add("public_key", "format", "the key pair is not of 32 bytes each");
  else
    pair.public_key = *bytes;
  endpoint.key_pair = std::move(pair);
}

void read_retry(Members& document, Endpoint& endpoint) {
  const json::object* retry = document.object("retry");
  if (retry == nullptr) return;
  Members members(*retry, document.faults(), document.pointer("retry"));
  endpoint.retry.profile = members.text("profile", {.min = 1, .max = 32}).value_or("custom");
  endpoint.retry.steps.clear();
  const json::array* steps = members.array("steps_ms");
  for (std::size_t i = 0; steps != nullptr && i < steps->size(); ++i) {
    const std::int64_t* step = (*steps)[i].if_int64();
    if (step == nullptr || *step < 0 || *step > retry_step_max.count() || i >= retry_steps_max)
      return members.add("steps_ms", "out_of_range", "is no list of waits");
    endpoint.retry.steps.emplace_back(*step);
  }
}

template <class Table, class Value>
void read_name(Members& document, std::string_view name, const Table& table, Value& value) {
  if (const auto given = document.one_of(name, table)) value = *given;
}

}  // namespace

std::string to_document(const Endpoint& endpoint, const crypto::Vault& vault) {
  const Seals seals(vault, endpoint.workspace, endpoint.created_at);
  json::array secrets, headers, steps;
  for (std::size_t i = 0; i < endpoint.secrets.size(); ++i)
    secrets.push_back(stored_secret(
        endpoint.secrets[i], seals.seal(field_of("secret", i), endpoint.secrets[i].text.reveal())));
  for (std::size_t i = 0; i < endpoint.headers.size(); ++i)
    headers.push_back(
        json::object{{"name", endpoint.headers[i].name},
                     {"sealed", seals.seal(field_of("header", i), endpoint.headers[i].value)}});
  for (const Millis step : endpoint.retry.steps) steps.emplace_back(step.count());

  json::object document;
  document["url"] = endpoint.url;
  document["description"] = endpoint.description;
  document["event_types"] = shown_list(endpoint.event_types);
  document["channels"] = shown_list(endpoint.channels);
  document["filter"] = endpoint.filter;
  document["secrets"] = std::move(secrets);
  document["key_pair"] = nullptr;
  if (endpoint.key_pair)
    document["key_pair"] =
        json::object{{"sealed", seals.seal("key_pair", endpoint.key_pair->seed.reveal())},
                     {"public_key", to_base64(endpoint.key_pair->public_key)}};
  document["headers"] = std::move(headers);
  document["retry"] =
      json::object{{"profile", endpoint.retry.profile}, {"steps_ms", std::move(steps)}};
  document["timeout_ms"] = endpoint.timeout.count();
  document["format"] = text_of(to_string(endpoint.format));
  document["ordering"] = text_of(to_string(endpoint.ordering));
  document["on_exhausted"] = text_of(to_string(endpoint.on_exhausted));
  document["probing"] = endpoint.probing;
  document["concurrency"] = endpoint.concurrency_max;
  document["rate_limit"] =
      endpoint.rate_per_second ? json::value(*endpoint.rate_per_second) : json::value(nullptr);
  document["disable_after"] = endpoint.disable_after;
  document["disable_min_span_ms"] = endpoint.disable_min_span.count();
  document["enabled"] = endpoint.enabled;
  document["disabled_reason"] = text_of(to_string(endpoint.disabled_reason));
  document["disabled_at"] = stored(endpoint.disabled_at);
  document["metadata"] = endpoint.metadata;
  // The seals are bound to this moment, which the store may not keep to the millisecond.
  document["created_at"] = endpoint.created_at.unix_ms;
  return json::serialize(document);
}

Object to_object(const Endpoint& endpoint, const crypto::Vault& vault) {
  Object object = object_with(ObjectKind::endpoint, endpoint);
  object.workspace = endpoint.workspace;
  object.parent = endpoint.application.value;
  object.document = to_document(endpoint, vault);
  return object;
}

Result<Endpoint> endpoint_from(const Object& object, const crypto::Vault& vault) {
  PH_TRY(const json::object stored_members, parse_document(object, ObjectKind::endpoint));
  Faults faults;
  Members document(stored_members, faults);
  Endpoint endpoint;
  endpoint.id = EndpointId{object.id};
  endpoint.workspace = object.workspace;
  endpoint.application = ApplicationId{object.parent};
  endpoint.version = object.version;
  endpoint.updated_at = object.updated_at;
  endpoint.created_at = stored_time(document, "created_at").value_or(object.created_at);
  const Seals seals(vault, endpoint.workspace, endpoint.created_at);

  document.require("url");
  endpoint.url = document.text("url", {.min = 1, .max = 8192}).value_or("");
  endpoint.description = document.text("description", {.min = 0, .max = 64 * 1024}).value_or("");
  endpoint.event_types = stored_list(document, "event_types", {"*"});
  endpoint.channels = stored_list(document, "channels", {});
  endpoint.filter = stored_json(document, "filter", "");
  read_secrets(document, seals, endpoint);
  read_key_pair(document, seals, endpoint);
  read_headers(document, seals, endpoint);
  read_retry(document, endpoint);
  endpoint.timeout = Millis{document.integer("timeout_ms", 1, 600'000).value_or(10'000)};
  read_name(document, "format", payload_formats, endpoint.format);
  read_name(document, "ordering", orderings, endpoint.ordering);
  read_name(document, "on_exhausted", exhausted_actions, endpoint.on_exhausted);
  endpoint.probing = document.boolean("probing").value_or(true);
  endpoint.concurrency_max =
      static_cast<int>(document.integer("concurrency", 1, 100'000).value_or(32));
  if (!document.is_null("rate_limit"))
    endpoint.rate_per_second = document.number("rate_limit", 0, 1e9);
  endpoint.disable_after =
      static_cast<int>(document.integer("disable_after", 0, 1'000'000).value_or(10));
  endpoint.disable_min_span =
      Millis{document.integer("disable_min_span_ms", 0, INT64_MAX).value_or(0)};
  endpoint.enabled = document.boolean("enabled").value_or(true);
  read_name(document, "disabled_reason", disabled_reasons, endpoint.disabled_reason);
  endpoint.disabled_at = stored_time(document, "disabled_at");
  endpoint.metadata = stored_json(document, "metadata", "{}");
  if (auto read = document_result(object, faults); !read) return fail(std::move(read).error());
  return endpoint;
}

}  // namespace posthorn::model

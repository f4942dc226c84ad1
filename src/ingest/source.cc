#include "ingest/source.h"

#include <algorithm>

#include "model/members.h"

namespace posthorn::ingest {
namespace {

using providers::Field;
using providers::FieldKind;

bool is_secret(const Field& field) {
  return field.kind == FieldKind::secret || field.kind == FieldKind::credentials ||
         field.kind == FieldKind::public_key;
}

const Field* field_named(const Source& source, std::string_view name) {
  const auto& fields = source.provider->fields;
  const auto found = std::ranges::find_if(fields, [name](const Field& field) {
    return field.name == name || (!field.plural.empty() && field.plural == name);
  });
  return found == fields.end() ? nullptr : &*found;
}

/// The values of a field under its singular or plural name, newest first.
json::array values_of(const json::object& config, const Field& field) {
  for (const auto name : {field.name, field.plural}) {
    const auto* value = name.empty() ? nullptr : config.if_contains(name);
    if (value == nullptr || value->is_null()) continue;
    if (value->is_array()) return value->get_array();
    return {*value};
  }
  return {};
}

void erase_field(json::object& config, const Field& field) {
  config.erase(field.name);
  if (!field.plural.empty()) config.erase(field.plural);
}

void forget_old(Source& source, Instant now) {
  auto& previous = source.previous;
  std::erase_if(previous,
                [now](const PreviousSecret& one) { return one.until + replaced_kept <= now; });
  if (previous.size() <= replaced_max) return;
  std::ranges::sort(previous, std::ranges::greater{}, &PreviousSecret::until);
  previous.resize(replaced_max);
}

}  // namespace

json::object live_config(const Source& source, Instant now) {
  json::object config = source.config;
  for (const auto& previous : source.previous) {
    if (previous.until <= now) continue;
    const Field* field = field_named(source, previous.field);
    if (field == nullptr) continue;
    auto values = values_of(config, *field);
    values.push_back(previous.value);
    erase_field(config, *field);
    config[field->name] = std::move(values);
  }
  return config;
}

std::optional<Instant> next_expiry(const Source& source, Instant now) {
  std::optional<Instant> next;
  for (const auto& previous : source.previous)
    if (previous.until > now && (!next || previous.until < *next)) next = previous.until;
  return next;
}

std::string ingest_url(const Source& source, std::string_view installation_url) {
  return std::string(source.public_url.empty() ? installation_url
                                               : std::string_view(source.public_url)) +
         "/in/" + source.slug;
}

std::string instructions(const Source& source, std::string_view installation_url) {
  std::string text(source.provider->instructions);
  const auto put = [&text](std::string_view name, std::string_view value) {
    const std::string mark = "{" + std::string(name) + "}";
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  };
  for (const auto& field : source.provider->fields) {
    const bool shown = field.kind != FieldKind::secret && field.kind != FieldKind::credentials;
    const auto values = values_of(source.config, field);
    if ((shown || field.name == "verify_token") && !values.empty() && values.front().is_string())
      put(field.name, std::string_view(values.front().get_string()));
  }
  put("url", ingest_url(source, installation_url));
  return text;
}

void rotate(Source& source, SourceRotation rotation, Instant now) {
  const Field* field = field_named(source, rotation.field);
  const Instant until = now + rotation.overlap;
  for (auto& one : source.previous)
    if (one.field == field->name && one.until > until) one.until = until;
  for (auto& value : values_of(source.config, *field))
    source.previous.push_back({std::string(field->name), std::move(value), until});
  forget_old(source, now);
  erase_field(source.config, *field);
  source.config[field->name] = std::move(rotation.value);
}

void remember_replaced(Source& source, const json::object& before, Instant now) {
  for (const auto& field : source.provider->fields) {
    if (!is_secret(field)) continue;
    const auto current = values_of(source.config, field);
    for (auto& value : values_of(before, field))
      if (std::ranges::find(current, value) == current.end())
        source.previous.push_back({std::string(field.name), std::move(value), now});
  }
  forget_old(source, now);
}

SourceRotation read_rotation(const json::object& input, model::Faults& faults,
                             const Source& source) {
  SourceRotation rotation;
  model::Members members(input, faults);
  std::vector<std::string_view> secrets;
  for (const auto& field : source.provider->fields)
    if (is_secret(field) && !field.for_cases_only) secrets.push_back(field.name);
  const Field* field = nullptr;
  if (const auto name = members.text("field", {.min = 1, .max = 64})) {
    field = field_named(source, *name);
    if (field == nullptr || !is_secret(*field)) {
      field = nullptr;
      std::string known;
      for (const auto one : secrets) known += (known.empty() ? "" : ", ") + std::string(one);
      members.add("field", "not_allowed",
                  known.empty() ? "this provider has no secret" : "takes one of " + known);
    }
  } else if (secrets.size() == 1) {
    field = field_named(source, secrets.front());
  } else if (input.if_contains("field") == nullptr) {
    members.add("field", "required", "is missing: this provider has several secrets");
  }
  members.require("value");
  if (const auto* value = members.find("value"); value != nullptr && field != nullptr) {
    json::object probe;
    probe[field->name] = *value;
    model::Faults wrong;
    static_cast<void>(providers::Settings::read(std::span(field, 1), probe, wrong));
    for (const auto& fault : wrong.all()) members.add("value", fault.code, fault.detail);
    rotation.field = field->name;
    rotation.value = *value;
  }
  if (const auto seconds = members.integer("overlap_seconds", 0, overlap_max.count() / 1000))
    rotation.overlap = Millis{*seconds * 1000};
  members.refuse_unknown();
  return rotation;
}

}  // namespace posthorn::ingest

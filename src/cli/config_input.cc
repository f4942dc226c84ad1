#include "cli/config_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "cli/command_line.h"
#include "text/json.h"
#include "text/nearest.h"

namespace posthorn::cli {

namespace {

using providers::Field;
using providers::FieldKind;

/// Without the line end that editors and `echo` put behind a secret.
std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

bool is_from_elsewhere(const std::string& given) { return given == "-" || given.starts_with('@'); }

std::string secret_text(const std::string& given, std::string_view how) {
  if (!is_from_elsewhere(given))
    throw CallFailed{
        usage, fmt::format("it is a secret, and others can see arguments: give {}", how), nullptr};
  return without_line_end(text_argument(given));
}

json::value credentials(const std::string& given) {
  const auto colon = given.find(':');
  if (is_from_elsewhere(given) || colon == std::string::npos)
    throw CallFailed{usage, "takes user:@file or user:- (the file has the password)", nullptr};
  const auto password = secret_text(given.substr(colon + 1), "user:@file or user:-");
  return json::object{{"username", given.substr(0, colon)}, {"password", password}};
}

json::value whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw CallFailed{usage, fmt::format("takes a whole number, not {}", text), nullptr};
  return number;
}

json::value truth(const std::string& text) {
  if (text == "true" || text == "yes") return true;
  if (text == "false" || text == "no") return false;
  throw CallFailed{usage, fmt::format("takes true or false, not {}", text), nullptr};
}

const Field* field_named(std::span<const Field> fields, std::string_view name) {
  const auto found = std::ranges::find_if(fields, [name](const Field& field) {
    return field.name == name || (!field.plural.empty() && field.plural == name);
  });
  return found == fields.end() ? nullptr : &*found;
}

/// A name that comes again makes a list, and pairs of a map come together.
void put(json::object& config, const std::string& name, json::value value) {
  auto& place = config[name];
  if (place.is_null()) {
    place = std::move(value);
  } else if (place.is_object() && value.is_object() && !place.get_object().contains("password")) {
    for (auto& [key, inner] : value.get_object()) place.get_object()[key] = inner;
  } else if (place.is_array()) {
    place.get_array().push_back(std::move(value));
  } else {
    json::array list{std::move(place), std::move(value)};
    place = std::move(list);
  }
}

json::object config_document(const std::string& given) {
  if (given.empty()) return {};
  auto parsed = text::parse_json(text_argument(given));
  if (!parsed) throw CallFailed{usage, "--config is not JSON: " + parsed.error().what, nullptr};
  if (!parsed->is_object()) throw CallFailed{usage, "--config takes a JSON object", nullptr};
  return std::move(parsed->as_object());
}

std::string joined(const model::Faults& faults) {
  std::string lines;
  for (const auto& fault : faults.all())
    lines += fmt::format("\n  {}: {}", fault.pointer, printable(fault.detail));
  return lines;
}

}  // namespace

void add_config_options(CLI::App& command, ConfigInput& input, bool with_unset) {
  // One value for each --set: what follows it is the command's own argument.
  command
      .add_option("--set", input.set,
                  "NAME=VALUE, a setting of the provider (repeatable; posthorn providers get NAME "
                  "lists them). Of a secret: NAME=@file or NAME=-")
      ->allow_extra_args(false);
  command.add_option("--config", input.config, "All settings as JSON: @file or -");
  if (!with_unset) return;
  command.add_option("--unset", input.unset, "NAME: the setting goes (repeatable)")
      ->allow_extra_args(false);
}

json::value read_field_value(const Field& field, const std::string& given) {
  switch (field.kind) {
    case FieldKind::secret:
      return json::value(secret_text(given, "@file, or - for standard input"));
    case FieldKind::credentials:
      return credentials(given);
    case FieldKind::integer:
      return whole_number(given);
    case FieldKind::boolean:
      return truth(given);
    case FieldKind::map: {
      const auto equals = given.find('=');
      if (equals == std::string::npos)
        throw CallFailed{usage, "takes KEY=VALUE or KEY=@file", nullptr};
      return json::object{
          {given.substr(0, equals), without_line_end(text_argument(given.substr(equals + 1)))}};
    }
    case FieldKind::public_key:
    case FieldKind::text:
    case FieldKind::texts:
    case FieldKind::choice:
      break;
  }
  return json::value(without_line_end(text_argument(given)));
}

json::object read_config(const ConfigInput& input, std::span<const Field> fields,
                         std::string_view option) {
  auto config = config_document(input.config);
  json::object given;
  std::string faults;
  for (const auto& setting : input.set) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      faults += fmt::format("\n  {} {}: takes NAME=VALUE", option, printable(setting));
      continue;
    }
    const auto name = setting.substr(0, equals);
    const auto value = setting.substr(equals + 1);
    const Field* field = field_named(fields, name);
    try {
      put(given, name,
          field != nullptr ? read_field_value(*field, value)
                           : json::value(without_line_end(text_argument(value))));
    } catch (const CallFailed& failure) {
      faults += fmt::format("\n  {} {}: {}", option, name, failure.message);
    }
  }
  if (!faults.empty()) throw CallFailed{usage, "the settings cannot be read:" + faults, nullptr};
  for (auto& [name, value] : given) config[name] = value;
  for (const auto& name : input.unset) config[name] = nullptr;
  return config;
}

providers::Settings read_settings(const json::object& config, const providers::Provider& provider,
                                  bool in_cases) {
  model::Faults faults;
  auto settings = providers::read_settings(provider, config, faults, "", in_cases);
  if (!faults.empty())
    throw CallFailed{usage,
                     fmt::format("these settings of {} cannot be used:{}\nThey are:\n{}",
                                 provider.name, joined(faults), fields_help(provider)),
                     nullptr};
  return settings;
}

const providers::Provider& provider_named(const std::string& name) {
  const auto* found = providers::find_provider(name);
  if (found != nullptr) return *found;
  std::vector<std::string_view> names;
  for (const auto* one : providers::registry()) names.push_back(one->name);
  const auto near = text::nearest(name, names);
  throw CallFailed{usage,
                   fmt::format("there is no provider \"{}\"{}", printable(name),
                               near ? fmt::format("; did you mean {}?", *near)
                                    : "; posthorn providers list shows all"),
                   nullptr};
}

std::string fields_help(const providers::Provider& provider) {
  std::size_t widest = 0;
  for (const auto& field : provider.fields) widest = std::max(widest, field.name.size());
  std::string lines;
  for (const auto& field : provider.fields) {
    if (field.for_cases_only) continue;
    lines += fmt::format(
        "  {:<{}}  {}{}{}{}. {}\n", field.name, widest, providers::to_string(field.kind),
        field.required ? ", required" : "",
        field.fallback.empty() ? "" : fmt::format(", default {}", field.fallback),
        field.choices.empty() ? "" : fmt::format(", one of {}", fmt::join(field.choices, ", ")),
        field.help);
  }
  return lines;
}

}  // namespace posthorn::cli

#include "providers/settings.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "model/members.h"
#include "text/json.h"
#include "text/nearest.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t secret_bytes_max = 16 * 1024;
constexpr std::size_t secrets_max = 10;
constexpr std::size_t texts_max = 100;

class Reader {
 public:
  Reader(model::Faults& faults, std::string_view pointer) : faults_(faults), pointer_(pointer) {}

  void add(std::string_view where, std::string_view code, std::string detail) {
    faults_.add(pointer_ + std::string(where), code, std::move(detail));
  }

  std::optional<std::string> text(const Field& field, const json::value& value,
                                  const std::string& where) {
    if (!value.is_string()) {
      add(where, "type", "takes text, not " + model::shown(value));
      return std::nullopt;
    }
    const std::string_view given = value.get_string();
    if (given.empty()) {
      add(where, "too_short", "is empty");
      return std::nullopt;
    }
    if (given.size() > secret_bytes_max) {
      add(where, "too_long", "takes at most 16384 bytes");
      return std::nullopt;
    }
    if (field.problem != nullptr) {
      if (auto problem = field.problem(given); !problem.empty()) {
        add(where, "format", std::move(problem));
        return std::nullopt;
      }
    }
    return std::string(given);
  }

  std::vector<std::string> texts(const Field& field, const json::value& value,
                                 const std::string& where, std::size_t max) {
    std::vector<std::string> found;
    if (!value.is_array()) {
      if (auto one = text(field, value, where)) found.push_back(*std::move(one));
      return found;
    }
    const auto& list = value.get_array();
    if (list.size() > max)
      add(where, "too_many", "takes at most " + std::to_string(max) + " values");
    for (std::size_t i = 0; i < list.size() && i < max; ++i)
      if (auto one = text(field, list[i], where + "/" + std::to_string(i)))
        found.push_back(*std::move(one));
    return found;
  }

  std::optional<Credentials> credentials(const Field& field, const json::value& value,
                                         const std::string& where) {
    if (!value.is_object()) {
      add(where, "type", "takes {\"username\", \"password\"}, not " + model::shown(value));
      return std::nullopt;
    }
    Credentials read;
    for (const auto& member : value.get_object()) {
      const std::string place = where + "/" + text::pointer_token(member.key());
      if (member.key() != "username" && member.key() != "password") {
        add(place, "unknown_member", "is not known here; \"username\" and \"password\" are");
      } else if (auto given = text(field, member.value(), place)) {
        (member.key() == "username" ? read.username : read.password) = *std::move(given);
      }
    }
    if (!value.get_object().contains("username"))
      add(where + "/username", "required", "is missing");
    if (!value.get_object().contains("password"))
      add(where + "/password", "required", "is missing");
    if (read.password.empty()) return std::nullopt;
    return read;
  }

 private:
  model::Faults& faults_;
  std::string pointer_;
};

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (const auto name : names) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

std::string mask(std::string_view secret) {
  if (secret.size() < 16) return "…";
  const auto underscore = secret.find('_');
  const std::size_t head = underscore < 8 ? underscore + 1 : 0;
  return std::string(secret.substr(0, head)) + "…" + std::string(secret.substr(secret.size() - 4));
}

json::value masked_value(const Field& field, const json::value& value) {
  if (value.is_array()) {
    json::array list;
    for (const auto& one : value.get_array()) list.push_back(masked_value(field, one));
    return list;
  }
  if (field.kind == FieldKind::credentials && value.is_object()) {
    json::object shown = value.get_object();
    if (const auto* password = shown.if_contains("password"); password && password->is_string())
      shown["password"] = mask(password->get_string());
    return shown;
  }
  return value.is_string() ? json::value(mask(value.get_string())) : value;
}

}  // namespace

std::string_view to_string(FieldKind kind) {
  switch (kind) {
    case FieldKind::secret:
      return "secret";
    case FieldKind::public_key:
      return "public_key";
    case FieldKind::text:
      return "text";
    case FieldKind::texts:
      return "texts";
    case FieldKind::integer:
      return "integer";
    case FieldKind::boolean:
      return "boolean";
    case FieldKind::choice:
      return "choice";
    case FieldKind::credentials:
      return "credentials";
    case FieldKind::map:
      return "map";
  }
  return "";
}

Settings Settings::read(std::span<const Field> fields, const json::object& config,
                        model::Faults& faults, std::string_view pointer, bool in_cases) {
  Settings settings;
  Reader reader(faults, pointer);
  std::vector<std::string_view> names;
  for (const auto& field : fields) {
    if (field.for_cases_only && !in_cases) continue;
    names.push_back(field.name);
    if (!field.plural.empty()) names.push_back(field.plural);
  }
  for (const auto& member : config) {
    if (std::ranges::find(names, std::string_view(member.key())) != names.end()) continue;
    const auto near = text::nearest(member.key(), names);
    reader.add("/" + text::pointer_token(member.key()), "unknown_member",
               "is not known here" + (near ? "; did you mean \"" + std::string(*near) + "\"?"
                                           : "; known: " + joined(names)));
  }
  for (const auto& field : fields) {
    if (field.for_cases_only && !in_cases) continue;
    const json::value* value = config.if_contains(field.name);
    if (value != nullptr && value->is_null()) value = nullptr;
    std::string_view given_as = field.name;
    const json::value* more = field.plural.empty() ? nullptr : config.if_contains(field.plural);
    if (more != nullptr && more->is_null()) more = nullptr;
    if (value == nullptr && more != nullptr) {
      value = std::exchange(more, nullptr);
      given_as = field.plural;
    }
    const std::string where = "/" + std::string(given_as);
    const std::string name(field.name);
    if (value == nullptr) {
      if (field.required) {
        reader.add(where, "required", "is missing. " + std::string(field.help));
      } else if (!field.fallback.empty()) {
        if (field.kind == FieldKind::integer || field.kind == FieldKind::boolean) {
          std::int64_t number = field.fallback == "true" ? 1 : 0;
          std::from_chars(field.fallback.data(), field.fallback.data() + field.fallback.size(),
                          number);
          settings.integers_[name] = number;
        } else {
          settings.texts_[name] = {std::string(field.fallback)};
        }
      }
      continue;
    }
    switch (field.kind) {
      case FieldKind::secret:
      case FieldKind::public_key:
        settings.texts_[name] = reader.texts(field, *value, where, secrets_max);
        if (value->is_array() && value->get_array().empty() && field.required)
          reader.add(where, "too_short", "takes at least one value");
        if (more != nullptr)
          for (auto& one : reader.texts(field, *more, "/" + std::string(field.plural), secrets_max))
            if (auto& known = settings.texts_[name]; std::ranges::find(known, one) == known.end())
              known.push_back(std::move(one));
        break;
      case FieldKind::texts:
        settings.texts_[name] = reader.texts(field, *value, where, texts_max);
        break;
      case FieldKind::text:
        // An empty text says "none" (generic_hmac's prefix).
        if (value->is_string() && value->get_string().empty()) {
          if (field.required) reader.add(where, "too_short", "is empty");
          settings.texts_[name] = {""};
        } else if (auto one = reader.text(field, *value, where)) {
          settings.texts_[name] = {*std::move(one)};
        }
        break;
      case FieldKind::choice:
        if (!value->is_string() ||
            std::ranges::find(field.choices, std::string_view(value->get_string())) ==
                field.choices.end())
          reader.add(where, "not_allowed",
                     "takes one of " + joined(field.choices) + ", not " + model::shown(*value));
        else
          settings.texts_[name] = {std::string(value->get_string())};
        break;
      case FieldKind::integer: {
        boost::system::error_code failed;
        const auto number = value->to_number<std::int64_t>(failed);
        if (failed || number < field.min || number > field.max)
          reader.add(where, "out_of_range",
                     "takes a whole number from " + std::to_string(field.min) + " to " +
                         std::to_string(field.max) + ", not " + model::shown(*value));
        else
          settings.integers_[name] = number;
        break;
      }
      case FieldKind::boolean:
        if (!value->is_bool())
          reader.add(where, "type", "takes true or false, not " + model::shown(*value));
        else
          settings.integers_[name] = value->get_bool() ? 1 : 0;
        break;
      case FieldKind::credentials: {
        auto& list = settings.credentials_[name];
        if (value->is_array()) {
          const auto& given = value->get_array();
          if (given.size() > secrets_max) reader.add(where, "too_many", "takes at most 10 values");
          for (std::size_t i = 0; i < given.size() && i < secrets_max; ++i)
            if (auto one = reader.credentials(field, given[i], where + "/" + std::to_string(i)))
              list.push_back(*std::move(one));
        } else if (auto one = reader.credentials(field, *value, where)) {
          list.push_back(*std::move(one));
        }
        break;
      }
      case FieldKind::map:
        if (!value->is_object()) {
          reader.add(where, "type", "takes an object of texts, not " + model::shown(*value));
          break;
        }
        for (const auto& member : value->get_object()) {
          const std::string place = where + "/" + text::pointer_token(member.key());
          if (auto one = reader.text(field, member.value(), place))
            settings.maps_[name][std::string(member.key())] = *std::move(one);
        }
        break;
    }
  }
  return settings;
}

const std::vector<std::string>& Settings::all(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = texts_.find(name);
  return found == texts_.end() ? none : found->second;
}

const std::string& Settings::text(std::string_view name) const {
  static const std::string none;
  const auto& values = all(name);
  return values.empty() ? none : values.front();
}

bool Settings::has(std::string_view name) const {
  return !all(name).empty() || integers_.contains(name) || !credentials(name).empty() ||
         !map(name).empty();
}

std::int64_t Settings::integer(std::string_view name) const {
  const auto found = integers_.find(name);
  return found == integers_.end() ? 0 : found->second;
}

bool Settings::boolean(std::string_view name) const { return integer(name) != 0; }

const std::vector<Credentials>& Settings::credentials(std::string_view name) const {
  static const std::vector<Credentials> none;
  const auto found = credentials_.find(name);
  return found == credentials_.end() ? none : found->second;
}

const std::map<std::string, std::string>& Settings::map(std::string_view name) const {
  static const std::map<std::string, std::string> none;
  const auto found = maps_.find(name);
  return found == maps_.end() ? none : found->second;
}

Settings Settings::with(std::string_view name, std::vector<std::string> values) const {
  Settings changed = *this;
  changed.texts_[std::string(name)] = std::move(values);
  return changed;
}

Settings Settings::with_map(std::string_view name,
                            std::map<std::string, std::string> values) const {
  Settings changed = *this;
  changed.maps_[std::string(name)] = std::move(values);
  return changed;
}

json::object masked(std::span<const Field> fields, const json::object& config) {
  json::object shown;
  for (const auto& member : config) {
    const auto field = std::ranges::find_if(fields, [&](const Field& one) {
      return one.name == member.key() || (!one.plural.empty() && one.plural == member.key());
    });
    const bool is_secret = field != fields.end() && (field->kind == FieldKind::secret ||
                                                     field->kind == FieldKind::credentials);
    shown[member.key()] = is_secret ? masked_value(*field, member.value()) : member.value();
  }
  return shown;
}

}  // namespace posthorn::providers

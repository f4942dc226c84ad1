#include "providers/field_map.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "base/bytes.h"
#include "providers/common.h"
#include "text/form.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

/// Where a field may be, by preference: pointers into the element; behind '^' into the whole body.
struct FieldPlaces {
  std::string_view field;
  std::array<std::string_view, 5> pointers;
};
struct Word {
  std::string_view pointer, given, word;
};

struct Preset {
  std::string_view name;
  std::string_view list;  ///< Pointer to the list of elements; empty: the body is the one element.
  bool body_may_be_list;
  std::string_view subject;  ///< In front of the event's word: "alert" makes alert.firing.
  /// Where the event's word is; `words` translates codes.
  std::array<std::string_view, 4> events;
  std::span<const Word> words;
  /// Joined they are the key; the first must be there.
  std::array<std::string_view, 4> ids;
  std::span<const FieldPlaces> fields;
};

constexpr std::array alert_fields{
    FieldPlaces{"timestamp", {"/startsAt"}},
    FieldPlaces{"object_id", {"/fingerprint"}},
    FieldPlaces{"title", {"/labels/alertname", "^/title"}},
    FieldPlaces{"text", {"/annotations/summary", "/annotations/description", "^/message"}},
    FieldPlaces{"severity", {"/labels/severity", "^/commonLabels/severity"}},
    FieldPlaces{"url", {"/generatorURL", "/panelURL", "/dashboardURL", "^/externalURL"}},
};
constexpr std::array uptime_fields{
    FieldPlaces{"timestamp", {"/heartbeat/time", "/alertDateTime"}},
    FieldPlaces{"object_id", {"/monitor/id", "/heartbeat/monitorID", "/monitorID"}},
    FieldPlaces{"title", {"/monitor/name", "/monitorFriendlyName"}},
    FieldPlaces{"text", {"/heartbeat/msg", "/alertDetails", "/msg"}},
    FieldPlaces{"url", {"/monitor/url", "/monitorURL"}},
};
/// Uptime Kuma counts heartbeats from 0, UptimeRobot its alerts from 1.
constexpr std::array uptime_words{
    Word{"/heartbeat/status", "0", "down"},    Word{"/heartbeat/status", "1", "up"},
    Word{"/heartbeat/status", "2", "pending"}, Word{"/heartbeat/status", "3", "maintenance"},
    Word{"/alertType", "1", "down"},           Word{"/alertType", "2", "up"},
    Word{"/alertType", "3", "ssl_expiry"},
};
constexpr std::array contact_fields{
    FieldPlaces{"timestamp", {"/occurredAt", "/timestamp", "/created_at", "/updated_at"}},
    FieldPlaces{"object_id", {"/objectId", "/contact/id", "/data/id", "/contact_id", "/meta/id"}},
    FieldPlaces{"name", {"/contact/name", "/data/name", "/name", "/properties/name"}},
    FieldPlaces{"email", {"/contact/email", "/data/email", "/email", "/properties/email"}},
    FieldPlaces{"phone", {"/contact/phone", "/data/phone", "/phone", "/properties/phone"}},
    FieldPlaces{"status", {"/contact/status", "/data/status", "/propertyValue", "/status"}},
    FieldPlaces{"url", {"/contact/url", "/data/url", "/url"}},
};

constexpr std::array presets{
    Preset{"alertmanager",
           "/alerts",
           false,
           "alert",
           {"/status", "^/status"},
           {},
           {"/fingerprint", "/status", "/startsAt"},
           alert_fields},
    Preset{"grafana",
           "/alerts",
           false,
           "alert",
           {"/status", "^/status"},
           {},
           {"/fingerprint", "/status", "/startsAt"},
           alert_fields},
    Preset{"uptime",
           "",
           false,
           "monitor",
           {"/heartbeat/status", "/alertType"},
           uptime_words,
           {"/heartbeat/monitorID", "/heartbeat/status", "/heartbeat/time"},
           uptime_fields},
    Preset{"crm_contact",
           "",
           true,
           "",
           {"/subscriptionType", "/event", "/event_type", "/type"},
           {},
           {"/eventId", "/objectId", "/occurredAt"},
           contact_fields},
};
/// Other names for the parts of a key, in the same order, where the sender is another one.
constexpr std::array uptime_robot_ids{std::string_view("/monitorID"),
                                      std::string_view("/alertType"),
                                      std::string_view("/alertDateTime")};
constexpr std::array plain_contact_ids{std::string_view("/event_id")};
constexpr std::array plain_ids{std::string_view("/id")};

/// One element of a payload, and the whole of it.
struct Element {
  const json::value& value;
  const json::value& whole;

  /// Text or a number as text; empty when neither is there.
  [[nodiscard]] std::string find(std::string_view pointer) const {
    if (pointer.empty()) return {};
    const bool in_whole = pointer.starts_with('^');
    const auto* found =
        text::at_pointer(in_whole ? whole : value, pointer.substr(in_whole ? 1 : 0));
    if (found == nullptr) return {};
    if (found->is_string()) return std::string(found->get_string());
    return found->is_number() ? json_text(*found) : std::string();
  }
};

/// Unix seconds of RFC 3339, of "YYYY-MM-DD hh:mm:ss" in UTC, of seconds, or of milliseconds.
json::value moment_of(std::string text) {
  if (text.size() > 10 && text[10] == ' ') {
    text[10] = 'T';
    text += 'Z';
  }
  if (const auto seconds = seconds_of(text); !seconds.is_null()) return seconds;
  if (text.empty() || text.size() > 15) return nullptr;
  std::int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return nullptr;
    number = number * 10 + (c - '0');
  }
  constexpr std::int64_t first_of_milliseconds = 100'000'000'000;
  return number >= first_of_milliseconds ? number / 1000 : number;
}

std::string key_of(const Element& element, std::span<const std::string_view> pointers) {
  std::string key;
  for (const auto pointer : pointers) {
    if (pointer.empty()) break;
    const auto part = element.find(pointer);
    if (part.empty() && key.empty()) return {};
    key.append(key.empty() ? "" : "|").append(part);
  }
  return key;
}

std::string key_of(const Preset& preset, const Element& element) {
  if (auto key = key_of(element, preset.ids); !key.empty()) return key;
  if (preset.name == "uptime") return key_of(element, uptime_robot_ids);
  if (preset.name != "crm_contact") return {};
  auto key = key_of(element, plain_contact_ids);
  return key.empty() ? key_of(element, plain_ids) : key;
}

/// The event's word: "firing", "down", "contact.creation".
std::string word_of(const Preset& preset, const Element& element) {
  for (const auto pointer : preset.events) {
    const auto given = element.find(pointer);
    if (given.empty()) continue;
    const auto word = std::ranges::find_if(preset.words, [&](const Word& one) {
      return one.pointer == pointer && one.given == given;
    });
    return word == preset.words.end() ? given : std::string(word->word);
  }
  return {};
}

NormalisedEvent read_element(const Preset& preset, const Element& element) {
  NormalisedEvent event;
  const auto word = word_of(preset, element);
  event.fields["provider_event_id"] = nullptr;
  event.fields["timestamp"] = nullptr;
  if (preset.subject.empty())
    event.provider_event = word;
  else
    event.provider_event =
        std::string(preset.subject) + "." + (word.empty() ? "notification" : word);
  if (!word.empty() && !preset.subject.empty()) event.fields["status"] = word;
  for (const auto& [field, pointers] : preset.fields)
    for (const auto pointer : pointers) {
      auto text = element.find(pointer);
      if (text.empty()) continue;
      event.fields[field] = field == "timestamp" ? moment_of(std::move(text)) : json::value(text);
      break;
    }
  return event;
}

void add_element(Parsed& parsed, const Preset& preset, const Element& element,
                 const std::string& digest) {
  auto event = read_element(preset, element);
  event.idempotency_key = key_of(preset, element);
  if (event.idempotency_key.empty()) {
    parsed.key_is_digest = true;
    event.idempotency_key = digest + "#" + std::to_string(parsed.events.size());
  }
  event.fields["provider_event_id"] = event.idempotency_key;
  parsed.events.push_back(std::move(event));
}

Result<json::value> read_body(const Incoming& request) {
  if (request.content_type() != "application/x-www-form-urlencoded")
    return text::parse_payload(request.body);
  PH_TRY(const auto form, text::parse_form(request.body));
  json::object object;
  for (const auto& field : form.fields()) {
    if (!is_utf8(field.name) || !is_utf8(field.value))
      return fail(Errc::invalid, "the form is not UTF-8");
    object[field.name] = field.value;
  }
  return object;
}

/// The elements; a fault when they are not where the sender has them.
std::span<const json::value> elements_of(Parsed& parsed, const Preset& preset,
                                         const json::value& body) {
  const json::value* list = preset.list.empty() ? &body : text::at_pointer(body, preset.list);
  std::span<const json::value> found;
  if (preset.list.empty() && !(preset.body_may_be_list && body.is_array()))
    found = {&body, 1};
  else if (list != nullptr && list->is_array())
    found = {list->get_array().begin(), list->get_array().size()};
  else
    parsed.faults.push_back({.pointer = std::string(preset.list),
                             .code = list == nullptr ? "required" : "type",
                             .detail = "takes a list"});
  if (found.size() > preset_events_max) {
    parsed.faults.push_back({.pointer = std::string(preset.list),
                             .code = "too_many",
                             .detail = "takes at most 1000 elements"});
    return {};
  }
  return found;
}

}  // namespace

Parsed parse_preset(std::string_view preset_name, const Incoming& request) {
  const auto preset = std::ranges::find(presets, preset_name, &Preset::name);
  const auto body = read_body(request);
  if (!body) return unreadable("the body is neither JSON nor a form: " + body.error().what);
  Parsed parsed;
  const auto digest = body_digest(request.body);
  std::size_t index = 0;
  for (const auto& value : elements_of(parsed, *preset, *body)) {
    const bool is_body = &value == &*body;
    if (value.is_object())
      add_element(parsed, *preset, {value, *body}, digest);
    else if (parsed.faults.size() < model::faults_max)
      parsed.faults.push_back(
          {.pointer = is_body ? "" : std::string(preset->list) + "/" + std::to_string(index),
           .code = "type",
           .detail = "takes an object"});
    ++index;
  }
  return parsed;
}

json::object preset_sample(std::string_view preset, const SampleOrder& order) {
  const auto now = to_rfc3339(order.now);
  if (preset == "uptime")
    return {{"heartbeat",
             {{"monitorID", 1},
              {"status", 0},
              {"time", now},
              {"msg", "timeout " + std::string(order.unique)}}},
            {"monitor", {{"id", 1}, {"name", "Shop"}, {"url", "https://shop.example.com"}}},
            {"msg", "[Shop] [Down] timeout"}};
  if (preset == "crm_contact")
    return {{"event", "contact.created"},
            {"event_id", "evt_" + std::string(order.unique)},
            {"timestamp", now},
            {"contact", {{"id", 12}, {"name", "Ada Lovelace"}, {"email", "ada@example.com"}}}};
  const json::object alert{
      {"status", "firing"},
      {"labels", {{"alertname", "DiskFull"}, {"severity", "critical"}, {"instance", "db1"}}},
      {"annotations", {{"summary", "The disk of db1 is full"}}},
      {"startsAt", now},
      {"endsAt", "0001-01-01T00:00:00Z"},
      {"generatorURL", "https://metrics.example.com/graph"},
      {"fingerprint", order.unique}};
  return {{"receiver", "posthorn"},
          {"status", "firing"},
          {"version", "4"},
          {"groupKey", "{}"},
          {"alerts", json::array{alert}}};
}

}  // namespace posthorn::providers

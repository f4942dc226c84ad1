#include "providers/payload.h"

#include <charconv>

#include "model/faults.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::providers {
namespace {

/// 10^11 s is the year 5138 and, as milliseconds, 1973: no provider's clock is on the other side.
constexpr std::int64_t seconds_end = 100'000'000'000;

std::optional<std::int64_t> whole(const json::value& value) {
  if (value.is_number()) {
    boost::system::error_code failed;
    const auto number = value.to_number<std::int64_t>(failed);
    if (failed) return std::nullopt;
    return number;
  }
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_string();
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

std::optional<std::string> id_of(const json::value& value) {
  if (value.is_string() && !value.get_string().empty()) return std::string(value.get_string());
  if (!value.is_number()) return std::nullopt;
  const auto number = whole(value);
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

json::value or_null(std::optional<std::string> text) {
  return text ? json::value(*std::move(text)) : json::value(nullptr);
}

}  // namespace

void PayloadFaults::add(std::string pointer, std::string_view code, std::string detail) {
  if (++count_ <= model::faults_max)
    parsed_.faults.push_back(
        {.pointer = std::move(pointer), .code = std::string(code), .detail = std::move(detail)});
}

const json::value* PayloadObject::find(std::string_view name) const {
  const auto* value = object_->if_contains(name);
  return value != nullptr && value->is_null() ? nullptr : value;
}

void PayloadObject::fault(std::string_view name, std::string_view code, std::string detail) const {
  faults_->add(pointer_ + "/" + text::pointer_token(name), code, std::move(detail));
}

void PayloadObject::is_missing(std::string_view name) const {
  fault(name, "required", "is missing");
}

std::string PayloadObject::text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) {
    is_missing(name);
  } else if (!value->is_string() || value->get_string().empty()) {
    fault(name, "type", "takes text that is not empty, not " + model::shown(*value));
  } else {
    return std::string(value->get_string());
  }
  return {};
}

std::optional<std::string> PayloadObject::optional_text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fault(name, "type", "takes text, not " + model::shown(*value));
    return std::nullopt;
  }
  if (value->get_string().empty()) return std::nullopt;
  return std::string(value->get_string());
}

std::string PayloadObject::id(std::string_view name) const {
  if (find(name) == nullptr) {
    is_missing(name);
    return {};
  }
  return optional_id(name).value_or("");
}

std::optional<std::string> PayloadObject::optional_id(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  auto found = id_of(*value);
  if (!found)
    fault(name, "type", "takes text or a whole number of 64 bits, not " + model::shown(*value));
  return found;
}

std::optional<std::int64_t> PayloadObject::optional_whole(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = whole(*value);
  if (!number) fault(name, "type", "takes a whole number of 64 bits, not " + model::shown(*value));
  return number;
}

bool PayloadObject::flag(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_bool()) {
    fault(name, "type", "takes true or false, not " + model::shown(*value));
    return false;
  }
  return value->get_bool();
}

json::value PayloadObject::time(std::string_view name, std::int64_t value,
                                std::int64_t units_per_second) const {
  if (value >= 0 && value / units_per_second < seconds_end) return value / units_per_second;
  fault(name, "out_of_range", "takes unix time from 1970 to 5138, not " + std::to_string(value));
  return nullptr;
}

json::value PayloadObject::seconds(std::string_view name) const {
  const auto value = optional_whole(name);
  return value ? time(name, *value, 1) : json::value(nullptr);
}

json::value PayloadObject::milliseconds(std::string_view name) const {
  const auto value = optional_whole(name);
  return value ? time(name, *value, 1000) : json::value(nullptr);
}

json::value PayloadObject::seconds_or_milliseconds(std::string_view name) const {
  const auto value = optional_whole(name);
  if (!value) return nullptr;
  return time(name, *value, *value >= seconds_end ? 1000 : 1);
}

std::optional<PayloadObject> PayloadObject::object(std::string_view name) const {
  if (find(name) == nullptr) is_missing(name);
  return optional_object(name);
}

std::optional<PayloadObject> PayloadObject::optional_object(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    fault(name, "type", "takes an object, not " + model::shown(*value));
    return std::nullopt;
  }
  return PayloadObject(value->get_object(), *faults_, pointer_ + "/" + text::pointer_token(name));
}

std::vector<PayloadObject> PayloadObject::objects(std::string_view name) const {
  if (find(name) == nullptr) is_missing(name);
  return optional_objects(name);
}

std::vector<PayloadObject> PayloadObject::optional_objects(std::string_view name) const {
  std::vector<PayloadObject> found;
  const auto* value = find(name);
  if (value == nullptr) return found;
  if (!value->is_array()) {
    fault(name, "type", "takes a list, not " + model::shown(*value));
    return found;
  }
  const std::string place = pointer_ + "/" + text::pointer_token(name) + "/";
  std::size_t at = 0;
  for (const auto& element : value->get_array()) {
    std::string pointer = place + std::to_string(at++);
    if (element.is_object())
      found.emplace_back(element.get_object(), *faults_, std::move(pointer));
    else
      faults_->add(std::move(pointer), "type", "takes an object, not " + model::shown(element));
  }
  return found;
}

std::vector<std::string> PayloadObject::optional_ids(std::string_view name) const {
  std::vector<std::string> found;
  const auto* value = find(name);
  if (value == nullptr) return found;
  if (!value->is_array()) {
    fault(name, "type", "takes a list, not " + model::shown(*value));
    return found;
  }
  std::size_t at = 0;
  for (const auto& element : value->get_array()) {
    if (auto one = id_of(element))
      found.push_back(*std::move(one));
    else
      faults_->add(pointer_ + "/" + text::pointer_token(name) + "/" + std::to_string(at), "type",
                   "takes text that is not empty, not " + model::shown(element));
    ++at;
  }
  return found;
}

std::optional<json::object> read_object(const Incoming& request, Parsed& parsed) {
  auto body = text::parse_payload(request.body);
  if (!body) {
    parsed.unreadable = request.body.empty() ? "the body is empty, where a JSON object is expected"
                                             : "the body is not JSON: " + body.error().what;
    return std::nullopt;
  }
  if (!body->is_object()) {
    parsed.unreadable = "the body is not a JSON object";
    return std::nullopt;
  }
  return std::move(body->get_object());
}

void add_event(Parsed& parsed, NormalisedEvent event) {
  if (parsed.events.size() < events_per_call_max) {
    parsed.events.push_back(std::move(event));
  } else if (parsed.faults.empty() || parsed.faults.back().code != "too_many") {
    parsed.faults.push_back(
        {.pointer = "", .code = "too_many", .detail = "carries more than 10000 events"});
  }
}

NormalisedEvent make_event(ChatEvent chat) {
  NormalisedEvent event;
  event.type = chat.type;
  event.idempotency_key = std::move(chat.key);
  event.fields["provider_message_id"] = or_null(std::move(chat.message_id));
  event.fields["status"] = chat.status.empty() ? json::value(nullptr) : json::value(chat.status);
  event.fields["from"] = or_null(std::move(chat.from));
  event.fields["to"] = or_null(std::move(chat.to));
  event.fields["text"] = or_null(std::move(chat.text));
  event.fields["timestamp"] = std::move(chat.timestamp);
  return event;
}

void set(json::object& fields, std::string_view name, std::optional<std::string> value) {
  if (value) fields[name] = *std::move(value);
}

std::uint64_t sample_number(std::string_view unique) {
  std::uint64_t number = 0;
  for (const char digit : unique.substr(0, 12))
    number = number << 4 | static_cast<unsigned>(digit >= 'a' ? digit - 'a' + 10 : digit - '0');
  return number;
}

void take_key_of_only_event(Parsed& parsed) {
  if (parsed.events.size() == 1) parsed.idempotency_key = parsed.events.front().idempotency_key;
}

}  // namespace posthorn::providers

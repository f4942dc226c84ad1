#include "api/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "model/members.h"
#include "model/names.h"
#include "providers/provider.h"
#include "text/cursor.h"
#include "text/nearest.h"

namespace posthorn::api {

namespace {

bool is_list(Takes takes) {
  return takes == Takes::event_types || takes == Takes::delivery_states ||
         takes == Takes::request_states || takes == Takes::http_statuses || takes == Takes::topics;
}

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Instant> read_moment(std::string_view text, Instant now) {
  if (text.starts_with('-')) {
    const auto span = parse_duration(text.substr(1));
    if (!span || *span > Millis{24h} * 36'500) return std::nullopt;
    return now - *span;
  }
  return parse_rfc3339(text);
}

bool in_range(std::optional<int> number, int min, int max) {
  return number && *number >= min && *number <= max;
}

/// What the parameter takes, in words; empty when `text` is that.
std::string_view refusal(Takes takes, std::string_view text, Instant now) {
  const auto unless = [](bool fine, std::string_view allowed) {
    return fine ? std::string_view() : allowed;
  };
  switch (takes) {
    case Takes::text:
      return unless(!text.empty() && text.size() <= 256 && model::is_plain_text(text),
                    "1 to 256 bytes without control characters");
    case Takes::limit:
      return unless(in_range(whole_number(text), 1, list_limit_max),
                    "a whole number from 1 to 500");
    case Takes::cursor:
      return unless(!text.empty() && text.size() <= text::cursor_bytes_max,
                    "the next_cursor of a list");
    case Takes::moment:
      return unless(read_moment(text, now).has_value(),
                    "an RFC 3339 time or a span before now such as -2h");
    case Takes::boolean:
      return unless(text == "true" || text == "false", "true or false");
    case Takes::event_id:
      return unless(EventId::parse(text).has_value(), "an event's id (evt_…)");
    case Takes::endpoint_id:
      return unless(EndpointId::parse(text).has_value(), "an endpoint's id (ep_…)");
    case Takes::delivery_id:
      return unless(parse_delivery_id(text).has_value(), "a delivery's id (dlv_… or its UUID)");
    case Takes::bin_id:
      return unless(BinId::parse(text).has_value(), "a bin's id (bin_…)");
    case Takes::source_id:
      return unless(SourceId::parse(text).has_value(), "a source's id (src_…)");
    case Takes::request_id:
      return unless(RequestId::parse(text).has_value(), "a received request's id (req_…)");
    case Takes::application:
      return unless(model::is_label(text), "an application's id (app_…) or uid");
    case Takes::event_types:
      return unless(model::is_event_type_pattern(text),
                    "event types such as ticket.created or ticket.*");
    case Takes::delivery_states:
      return unless(
          text == held_status || model::value_of(model::delivery_states, text).has_value(),
          "pending, held, succeeded, exhausted, cancelled or parked");
    case Takes::request_states:
      return unless(model::value_of(model::request_states, text).has_value(),
                    "received, processed, duplicate, refused, unparsed, invalid, parked or "
                    "answered");
    case Takes::provider:
      return unless(providers::find_provider(text) != nullptr,
                    "the name of a provider (see /v1/providers)");
    case Takes::http_statuses:
      return unless(in_range(whole_number(text), 100, 599), "HTTP statuses from 100 to 599");
    case Takes::topics:
      return unless(text == "events" || text == "deliveries" || text == "requests",
                    "events, deliveries or requests");
  }
  return "another value";
}

std::vector<std::string> split(std::string_view text, bool by_comma) {
  std::vector<std::string> parts;
  if (!by_comma) {
    parts.emplace_back(text);
    return parts;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string unknown_detail(std::string_view name, std::span<const QueryParameter> known) {
  std::vector<std::string_view> names;
  for (const auto& parameter : known) names.push_back(parameter.name);
  if (const auto nearest = text::nearest(name, names))
    return fmt::format("no such parameter here; did you mean {}?", *nearest);
  if (names.empty()) return "this address takes no query parameters";
  return fmt::format("no such parameter here; known are {}", fmt::join(names, ", "));
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

Query Query::parse(std::string_view raw, std::span<const QueryParameter> known, Instant now,
                   model::Faults& faults) {
  Query query;
  query.now_ = now;
  for (std::size_t begin = 0; begin < raw.size();) {
    const auto end = std::min(raw.find('&', begin), raw.size());
    const auto pair = raw.substr(begin, end - begin);
    begin = end + 1;
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value =
        percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), true);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) {
      faults.add("?" + printable(pair.substr(0, equals)), "format",
                 "is not well percent-encoded UTF-8");
      continue;
    }
    const auto parameter = std::ranges::find(known, *name, &QueryParameter::name);
    if (parameter == known.end()) {
      faults.add("?" + printable(*name), "unknown_parameter", unknown_detail(*name, known));
      continue;
    }
    const auto place = std::ranges::find(query.values_, *name, &Value::name);
    if (place != query.values_.end() && !is_list(parameter->takes)) {
      faults.add("?" + *name, "duplicate", "is given more than once");
      continue;
    }
    Value& kept =
        place != query.values_.end()
            ? *place
            : query.values_.emplace_back(*name, parameter->takes, std::vector<std::string>{});
    for (auto& part : split(*value, is_list(parameter->takes))) {
      const auto allowed = refusal(parameter->takes, part, now);
      if (!allowed.empty())
        faults.add("?" + *name, "format",
                   fmt::format("takes {}, not {}", allowed, model::shown(part)));
      kept.parts.push_back(std::move(part));
    }
    if (kept.parts.size() > 100)
      faults.add("?" + *name, "too_many",
                 fmt::format("takes at most 100 values, not {}", kept.parts.size()));
  }
  std::ranges::sort(query.values_, {}, &Value::name);
  const auto since = query.moment("since"), until = query.moment("until");
  if (since && until && *until <= *since)
    faults.add("?until", "out_of_range",
               fmt::format("takes a time after since, not {}",
                           model::shown(query.text("until").value_or(""))));
  return query;
}

const Query::Value* Query::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  return found == values_.end() ? nullptr : &*found;
}

std::optional<std::string> Query::text(std::string_view name) const {
  const Value* value = find(name);
  if (value == nullptr) return std::nullopt;
  return value->parts.front();
}

std::vector<std::string> Query::list(std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? std::vector<std::string>{} : value->parts;
}

std::vector<int> Query::numbers(std::string_view name) const {
  std::vector<int> found;
  for (const auto& part : list(name)) found.push_back(whole_number(part).value_or(0));
  return found;
}

std::optional<Instant> Query::moment(std::string_view name) const {
  const auto given = text(name);
  return given ? read_moment(*given, now_) : std::nullopt;
}

bool Query::is_true(std::string_view name) const { return text(name) == "true"; }

int Query::limit() const {
  const auto given = text("limit");
  return given ? whole_number(*given).value_or(list_limit_default) : list_limit_default;
}

std::string Query::fingerprint() const {
  std::string out;
  for (const auto& value : values_) {
    if (value.takes == Takes::limit || value.takes == Takes::cursor) continue;
    out += fmt::format("{}={}\n", value.name, fmt::join(value.parts, ","));
  }
  return out;
}

}  // namespace posthorn::api

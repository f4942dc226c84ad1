#include "ingest/pollers/parts.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "text/json.h"
#include "text/json_payload.h"

namespace posthorn::ingest::pollers {
namespace {

constexpr std::size_t error_bytes_max = 300;
/// After so long without anything new the window moves on: what was found must not be looked at for
/// longer than its request is kept, or it would be new again.
constexpr std::int64_t quiet_max = 24 * 3600, quiet_margin = 12 * 3600;
constexpr std::size_t seen_max = 2000;  ///< What is forgotten too early is read again, no more.

}  // namespace

Window window_of(const Situation& situation, const json::object& cursor) {
  Window window;
  window.since = whole_in(cursor, "since");
  window.from =
      std::max(window.since - situation.lookback.count() / 1000, whole_in(cursor, "floor"));
  return window;
}

json::object begin_window(const Situation& situation) {
  return {{"since", situation.now.unix_seconds()}};
}

json::object finished(const Situation& situation, json::object cursor, std::int64_t newest) {
  const auto now = situation.now.unix_seconds();
  auto since = whole_in(cursor, "since");
  if (since < now - quiet_max) since = now - quiet_margin;
  // A moment in the future, by a clock that is wrong, must not hide what comes until then.
  cursor["since"] = std::max(std::min(newest, now), since);
  cursor.erase("page");
  if (auto* seen = cursor.if_contains("seen"); seen != nullptr && seen->is_object()) {
    const auto from = window_of(situation, cursor).from;
    json::object kept;
    for (const auto& one : seen->get_object())
      if (one.value().is_int64() && one.value().get_int64() >= from) kept[one.key()] = one.value();
    *seen = std::move(kept);
  }
  return cursor;
}

const json::object& page_of(const json::object& cursor) {
  static const json::object none;
  const auto* page = object_in(cursor, "page");
  return page != nullptr ? *page : none;
}

bool is_seen(const json::object& cursor, std::string_view id) {
  const auto* seen = object_in(cursor, "seen");
  return seen != nullptr && seen->contains(id);
}

void remember(json::object& cursor, std::string_view id, std::int64_t at) {
  auto& place = cursor["seen"];
  if (!place.is_object()) place = json::object();
  auto& seen = place.get_object();
  if (seen.size() >= seen_max) seen.stable_erase(seen.begin());
  seen[id] = at;
}

std::expected<json::value, Refusal> json_of(const Answer& answer) {
  auto body = text::parse_payload(answer.body);
  if (!body)
    return std::unexpected(Refusal{.what = "the answer is not JSON: " + body.error().what});
  return *std::move(body);
}

std::unexpected<Refusal> unexpected_form(std::string_view what) {
  return std::unexpected(Refusal{.what = "the answer has " + std::string(what)});
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string id_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return {};
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return text_in(object, name);
}

std::int64_t whole_in(const json::object& object, std::string_view name) {
  const auto text = id_in(object, name);
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end ? number : 0;
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

const json::array* array_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_array() : nullptr;
}

std::int64_t seconds_of(std::string_view rfc3339) {
  const auto at = parse_rfc3339(rfc3339);
  return at ? at->unix_seconds() : 0;
}

std::string error_text(const Answer& answer) {
  const auto body = text::parse_payload(answer.body);
  if (!body) return {};
  std::string found;
  for (const auto* pointer :
       {"/error/message", "/message", "/description", "/errors/0/message", "/errors", "/error"})
    if (const auto* value = text::at_pointer(*body, pointer);
        found.empty() && value != nullptr && value->is_string())
      found = printable(value->get_string());
  if (found.size() <= error_bytes_max) return found;
  found.resize(error_bytes_max);
  while (!is_utf8(found)) found.pop_back();
  return found + "…";
}

bool is_made_of(std::string_view text, std::string_view others) {
  return text.size() <= 128 && std::ranges::all_of(text, [others](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  others.find(c) != others.npos;
         });
}

}  // namespace posthorn::ingest::pollers

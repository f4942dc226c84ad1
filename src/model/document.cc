#include "model/document.h"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "base/bytes.h"
#include "text/json.h"

namespace posthorn::model {
namespace {

std::string place_of(const Object& object) {
  return fmt::format("stored object {} (kind {})", object.id, static_cast<int>(object.kind));
}

}  // namespace

Result<json::object> parse_document(const Object& object, ObjectKind kind) {
  if (object.kind != kind)
    return fail(Errc::corrupt,
                fmt::format("{}: kind {} is expected", place_of(object), static_cast<int>(kind)));
  auto value = text::parse_json(object.document);
  if (!value)
    return fail(Errc::corrupt, fmt::format("{}: {}", place_of(object), value.error().what));
  if (!value->is_object())
    return fail(Errc::corrupt, fmt::format("{}: not a JSON object", place_of(object)));
  return std::move(value->as_object());
}

Result<> document_result(const Object& object, const Faults& faults) {
  if (faults.empty()) return {};
  return fail(Errc::corrupt, fmt::format("{}: {}", place_of(object), faults.summary()));
}

std::optional<Instant> stored_time(Members& document, std::string_view name) {
  if (document.is_null(name)) return std::nullopt;
  const auto ms = document.integer(name, INT64_MIN, INT64_MAX);
  if (!ms) return std::nullopt;
  return Instant{*ms};
}

json::value stored(std::optional<Instant> at) {
  return at ? json::value(at->unix_ms) : json::value(nullptr);
}

json::value shown_time(std::optional<Instant> at) {
  return at ? json::value(to_rfc3339(*at)) : json::value(nullptr);
}

json::string text_of(std::string_view text) { return json::string(text); }

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text_of(text));
}

json::array shown_list(const std::vector<std::string>& texts) {
  json::array out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

json::value shown_json(std::string_view text) {
  auto value = text::parse_json(text);
  return value ? *std::move(value) : json::value(text_of(text));
}

std::string stored_json(Members& document, std::string_view name, std::string_view otherwise) {
  const auto text = document.text(name, {.min = 0, .max = 1024 * 1024});
  if (!text || text->empty()) return std::string(otherwise);
  if (const auto checked = text::check_json(*text); !checked)
    document.add(name, "format", checked.error().what);
  return *text;
}

std::vector<std::string> stored_list(Members& document, std::string_view name,
                                     std::vector<std::string> otherwise) {
  const auto anything = [](std::string_view) { return std::string(); };
  return document.texts(name, {.min = 0, .max = 1000}, anything).value_or(std::move(otherwise));
}

std::string read_metadata(Members& members, std::string before) {
  constexpr std::size_t bytes_max = 16 * 1024;
  if (members.is_null("metadata")) return "{}";
  const json::object* given = members.object("metadata");
  if (given == nullptr) return before;
  std::string text = json::serialize(*given);
  if (text.size() > bytes_max)
    members.add("metadata", "too_long",
                fmt::format("takes an object of at most {} bytes, not {}", bytes_max, text.size()));
  return text;
}

std::string utf8_or_printable(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : printable(bytes);
}

}  // namespace posthorn::model

#include "model/document.h"

#include <fmt/format.h>

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

std::string utf8_or_printable(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : printable(bytes);
}

}  // namespace posthorn::model

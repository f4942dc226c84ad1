#include "providers/form_payload.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "model/faults.h"
#include "text/json.h"

namespace posthorn::providers {

Result<text::Form> call_parameters(const Incoming& request) {
  return text::parse_form(request.method == "GET" ? request.query() : request.body);
}

void FormPayload::fault(std::string_view name, std::string_view code, std::string detail) {
  parsed_.faults.push_back({.pointer = "/" + text::pointer_token(name),
                            .code = std::string(code),
                            .detail = std::move(detail)});
}

std::optional<std::string> FormPayload::optional(std::string_view name) {
  const auto value = form_.value(name);
  if (value.empty()) return std::nullopt;
  if (is_utf8(value) && !value.contains('\0')) return std::string(value);
  fault(name, "format", "takes UTF-8 text without U+0000");
  return std::nullopt;
}

std::string FormPayload::required(std::string_view name) {
  if (!has(name)) fault(name, "required", form_.count(name) == 0 ? "is missing" : "is empty");
  return optional(name).value_or("");
}

std::optional<std::string> FormPayload::first_of(std::initializer_list<std::string_view> names) {
  const auto* const found =
      std::ranges::find_if(names, [&](std::string_view name) { return has(name); });
  return found == names.end() ? std::nullopt : optional(*found);
}

std::optional<std::int64_t> FormPayload::whole(std::string_view name, std::int64_t max) {
  const auto value = form_.value(name);
  if (value.empty()) return std::nullopt;
  std::int64_t number = -1;
  const auto* const end = value.data() + value.size();
  if (std::from_chars(value.data(), end, number).ptr == end && number >= 0 && number <= max)
    return number;
  fault(name, "type",
        "takes a whole number from 0 to " + std::to_string(max) + ", not " + model::shown(value));
  return std::nullopt;
}

bool less_by_code_unit(std::string_view a, std::string_view b) {
  // In UTF-16, what UTF-8 begins with F0..F4 begins with D8..DB: below EE and EF, above the rest.
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? byte + 0x10 : int{byte};
  };
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

std::string node_query(std::span<const text::FormField> fields) {
  std::vector<std::pair<std::string_view, std::vector<std::string_view>>> grouped;
  std::map<std::string_view, std::size_t> places;
  for (const auto& field : fields) {
    const auto [place, is_new] = places.try_emplace(field.name, grouped.size());
    if (is_new) grouped.emplace_back(field.name, std::vector<std::string_view>());
    grouped[place->second].second.emplace_back(field.value);
  }
  const auto part = [](std::string_view text) {
    std::string out;
    for (const char& c : text)
      out += std::string_view("!*'()").contains(c) ? std::string(1, c)
                                                   : text::percent_encode(std::string_view(&c, 1));
    return out;
  };
  std::string out;
  for (const auto& [name, values] : grouped)
    for (const auto value : values)
      out += (out.empty() ? "" : "&") + part(name) + "=" + part(value);
  return out;
}

std::optional<AddressParts> address_parts(std::string_view url) {
  AddressParts parts;
  const auto scheme = url.find("://");
  if (scheme == url.npos) return std::nullopt;
  parts.scheme = url.substr(0, scheme);
  url.remove_prefix(scheme + 3);
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  url.remove_prefix(authority.size());
  const auto at = authority.rfind('@');
  parts.user = at == authority.npos ? "" : authority.substr(0, at + 1);
  parts.host = authority.substr(parts.user.size());
  const auto colon = parts.host.rfind(':');
  if (colon != parts.host.npos && !parts.host.substr(colon).contains(']')) {
    parts.port = parts.host.substr(colon + 1);
    parts.host = parts.host.substr(0, colon);
  }
  parts.path = url.substr(0, url.find('?'));
  parts.query = url.substr(parts.path.size());
  return parts;
}

}  // namespace posthorn::providers

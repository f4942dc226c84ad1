#include "providers/common.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "text/json.h"

namespace posthorn::providers {

std::optional<std::string_view> single_header(Steps& steps, const Incoming& request,
                                              std::string_view name) {
  const int count = request.header_count(name);
  const std::string what = "the header " + std::string(name);
  if (!steps.check(count > 0, what, what + " is missing")) return std::nullopt;
  if (count > 1) {
    steps.check(false, what, what + " came " + std::to_string(count) + " times");
    return std::nullopt;
  }
  return request.header(name);
}

bool has_secret(Steps& steps, const Settings& settings, std::string_view field) {
  return steps.check(!settings.all(field).empty(), "a secret is set",
                     "the source has no " + std::string(field) + ", so nothing can be verified");
}

bool is_fresh(Steps& steps, std::int64_t at_unix_seconds, Instant now,
              std::int64_t tolerance_seconds) {
  if (tolerance_seconds == 0) return true;
  const std::int64_t off = now.unix_seconds() - at_unix_seconds;
  const std::int64_t size = off < 0 ? -off : off;
  return steps.check(size <= tolerance_seconds,
                     "the timestamp is at most " + std::to_string(tolerance_seconds) + " s off",
                     "the timestamp is " + std::to_string(size) + " s in the " +
                         (off < 0 ? "future" : "past") + ", more than " +
                         std::to_string(tolerance_seconds) +
                         " s: an old request, or a wrong clock");
}

std::optional<std::int64_t> unix_seconds(std::string_view text) {
  if (text.empty() || text.size() > 12) return std::nullopt;
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  if (text.front() == '-' || std::from_chars(text.data(), end, value).ptr != end)
    return std::nullopt;
  return value;
}

bool any_mac_matches(crypto::Digest digest, const std::vector<std::string>& secrets,
                     std::string_view data, std::string_view mac) {
  bool found = false;
  for (const auto& secret : secrets)
    found |= crypto::equal_in_constant_time(crypto::hmac(digest, secret, data), mac);
  return found;
}

bool any_secret_equals(const std::vector<std::string>& secrets, std::string_view given) {
  const auto digest = crypto::sha256(given);
  bool found = false;
  for (const auto& secret : secrets)
    found |= crypto::equal_in_constant_time(crypto::sha256(secret), digest);
  return found;
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string text_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

json::value number_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return nullptr;
  if (value->is_number()) return *value;
  if (!value->is_string()) return nullptr;
  const std::string_view text = value->get_string();
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, number).ptr != end) return nullptr;
  return number;
}

std::string id_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return {};
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object* object_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

std::string required_text(Parsed& parsed, const json::object& object, std::string_view name) {
  auto value = text_member(object, name);
  if (value.empty())
    parsed.faults.push_back(
        {.pointer = "/" + std::string(name),
         .code = object.contains(name) ? "type" : "required",
         .detail = object.contains(name) ? "takes text that is not empty" : "is missing"});
  return value;
}

std::string required_header(Parsed& parsed, const Incoming& request, std::string_view name) {
  const auto value = request.header(name).value_or("");
  const int count = request.header_count(name);
  if (count == 1 && !value.empty() && is_utf8(value)) return std::string(value);
  parsed.faults.push_back({.pointer = "",
                           .code = count > 1       ? "duplicate"
                                   : value.empty() ? "required"
                                                   : "format",
                           .detail = "the header " + std::string(name) +
                                     (count > 1       ? " came more than once"
                                      : value.empty() ? " is missing"
                                                      : " is not UTF-8")});
  return {};
}

std::string uuid_like(std::string_view digits) {
  std::string out(digits.substr(0, 32));
  out.resize(32, '0');
  for (const std::size_t at : {20UL, 16UL, 12UL, 8UL}) out.insert(at, 1, '-');
  return out;
}

json::value seconds_of(std::string_view rfc3339) {
  const auto at = parse_rfc3339(rfc3339);
  return at ? json::value(at->unix_seconds()) : json::value(nullptr);
}

std::optional<std::string> from_lower_hex(std::string_view text) {
  return text == to_lower_ascii(text) ? from_hex(text) : std::nullopt;
}

Parsed unreadable(std::string why) {
  Parsed parsed;
  parsed.unreadable = std::move(why);
  return parsed;
}

Result<std::string_view> chosen_sample(std::span<const std::string_view> samples,
                                       const SampleOrder& order) {
  if (order.event.empty() && !samples.empty()) return samples.front();
  const auto found = std::ranges::find(samples, order.event);
  if (found != samples.end()) return *found;
  std::string known;
  for (const auto name : samples) known += (known.empty() ? "" : ", ") + std::string(name);
  return fail(Errc::invalid,
              "there is no sample of \"" + std::string(order.event) + "\"; there are: " + known);
}

std::string body_digest(std::string_view body) { return "sha256:" + to_hex(crypto::sha256(body)); }

}  // namespace posthorn::providers

#include <algorithm>

#include "base/bytes.h"
#include "model/endpoint_json.h"
#include "model/endpoint_parts.h"
#include "model/members.h"

namespace posthorn::model {

std::optional<std::string> read_secret_text(Members& members) {
  const json::value* given = members.find("secret");
  if (given == nullptr) return std::nullopt;
  if (!given->is_string()) {
    members.add("secret", "type", "takes text or null");
    return std::nullopt;
  }
  const std::string_view text = given->as_string();
  if (const std::string fault = secret_fault(text); !fault.empty()) {
    members.add("secret", "format", fault);
    return std::nullopt;
  }
  return std::string(text);
}

SecretRotation read_rotation(const json::object& input, Faults& faults,
                             const EndpointRules& rules) {
  Members members(input, faults);
  SecretRotation rotation;
  const bool given = members.find("secret") != nullptr;
  if (const auto text = read_secret_text(members)) rotation.secret = Secret(*text);
  if (!given) rotation.secret = make_secret(rules.random);
  const std::int64_t overlap_seconds_max = overlap_max.count() / 1000;
  if (const auto seconds = members.integer("grace_seconds", 0, overlap_seconds_max))
    rotation.overlap = Millis{*seconds * 1000};
  if (!members.is_null("promote_at")) rotation.promote_at = members.time("promote_at");
  if (rotation.promote_at &&
      (*rotation.promote_at <= rules.now || *rotation.promote_at > rules.now + overlap_max))
    members.add("promote_at", "out_of_range", "takes a time within the next 30 days");
  members.refuse_unknown();
  return rotation;
}

Secret make_secret(env::Random& random) { return Secret("whsec_" + to_base64(random.bytes(24))); }

std::string secret_fault(std::string_view text) {
  constexpr std::string_view prefix = "whsec_";
  if (text.empty() || text.size() > 256 ||
      !std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; }))
    return "takes 1 to 256 printable ASCII characters";
  if (!text.starts_with(prefix)) return "";
  const auto key = from_base64(text.substr(prefix.size()));
  if (!key || key->size() < 16 || key->size() > 75)
    return "takes the base64 of 16 to 75 bytes after whsec_";
  return "";
}

}  // namespace posthorn::model

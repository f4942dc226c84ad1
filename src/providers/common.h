#pragma once
// What several providers share. Not for use outside providers/.

#include <boost/json.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "crypto/crypto.h"
#include "providers/provider.h"
#include "text/json.h"

namespace posthorn::providers {

/// The header's value when it is there exactly once; otherwise the step fails ("is missing", "came
/// twice") and nullopt is given.
std::optional<std::string_view> single_header(Steps& steps, const Incoming& request,
                                              std::string_view name);

/// The step "a secret is set": false when none is (fail closed).
bool has_secret(Steps& steps, const Settings& settings, std::string_view field);

/// The step "the timestamp is at most N seconds off": |now - at| <= tolerance, the edge included; a
/// tolerance of 0 switches the check off.
bool is_fresh(Steps& steps, std::int64_t at_unix_seconds, Instant now,
              std::int64_t tolerance_seconds);

/// Digits only, at most 12 of them.
std::optional<std::int64_t> unix_seconds(std::string_view text);

/// Whether one of the secrets makes the MAC of `data`; the time depends on how many there are, not
/// on which matches.
bool any_mac_matches(crypto::Digest digest, const std::vector<std::string>& secrets,
                     std::string_view data, std::string_view mac);

/// Whether `given` is one of the secrets; the time tells neither which nor how much of it fits.
bool any_secret_equals(const std::vector<std::string>& secrets, std::string_view given);

/// ASCII only; other bytes stay.
std::string upper_case(std::string_view text);

/// The member's text; empty when it is missing or no text.
std::string text_member(const json::object& object, std::string_view name);
/// A number as it is, a text of digits as a number, else null.
json::value number_member(const json::object& object, std::string_view name);
/// The member's text, or its whole number as digits: ids beyond 2^53 stay exact. Empty when it is
/// neither.
std::string id_member(const json::object& object, std::string_view name);
/// The member when it is an object, else nullptr.
const json::object* object_member(const json::object& object, std::string_view name);

/// The member's text; a fault "is missing" or "takes text" when there is none.
std::string required_text(Parsed& parsed, const json::object& object, std::string_view name);

/// The header's value; a fault when there is none, it is empty, came twice or is not UTF-8.
std::string required_header(Parsed& parsed, const Incoming& request, std::string_view name);
/// The digits as a UUID's 8-4-4-4-12, zeros behind: an id for sample requests.
std::string uuid_like(std::string_view digits);

/// Whole unix seconds of an RFC 3339 time, rounded down; null for anything else.
json::value seconds_of(std::string_view rfc3339);
/// Lower-case digits only: one text per value.
std::optional<std::string> from_lower_hex(std::string_view text);
using text::json_text;

/// Parsed::unreadable with the reason; no events, no key.
Parsed unreadable(std::string why);

/// The sample's name: the order's event, or the first one when it names none. Error: invalid, with
/// what is known, when there is no such sample.
Result<std::string_view> chosen_sample(std::span<const std::string_view> samples,
                                       const SampleOrder& order);

/// `sha256:<hex of body>`.
std::string body_digest(std::string_view body);

}  // namespace posthorn::providers

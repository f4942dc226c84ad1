// X-Twilio-Signature: base64 of HMAC-SHA1 over the address and, for a form, its fields.

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/twilio.h"

namespace posthorn::providers::twilio {
namespace {

constexpr std::string_view signature_header = "X-Twilio-Signature";
constexpr std::string_view hash_parameter = "bodySHA256";

struct ByCodeUnit {
  bool operator()(std::string_view a, std::string_view b) const { return less_by_code_unit(a, b); }
};

/// What the URL standard escapes when it writes a path or a query.
std::string escaped(std::string_view text, std::string_view marks) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || marks.contains(c))
      out += text::percent_encode(std::string_view(&c, 1));
    else
      out += c;
  }
  return out;
}

std::string hash_of_body(std::string_view body) { return to_hex(crypto::sha256(body)); }

std::string mac_of(std::string_view token, std::string_view url, std::string_view fields_text) {
  return crypto::hmac(crypto::Digest::sha1, token, std::string(url) + std::string(fields_text));
}

/// The signed text behind the address; nullopt and a failed step when the body is not covered.
std::optional<std::string> covered_fields(Steps& steps, const Incoming& request) {
  if (is_signed_by_hash(request)) {
    const auto query = text::parse_form(request.query());
    if (!steps.check(query && query->count(hash_parameter) == 1, "one bodySHA256 in the address",
                     "the address has bodySHA256 more than once") ||
        !steps.check(crypto::equal_in_constant_time(query->value(hash_parameter),
                                                    hash_of_body(request.body)),
                     "bodySHA256 is the SHA-256 of the body",
                     "the body does not have the SHA-256 that bodySHA256 in the address says: it "
                     "was changed or written anew on its way"))
      return std::nullopt;
    return std::string();
  }
  if (request.method == "GET") {
    if (!steps.check(request.body.empty(), "a GET has no body",
                     "it is a GET with a body, which the signature would not cover"))
      return std::nullopt;
    return std::string();
  }
  const auto form = text::parse_form(request.body);
  if (!steps.check(form.has_value(), "the body's fields",
                   form ? "" : "the body cannot be read as a form: " + form.error().what))
    return std::nullopt;
  return signed_fields(*form);
}

}  // namespace

bool is_signed_by_hash(const Incoming& request) {
  const auto query = text::parse_form(request.query());
  return query && query->count(hash_parameter) > 0;
}

std::vector<std::string> signed_spellings(std::string_view url) {
  std::vector<std::string> all{std::string(url)};
  const auto address = address_parts(url);
  if (!address) return all;
  const auto add = [&](std::string_view host, const std::string& rest) {
    const std::string front = std::string(address->scheme) + "://" + std::string(address->user);
    const std::string_view usual =
        equal_ignoring_case_ascii(address->scheme, "http") ? "80" : "443";
    const auto port = address->port.empty() ? usual : address->port;
    for (const auto& one : {front + std::string(host) + rest,
                            front + std::string(host) + ":" + std::string(port) + rest})
      if (std::ranges::find(all, one) == all.end()) all.push_back(one);
  };
  add(address->host, std::string(address->path) + std::string(address->query));
  const std::string host = to_lower_ascii(address->host);
  const std::string path = address->path.empty() ? "/" : escaped(address->path, "\"<>`{}");
  add(host, path + escaped(address->query, "\"<>'"));
  if (const auto query = text::parse_form(address->query.substr(address->query.empty() ? 0 : 1));
      query && !query->fields().empty())
    add(host, path + "?" + node_query(query->fields()));
  return all;
}

std::string signed_fields(const text::Form& form) {
  std::map<std::string_view, std::vector<std::string_view>, ByCodeUnit> values;
  for (const auto& field : form.fields()) values[field.name].push_back(field.value);
  std::string out;
  for (auto& [name, ones] : values) {
    std::ranges::sort(ones, ByCodeUnit{});
    ones.erase(std::ranges::unique(ones).begin(), ones.end());
    for (const auto one : ones) out.append(name).append(one);
  }
  return out;
}

Verification verify(const Settings& settings, const Incoming& request, Instant) {
  Steps steps;
  if (!has_secret(steps, settings, "auth_token")) return std::move(steps).refused();
  const auto header = single_header(steps, request, signature_header);
  if (!header) return std::move(steps).refused();
  const auto given = from_base64(*header);
  if (!steps.check(given && given->size() == 20, "the signature is base64 of 20 bytes",
                   header->empty() ? "X-Twilio-Signature is empty"
                                   : "X-Twilio-Signature is not base64 of the 20 bytes of an "
                                     "HMAC-SHA1"))
    return std::move(steps).refused();
  const auto covered = covered_fields(steps, request);
  if (!covered) return std::move(steps).refused();
  bool matches = false;
  for (const auto& url : signed_spellings(request.url))
    for (const auto& token : settings.all("auth_token"))
      matches |= crypto::equal_in_constant_time(mac_of(token, url, *covered), *given);
  if (!steps.check(matches, "HMAC-SHA1 of the address and the fields",
                   "X-Twilio-Signature is not the HMAC-SHA1 of the address and the fields under "
                   "the auth token: check that it is the primary token, and that the address set "
                   "at Twilio is this source's, character by character"))
    return std::move(steps).refused();
  return std::move(steps).verified();
}

Sample signed_call(const Settings& settings, const SampleOrder& order,
                   const std::vector<text::FormField>& form, std::string body) {
  Sample made{.url = std::string(order.url), .body = std::move(body)};
  const bool is_json = made.body.starts_with('[') || made.body.starts_with('{');
  std::string fields_text;
  if (is_json) {
    made.url += made.url.contains('?') ? '&' : '?';
    made.url += std::string(hash_parameter) + "=" + hash_of_body(made.body);
  } else {
    if (made.body.empty()) made.body = text::write_form(form);
    if (const auto given = text::parse_form(made.body)) fields_text = signed_fields(*given);
  }
  made.headers = {{"Content-Type", is_json ? "application/json"
                                           : "application/x-www-form-urlencoded; charset=UTF-8"},
                  {"User-Agent", "TwilioProxy/1.1"},
                  {std::string(signature_header),
                   to_base64(mac_of(settings.text("auth_token"), made.url, fields_text))}};
  return made;
}

}  // namespace posthorn::providers::twilio

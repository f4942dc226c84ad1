// The parameters of Vonage's older SMS API and their signature.

#include <algorithm>

#include "base/bytes.h"
#include "crypto/legacy_digest.h"
#include "providers/common.h"
#include "providers/form_payload.h"
#include "providers/vonage.h"
#include "text/json_payload.h"

namespace posthorn::providers::vonage_api {
namespace {

/// A member as JavaScript writes it into a text; nullopt for a list or an object.
std::optional<std::string> text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_structured() || value.is_null()) return std::nullopt;
  return json_text(value);
}

Result<text::Form> members_of(std::string_view body) {
  auto value = text::parse_payload(body);
  if (!value) return fail(Errc::invalid, "the body is not JSON: " + value.error().what);
  if (!value->is_object()) return fail(Errc::invalid, "the body is not a JSON object");
  if (value->get_object().size() > text::form_fields_max)
    return fail(Errc::limit, "the body has too many members");
  std::vector<text::FormField> fields;
  for (const auto& member : value->get_object()) {
    auto text = text_of(member.value());
    if (!text)
      return fail(Errc::invalid,
                  "the member " + printable(member.key()) + " is null, a list or an object");
    fields.push_back({std::string(member.key()), *std::move(text)});
  }
  return text::Form(std::move(fields));
}

/// The name that comes twice; empty when all differ.
std::string repeated_name(const text::Form& form) {
  std::vector<std::string_view> names;
  for (const auto& field : form.fields()) names.push_back(field.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  return twice == names.end() ? "" : std::string(*twice);
}

}  // namespace

Result<text::Form> sms_parameters(const Incoming& request) {
  const bool is_json = request.method != "GET" && request.content_type() == "application/json";
  PH_TRY(auto form, is_json ? members_of(request.body) : call_parameters(request));
  if (form.fields().empty()) return fail(Errc::invalid, "the call has no parameters");
  if (const auto name = repeated_name(form); !name.empty())
    return fail(Errc::invalid, "the parameter " + printable(name) + " came more than once");
  return form;
}

std::string sms_signature(std::string_view algorithm, std::string_view secret,
                          const text::Form& parameters) {
  std::vector<text::FormField> fields(parameters.fields().begin(), parameters.fields().end());
  std::erase_if(fields, [](const text::FormField& field) { return field.name == "sig"; });
  std::ranges::sort(fields, less_by_code_unit, &text::FormField::name);
  std::string text;
  for (auto& field : fields) {
    std::ranges::replace_if(field.value, [](char c) { return c == '&' || c == '='; }, '_');
    text += "&" + field.name + "=" + field.value;
  }
  if (algorithm == "md5hash") return crypto::md5(text + std::string(secret));
  if (algorithm == "md5hmac") return crypto::hmac_md5(secret, text);
  return crypto::hmac(algorithm == "sha1hmac"     ? crypto::Digest::sha1
                      : algorithm == "sha256hmac" ? crypto::Digest::sha256
                                                  : crypto::Digest::sha512,
                      secret, text);
}

}  // namespace posthorn::providers::vonage_api

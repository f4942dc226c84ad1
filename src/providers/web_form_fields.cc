#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mime/charset.h"
#include "providers/common.h"
#include "providers/web_form.h"
#include "text/form.h"
#include "text/json_payload.h"
#include "text/multipart.h"

namespace posthorn::providers {
namespace {

/// A browser sends one with every file input that was left alone.
bool is_left_alone(const text::FormPart& part) {
  return part.filename->empty() && part.bytes.empty();
}

Result<WebForm> read_parts(const Incoming& request) {
  WebForm form;
  PH_TRY(const auto parts,
         text::read_multipart(request.header("Content-Type").value_or(""), request.body));
  for (const auto& part : parts) {
    if (!part.filename)
      form.fields.emplace_back(part.name, mime::to_utf8(part.bytes, ""));
    else if (!is_left_alone(part))
      form.files.push_back(
          mime::describe_attachment(*part.filename, part.content_type, part.bytes));
  }
  return form;
}

Result<> add_value(WebForm& form, std::string_view name, const json::value& value) {
  if (value.is_object())
    return fail(Errc::invalid, "the field \"" + std::string(name) + "\" is an object");
  if (const auto* list = value.if_array()) {
    for (const auto& one : *list) {
      if (one.is_array())
        return fail(Errc::invalid, "the field \"" + std::string(name) + "\" holds a list of lists");
      if (auto added = add_value(form, name, one); !added) return added;
    }
    return {};
  }
  if (value.is_null())
    form.fields.emplace_back(name, "");
  else if (value.is_string())
    form.fields.emplace_back(name, value.get_string());
  else
    form.fields.emplace_back(name, json_text(value));
  return {};
}

Result<WebForm> read_json(const Incoming& request) {
  WebForm form;
  form.is_json = true;
  PH_TRY(const auto body, text::parse_payload(request.body));
  if (!body.is_object()) return fail(Errc::invalid, "it is not a JSON object");
  for (const auto& member : body.get_object())
    if (auto added = add_value(form, member.key(), member.value()); !added)
      return fail(std::move(added).error());
  if (form.fields.size() > text::form_fields_max)
    return fail(Errc::limit, "it has more than 10000 fields");
  return form;
}

}  // namespace

std::string WebForm::first_of(std::initializer_list<std::string_view> names) const {
  for (const auto name : names)
    for (const auto& [known, value] : fields)
      if (equal_ignoring_case_ascii(known, name) && !trim(value).empty())
        return std::string(trim(value));
  return {};
}

Result<WebForm> read_web_form(const Incoming& request) {
  const auto type = request.content_type();
  if (type == "multipart/form-data") return read_parts(request);
  if (type == "application/json") return read_json(request);
  if (type != "application/x-www-form-urlencoded")
    return fail(Errc::invalid,
                "Content-Type is not application/x-www-form-urlencoded, multipart/form-data or "
                "application/json");
  WebForm form;
  PH_TRY(const auto read, text::parse_form(request.body));
  for (const auto& field : read.fields())
    form.fields.emplace_back(mime::to_utf8(field.name, ""), mime::to_utf8(field.value, ""));
  return form;
}

std::string digest_of(const WebForm& form) {
  json::array all;
  for (const auto& [name, value] : form.fields) all.push_back(json::array{name, value});
  for (const auto& file : form.files) all.push_back(json::array{file.filename, file.sha256});
  return body_digest(json_text(all));
}

}  // namespace posthorn::providers

#include "providers/mailgun_call.h"
#include "base/bytes.h"
#include "mime/charset.h"
#include "providers/common.h"
#include "text/form.h"
#include "text/json_payload.h"

namespace posthorn::providers::mailgun_call {
namespace {

Signature signature_of(const json::value& body) {
  Signature signature;
  const auto* given = body.is_object() ? object_member(body.get_object(), "signature") : nullptr;
  if (given == nullptr) return signature;
  signature.timestamp = id_member(*given, "timestamp");
  signature.token = text_member(*given, "token");
  signature.mac = text_member(*given, "signature");
  signature.parent_mac = text_member(*given, "parent-signature");
  return signature;
}

Signature signature_of(const Form& form) {
  return {form.text("timestamp"), form.text("token"), form.text("signature"),
          form.text("parent-signature")};
}

Result<Form> read_form(const Incoming& request, const std::string& type) {
  Form form;
  if (type == "application/x-www-form-urlencoded") {
    PH_TRY(const auto read, text::parse_form(request.body));
    for (const auto& field : read.fields()) form.fields.emplace_back(field.name, field.value);
    return form;
  }
  PH_TRY(auto parts,
         text::read_multipart(request.header("Content-Type").value_or(""), request.body));
  for (auto& part : parts) {
    if (part.filename)
      form.files.push_back(std::move(part));
    else
      form.fields.emplace_back(part.name, part.bytes);
  }
  return form;
}

}  // namespace

std::string_view Form::raw(std::string_view name) const {
  for (const auto& [known, value] : fields)
    if (equal_ignoring_case_ascii(known, name)) return value;
  return {};
}

std::string Form::text(std::string_view name) const { return mime::to_utf8(raw(name), ""); }

Result<Call> read_call(const Incoming& request) {
  Call call;
  const auto type = request.content_type();
  if (type == "application/x-www-form-urlencoded" || type == "multipart/form-data") {
    PH_TRY(call.form, read_form(request, type));
    call.signature = signature_of(*call.form);
    return call;
  }
  PH_TRY(call.body, text::parse_payload(request.body));
  call.signature = signature_of(call.body);
  return call;
}

}  // namespace posthorn::providers::mailgun_call

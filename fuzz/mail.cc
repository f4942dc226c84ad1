// mime/mail.h and text/multipart.h on any bytes.
#include "mime/mail.h"

#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"
#include "mime/charset.h"
#include "text/multipart.h"

namespace mime = posthorn::mime;
namespace text = posthorn::text;

namespace {

void check_text(const std::string& text) { PH_ASSERT(posthorn::is_utf8(text)); }

void check_mail(std::string_view raw) {
  const auto mail = mime::read_mail(raw);
  if (!mail) return;
  std::size_t kept = mail->text.size() + mail->html.size();
  for (const auto& header : mail->headers) {
    check_text(header.value);
    PH_ASSERT(header.value.find_first_of("\r\n") == std::string::npos);
  }
  for (const auto& one : mail->attachments) {
    check_text(one.filename);
    check_text(one.content_type);
    PH_ASSERT(one.left_out || one.content.size() == one.size);
    kept += one.content.size();
  }
  PH_ASSERT(kept <= mime::decoded_bytes_max + mime::parts_max);
  PH_ASSERT(mail->references.size() <= mime::message_ids_max);
  check_text(mail->subject);
  check_text(mail->text);
  check_text(mail->html);
}

void check_form(std::string_view body) {
  const auto parts = text::read_multipart("multipart/form-data; boundary=XX", body);
  if (!parts) return;
  PH_ASSERT(parts->size() <= text::multipart_parts_max);
  for (const auto& part : *parts) {
    check_text(part.name);
    if (part.filename) check_text(*part.filename);
    if (!part.bytes.empty())
      PH_ASSERT(part.bytes.data() >= body.data() &&
                part.bytes.data() + part.bytes.size() <= body.data() + body.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view given(reinterpret_cast<const char*>(data), size);
  if (given.empty()) return 0;
  if (given.front() == 'f') {
    check_form(given.substr(1));
  } else if (given.front() == 'c') {
    const auto end = given.find('\n');
    const auto charset = given.substr(1, end == given.npos ? end : end - 1);
    check_text(mime::to_utf8(end == given.npos ? "" : given.substr(end), charset));
  } else {
    check_mail(given);
  }
  return 0;
}

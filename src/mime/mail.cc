#include "mime/mail.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/entity.h"

namespace posthorn::mime {
namespace {

/// Walks the parts and fills a mail.
class Reader {
 public:
  explicit Reader(Mail& mail) : mail_(mail) {}

  void read(const Entity& entity, std::string_view raw, int depth, bool in_related) {
    const auto type = Parameters::read(entity.header("Content-Type"));
    const bool is_multipart = type.value.starts_with("multipart/") && !type["boundary"].empty();
    if (is_multipart && depth == depth_max) {
      mail_.too_deep = true;
      keep(describe_attachment({}, type.value, raw), std::string(raw));
    } else if (is_multipart) {
      read_multipart(entity, type, depth);
    } else {
      read_leaf(entity, type, in_related);
    }
  }

 private:
  void read_multipart(const Entity& entity, const Parameters& type, int depth) {
    const auto found = split_parts(entity.body, type["boundary"], parts_max - count_);
    count_ += found.parts.size();
    for (const auto part : found.parts)
      read(split_entity(part), part, depth + 1, type.value == "multipart/related");
    if (found.rest.empty()) return;
    mail_.too_many_parts = true;
    keep(describe_attachment({}, "application/octet-stream", found.rest), std::string(found.rest));
  }

  void read_leaf(const Entity& entity, const Parameters& type, bool in_related) {
    const auto disposition = Parameters::read(entity.header("Content-Disposition"));
    std::string filename = disposition["filename"];
    if (filename.empty()) filename = type["name"];
    auto content = decode_transfer(entity.body, entity.header("Content-Transfer-Encoding"));
    const bool is_text = type.value.empty() || type.value == "text/plain";
    if ((is_text || type.value == "text/html") && disposition.value != "attachment" &&
        filename.empty()) {
      add_text(is_text ? mail_.text : mail_.html, content, type["charset"]);
      return;
    }
    auto attachment = describe_attachment(std::move(filename), type.value, content);
    const auto ids = read_message_ids(entity.header("Content-ID"));
    if (!ids.empty()) attachment.content_id = ids.front();
    attachment.is_inline =
        disposition.value == "inline" || (in_related && !attachment.content_id.empty());
    keep(std::move(attachment), std::move(content));
  }

  void add_text(std::string& text, std::string_view content, std::string_view charset) {
    auto read = to_utf8(content, charset);
    if (!fits(read.size())) return;
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += read;
  }

  void keep(Attachment attachment, std::string content) {
    attachment.left_out = !fits(content.size());
    if (!attachment.left_out) attachment.content = std::move(content);
    mail_.attachments.push_back(std::move(attachment));
  }

  bool fits(std::size_t bytes) {
    if (bytes > decoded_bytes_max - decoded_) {
      mail_.too_large = true;
      return false;
    }
    decoded_ += bytes;
    return true;
  }

  Mail& mail_;
  std::size_t count_ = 0;
  std::size_t decoded_ = 0;
};

std::optional<Address> first_of(std::vector<Address> addresses) {
  if (addresses.empty()) return std::nullopt;
  return std::move(addresses.front());
}

}  // namespace

const std::string* Mail::header(std::string_view name) const {
  for (const auto& one : headers)
    if (equal_ignoring_case_ascii(one.name, name)) return &one.value;
  return nullptr;
}

Result<Mail> read_mail(std::string_view raw) {
  const Entity entity = split_entity(raw);
  if (entity.headers.empty()) return fail(Errc::invalid, "it is not a mail: it has no headers");
  Mail mail;
  for (const auto& [name, value] : entity.headers)
    mail.headers.push_back({std::string(name), read_text(value)});
  if (auto ids = read_message_ids(entity.header("Message-ID")); !ids.empty())
    mail.message_id = std::move(ids.front());
  if (auto ids = read_message_ids(entity.header("In-Reply-To")); !ids.empty())
    mail.in_reply_to = std::move(ids.front());
  mail.references = read_message_ids(entity.header("References"));
  mail.from = first_of(read_addresses(entity.header("From")));
  mail.to = read_addresses(entity.header("To"));
  mail.cc = read_addresses(entity.header("Cc"));
  mail.reply_to = read_addresses(entity.header("Reply-To"));
  mail.subject = read_text(entity.header("Subject"));
  mail.date = read_date(entity.header("Date"));
  Reader(mail).read(entity, raw, 0, false);
  return mail;
}

Attachment describe_attachment(std::string filename, std::string content_type,
                               std::string_view bytes) {
  Attachment made;
  made.filename = std::move(filename);
  made.content_type =
      to_lower_ascii(trim(std::string_view(content_type).substr(0, content_type.find(';'))));
  if (made.content_type.empty()) made.content_type = "application/octet-stream";
  made.size = bytes.size();
  made.sha256 = to_hex(crypto::sha256(bytes));
  return made;
}

}  // namespace posthorn::mime

#pragma once
// A mail read out of its bytes: who wrote what to whom, with which attachments. It is read as
// leniently as mail in the wild needs it, in time that grows with its length, and bounded: what
// lies past a limit is kept as raw bytes or left out, and said so. Pure; thread-safe.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "mime/header.h"

namespace posthorn::mime {

inline constexpr int depth_max = 10;
inline constexpr std::size_t parts_max = 1000;
inline constexpr std::size_t decoded_bytes_max = 25UL << 20;
inline constexpr std::size_t header_bytes_max = 256 * 1024;
inline constexpr std::size_t headers_max = 1000;

struct Header {
  std::string name;   ///< As written.
  std::string value;  ///< Unfolded and decoded, UTF-8.
};

struct Attachment {
  std::string filename;  ///< Data, never a path; empty when it has none.
  std::string
      content_type;        ///< "image/png", lower case; application/octet-stream when none is said.
  std::uint64_t size = 0;  ///< Of the decoded bytes.
  std::string sha256;      ///< Of the decoded bytes, lower-case hex.
  std::string content_id;  ///< Without angle brackets.
  bool is_inline = false;  ///< Shown inside the text (`cid:`) rather than beside it.
  /// The decoded bytes; empty when all together would pass decoded_bytes_max (`left_out`).
  std::string content;
  bool left_out = false;
};

struct Mail {
  std::vector<Header> headers;  ///< Of the mail itself, in their order.
  std::string message_id;       ///< Without angle brackets; empty when it has none.
  std::string in_reply_to;      ///< The first one.
  std::vector<std::string> references;
  std::optional<Address> from;
  std::vector<Address> to, cc, reply_to;
  std::string subject;
  std::optional<Instant> date;
  /// The text/plain and text/html parts that are not attachments, each joined in their order; line
  /// ends as they came.
  std::string text, html;
  std::vector<Attachment> attachments;
  bool too_deep = false;        ///< A multipart below depth_max was kept raw, as an attachment.
  bool too_many_parts = false;  ///< So was what came after parts_max.
  bool too_large = false;       ///< Some text or attachment was left out.

  /// The first header of that name (case does not matter); nullptr when there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

/// Error: invalid, when there is not a single header: it is not a mail.
Result<Mail> read_mail(std::string_view raw);

/// Attachments' facts, for those that come outside of a mail. `content` is not kept.
Attachment describe_attachment(std::string filename, std::string content_type,
                               std::string_view bytes);

}  // namespace posthorn::mime

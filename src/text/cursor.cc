#include "text/cursor.h"

#include <optional>

#include "base/assert.h"
#include "base/bytes.h"

namespace posthorn::text {
namespace {

// A cursor is base64url of: version, tag of the list, length-prefixed names and values, seal.
constexpr char version = 1;
constexpr std::size_t list_tag_bytes = 8;
constexpr std::size_t seal_bytes = 16;

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    different |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  return different == 0;
}

void append_piece(std::string& out, std::string_view piece) {
  PH_ASSERT(piece.size() <= 0xFF);
  out.push_back(static_cast<char>(piece.size()));
  out += piece;
}

std::optional<std::string> take_piece(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t size = static_cast<unsigned char>(text.front());
  if (text.size() < 1 + size) return std::nullopt;
  std::string piece(text.substr(1, size));
  text.remove_prefix(1 + size);
  return piece;
}

std::unexpected<Error> not_ours() {
  return fail(Errc::invalid,
              "not a cursor of this list: take `next_cursor` of the page before, unchanged");
}

}  // namespace

// Each use of the key begins with a name of its own, so that no tag can pass for another.
std::string CursorCodec::list_tag(std::string_view list) const {
  return mac_("cursor list\n" + std::string(list)).substr(0, list_tag_bytes);
}

std::string CursorCodec::seal_tag(std::string_view content) const {
  std::string tag = mac_("cursor seal\n" + std::string(content));
  PH_ASSERT(tag.size() >= seal_bytes);
  tag.resize(seal_bytes);
  return tag;
}

std::string CursorCodec::encode(std::string_view list, const CursorFields& fields) const {
  std::string content(1, version);
  content += list_tag(list);
  for (const auto& [name, value] : fields) {
    append_piece(content, name);
    append_piece(content, value);
  }
  std::string cursor = to_base64url(content + seal_tag(content));
  PH_ASSERT(cursor.size() <= cursor_bytes_max);
  return cursor;
}

Result<CursorFields> CursorCodec::decode(std::string_view list, std::string_view cursor) const {
  if (cursor.size() > cursor_bytes_max) return not_ours();
  const auto bytes = from_base64url(cursor);
  if (!bytes || bytes->size() < 1 + list_tag_bytes + seal_bytes) return not_ours();
  const std::string_view sealed = *bytes;
  std::string_view content = sealed.substr(0, sealed.size() - seal_bytes);
  if (!equal_in_constant_time(sealed.substr(content.size()), seal_tag(content)) ||
      content.front() != version)
    return not_ours();
  if (content.substr(1, list_tag_bytes) != list_tag(list))
    return fail(Errc::conflict,
                "the cursor belongs to a list with other filters: repeat the filters of its first "
                "page, or begin again without a cursor");
  CursorFields fields;
  content.remove_prefix(1 + list_tag_bytes);
  while (!content.empty()) {
    auto name = take_piece(content);
    auto value = take_piece(content);
    if (!name || !value) return not_ours();
    fields.emplace(*std::move(name), *std::move(value));
  }
  return fields;
}

}  // namespace posthorn::text

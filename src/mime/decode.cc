#include "mime/decode.h"

#include <gmime/gmime.h>

#include "base/bytes.h"

namespace posthorn::mime {

std::string decode_transfer(std::string_view bytes, std::string_view encoding) {
  const std::string name = to_lower_ascii(trim(encoding));
  GMimeContentEncoding kind;
  if (name == "base64")
    kind = GMIME_CONTENT_ENCODING_BASE64;
  else if (name == "quoted-printable")
    kind = GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
  else if (name == "x-uuencode" || name == "uuencode" || name == "x-uue")
    kind = GMIME_CONTENT_ENCODING_UUENCODE;
  else
    return std::string(bytes);
  GMimeEncoding state;
  g_mime_encoding_init_decode(&state, kind);
  std::string out(g_mime_encoding_outlen(&state, bytes.size()), '\0');
  const std::size_t size = g_mime_encoding_flush(&state, bytes.data(), bytes.size(), out.data());
  out.resize(size);
  return out;
}

}  // namespace posthorn::mime

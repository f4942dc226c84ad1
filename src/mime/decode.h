#pragma once
// Content-Transfer-Encoding. Not for use outside mime/.

#include <string>
#include <string_view>

namespace posthorn::mime {

/// The bytes behind base64, quoted-printable or uuencode, read leniently; those of any other or no
/// encoding as they are.
std::string decode_transfer(std::string_view bytes, std::string_view encoding);

}  // namespace posthorn::mime

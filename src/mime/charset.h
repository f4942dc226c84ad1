#pragma once
// Charsets of mail, as mailers really name and use them.

#include <string>
#include <string_view>

namespace posthorn::mime {

/// The bytes as well-formed UTF-8 without U+0000, whatever they are: what the charset cannot say
/// becomes U+FFFD. An empty or unknown charset is guessed: UTF-8 when the bytes are that, else
/// Windows-1252. ISO-8859-1 and US-ASCII are read so too, as browsers do. Thread-safe.
std::string to_utf8(std::string_view bytes, std::string_view charset);

}  // namespace posthorn::mime

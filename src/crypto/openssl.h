#pragma once
// What the sources that call OpenSSL share. Not for other folders: it brings OpenSSL's headers.

#include <openssl/evp.h>

#include <memory>
#include <string_view>

namespace posthorn::crypto {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeDigestContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigestContext>;

/// Never null: OpenSSL takes no null pointer where a text is empty.
inline const unsigned char* bytes_of(std::string_view text) {
  static constexpr unsigned char nothing = 0;
  return text.empty() ? &nothing : reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace posthorn::crypto

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <limits>
#include <memory>

#include "base/assert.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"

namespace posthorn::crypto {
namespace {

constexpr std::size_t cipher_key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

/// Where OpenSSL writes.
unsigned char* room_in(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

int int_size(std::string_view text) {
  PH_ASSERT(text.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(text.size());
}

/// A cipher with its key, nonce and authenticated context.
Cipher prepared(std::string_view key, std::string_view nonce, std::string_view context,
                bool encrypt) {
  PH_ASSERT(key.size() == cipher_key_bytes);
  Cipher cipher(EVP_CIPHER_CTX_new());
  PH_ASSERT(cipher != nullptr);
  PH_ASSERT(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                              bytes_of(nonce), encrypt ? 1 : 0) == 1);
  int ignored = 0;
  PH_ASSERT(context.empty() || EVP_CipherUpdate(cipher.get(), nullptr, &ignored, bytes_of(context),
                                                int_size(context)) == 1);
  return cipher;
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  PH_ASSERT(count == 0 || RAND_priv_bytes(room_in(out), int_size(out)) == 1);
  return out;
}

std::string seal(std::string_view key_of_32_bytes, std::string_view plain,
                 std::string_view context) {
  return seal_with_nonce(key_of_32_bytes, random_bytes(nonce_bytes), plain, context);
}

std::string seal_with_nonce(std::string_view key_of_32_bytes, std::string_view nonce_of_12_bytes,
                            std::string_view plain, std::string_view context) {
  PH_ASSERT(nonce_of_12_bytes.size() == nonce_bytes);
  const Cipher cipher = prepared(key_of_32_bytes, nonce_of_12_bytes, context, true);
  std::string body(plain.size(), '\0');
  int size = 0;
  PH_ASSERT(plain.empty() || EVP_CipherUpdate(cipher.get(), room_in(body), &size, bytes_of(plain),
                                              int_size(plain)) == 1);
  std::string tag(tag_bytes, '\0');
  PH_ASSERT(EVP_CipherFinal_ex(cipher.get(), room_in(tag), &size) == 1);
  PH_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, int{tag_bytes}, tag.data()) ==
            1);
  return std::string(nonce_of_12_bytes) + body + tag;
}

std::optional<std::string> open(std::string_view key_of_32_bytes, std::string_view sealed,
                                std::string_view context) {
  if (sealed.size() < nonce_bytes + tag_bytes) return std::nullopt;
  const std::string_view body = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  std::string tag(sealed.substr(sealed.size() - tag_bytes));
  const Cipher cipher = prepared(key_of_32_bytes, sealed.substr(0, nonce_bytes), context, false);
  std::string plain(body.size(), '\0');
  int size = 0;
  PH_ASSERT(body.empty() || EVP_CipherUpdate(cipher.get(), room_in(plain), &size, bytes_of(body),
                                             int_size(body)) == 1);
  PH_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, int{tag_bytes}, tag.data()) ==
            1);
  unsigned char none = 0;
  if (EVP_CipherFinal_ex(cipher.get(), &none, &size) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return plain;
}

}  // namespace posthorn::crypto
